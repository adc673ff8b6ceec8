import { mkdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Backend } from '@digitlab/backends'
import { caseStudyModels } from '@digitlab/models'
import { compareRuns, comparisonMarkdown, comparisonText, type ReportInput } from '@digitlab/report'
import { completeExperiment, readableJson, runExperiment, type ExperimentInput, type Run } from '@digitlab/train'
import { type Command, Option } from 'commander'
import type { AugmentFlags } from '../augment-option'
import type { ChoiceFlags } from '../choices'
import { eventsLog } from '../events-log'
import { imageWorkersOf, usualImageWorkers } from '../image-workers'
import { Interrupted, interruptible } from '../interrupt'
import { checkPlace } from '../dataset-place'
import { checkGpuFlags, chooseEach, load } from '../load'
import { claimFolder, claimFresh, folderName, type ClaimedFolder } from '../new-folder'
import { addTraining, checkOptions, listOf, modelOf, seedNumber, shared, trainingOf } from '../options'
import { resultWidth, warn, writeResult } from '../output'
import { progressLine } from '../progress-line'
import { writeInto, writeReport } from '../report-files'
import { inputOfResult } from '../report-input'
import { writeRun } from '../run-folder'
import { tensorboardLog } from '../tensorboard-log'
import { UsageError } from '../usage-error'
import { outlined } from './outline'

interface Flags extends ChoiceFlags, AugmentFlags {
  readonly models: readonly string[]
  readonly dataset: string
  readonly dataDir?: string
  readonly backends: readonly string[]
  readonly device?: number
  readonly tf32?: boolean
  readonly seeds: readonly number[]
  readonly recipe: boolean
  readonly workers: number | 'auto'
  readonly logEvery?: number
  readonly report: boolean
  readonly tensorboard?: string
  readonly out?: string
  readonly json?: boolean
}

export const compareCommand = (): Command =>
  addTraining(
    outlined('compare')
      .addOption(
        new Option('--models <list>', 'comma-separated names or JSON files')
          .argParser(listOf(String))
          .default([...caseStudyModels], caseStudyModels.join(',')),
      )
      .addOption(shared.dataset('auto'))
      .addOption(shared.dataDir())
      .addOption(
        new Option('--backends <list>', 'auto, or comma-separated ids')
          .argParser(listOf(String))
          .default(['auto'], 'auto'),
      )
      .addOption(new Option('--backend <id>', 'the same as --backends with one').argParser(listOf(String)).hideHelp())
      .addOption(shared.device())
      .addOption(shared.tf32())
      .addOption(
        new Option('--seeds <list>', 'several give the mean and standard deviation')
          .argParser(listOf(seedNumber))
          .default([0], '0'),
      )
      .addOption(shared.workers())
      .addOption(shared.logEvery())
      .addOption(shared.tensorboard())
      .addOption(shared.report())
      .option('--out <folder>', 'where to write the runs (a new folder in runs/ by default)')
      .addOption(shared.json()),
    { epochs: 5 },
  ).action(async ({ backend, ...flags }: Flags & { backend?: readonly string[] }, command: Command) =>
    compare({ ...flags, backends: backend ?? flags.backends }, command),
  )

/** One of the runs that are compared. */
interface Setting extends ExperimentInput {
  readonly name: string
  readonly seed: number
}

/**
 * What is to be run on each backend.
 *
 * @throws UsageError if two models have one name: nobody could tell them apart in the table
 */
const settingsOf = (flags: Flags, command: Command): Setting[] => {
  const models = flags.models.map((from) => {
    const model = modelOf(from)
    const training = trainingOf(model, flags, command)
    checkOptions(() => completeExperiment({ model, ...training })) // a wrong value is told before anything is loaded
    return { from, model, training, name: typeof model === 'string' ? model : model.name }
  })
  for (const [i, { name, from }] of models.entries()) {
    const other = models.slice(0, i).find((earlier) => folderName(earlier.name) === folderName(name))
    if (other)
      throw new UsageError(
        `two models are called "${name}" (${other.from} and ${from}): give one of them another name, the table tells them apart by it`,
      )
  }
  return models.flatMap(({ model, name, training }) => flags.seeds.map((seed) => ({ ...training, model, name, seed })))
}

/** @throws UsageError if `auto` chose one that is named as well */
const chooseApart = async (flags: Flags): Promise<Backend[]> => {
  const chosen = await chooseEach(flags.backends, flags)
  const twice = chosen.find(({ id }, i) => chosen.findIndex((other) => other.id === id) < i)
  if (twice)
    throw new UsageError(`--backends names ${twice.id} twice, as auto is ${twice.id} here: leave one of them out`)
  return chosen
}

const compare = async (flags: Flags, command: Command): Promise<void> => {
  checkPlace(flags)
  checkGpuFlags(flags, flags.backends)
  const settings = settingsOf(flags, command)
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  const folder = await (flags.out === undefined ? claimFresh(join('runs', `compare-${stamp}`)) : claimFolder(flags.out))
  try {
    await compareInto(folder, settings, flags)
  } catch (error) {
    await folder.abandon()
    throw error
  }
}

const compareInto = async (claimed: ClaimedFolder, settings: readonly Setting[], flags: Flags): Promise<void> => {
  const { path: out } = claimed
  const runs: { folder: string; run: Run }[] = []
  const inputs: ReportInput[] = []
  const interrupted = await interruptible('stopping after this step ...', async (signal) => {
    const chosen = await chooseApart(flags)
    const data = await load(flags.dataset, flags.dataDir, { signal })
    const dataset = flags.dataset === 'auto' ? data.name : flags.dataset
    for (const backend of chosen)
      for (const { name: model, ...setting } of settings) {
        if (signal.aborted) return true
        const experiment = completeExperiment({ ...setting, dataset })
        const label = [`${model} on ${backend.id}`, ...(flags.seeds.length > 1 ? [`seed ${setting.seed}`] : [])].join(
          ' ',
        )
        const name = `${folderName(model)}-${backend.id}-seed${setting.seed}`
        const log = await tensorboardLog(flags.tensorboard, name)
        const folder = join(out, name)
        await mkdir(folder, { recursive: true })
        const events = eventsLog(folder)
        const onProgress = log.following(events.following(progressLine(label, experiment.epochs, flags.logEvery ?? 0)))
        const { workers } = flags
        const imageWorkers = imageWorkersOf(usualImageWorkers)
        const running = runExperiment(experiment, { data, backend, workers, imageWorkers, onProgress, signal })
        const result = await log.of(running).catch(async (error: unknown) => {
          await events.remove()
          await rmdir(folder).catch(() => {}) // nothing else is in it
          throw error
        })
        await events.end(result.run)
        await writeRun({ ...claimed, path: folder }, result, data.test.labels)
        runs.push({ folder, run: result.run })
        await log.end(result, data)
        if (!flags.report) continue
        inputs.push(await inputOfResult(folder, result, data))
        await writeReport(folder, inputs.slice(-1))
      }
    return signal.aborted
  })

  const completed = runs.filter(({ run }) => run.status === 'completed')
  const comparison = compareRuns(completed.map(({ run }) => run))
  await writeInto(join(out, 'comparison'), {
    'comparison.json': readableJson(comparison),
    'comparison.md': comparisonMarkdown(comparison),
  })
  const report = inputs.length === 0 ? null : await writeReport(out, inputs)
  await claimed.release()
  writeResult(
    flags.json ?? false,
    () => ({
      out,
      report,
      comparison,
      runs: runs.map(({ folder, run }) => ({
        folder,
        id: run.id,
        status: run.status,
        metrics: run.metrics,
        timing: run.timing,
      })),
    }),
    () =>
      `${comparisonText(comparison, { width: resultWidth() })}\nwritten to ${out} (the table to ${join(out, 'comparison')})${report === null ? '' : `\nall figures on one page: ${report}`}`,
  )
  if (interrupted) {
    warn(
      `interrupted: ${completed.length} of ${settings.length * flags.backends.length} runs are whole; what there is was written to ${out}`,
    )
    throw new Interrupted()
  }
}
