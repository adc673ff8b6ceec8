import { join } from 'node:path'
import { modelNames } from '@digitlab/models'
import { compareRuns, comparisonMarkdown, comparisonText, type ComparisonRow, type ReportInput } from '@digitlab/report'
import { completeExperiment, readableJson, runExperiment, type Run } from '@digitlab/train'
import { Command, Option } from 'commander'
import { Interrupted, interruptible } from '../interrupt'
import { checkGpuFlags, choose, load } from '../load'
import { addTraining, listOf, modelOf, optimizerOf, shared, wholeNumber, type OptimizerFlags } from '../options'
import { note, writeResult } from '../output'
import { progressLine } from '../progress-line'
import { writeReport } from '../report-files'
import { inputOfResult } from '../report-input'
import { tensorboardLog } from '../tensorboard-log'
import { workersOn } from '../workers'
import { freshPath, prepareFolder, writeFolder, writeRun } from '../run-folder'

interface Flags extends OptimizerFlags {
  readonly models: readonly string[]
  readonly dataset: string
  readonly dataDir?: string
  readonly backends: readonly string[]
  readonly device?: number
  readonly tf32?: boolean
  readonly seeds: readonly number[]
  readonly epochs: number
  readonly batchSize: number
  readonly workers: number | 'auto'
  readonly logEvery?: number
  readonly report: boolean
  readonly tensorboard?: string
  readonly out?: string
  readonly json?: boolean
}

export const compareCommand = (): Command =>
  addTraining(
    new Command('compare')
      .description('Train several models, on several backends or from several seeds, and put them side by side.')
      .addOption(
        new Option('--models <list>', 'names or JSON files, with commas')
          .argParser(listOf(String))
          .default([...modelNames], modelNames.join(',')),
      )
      .addOption(shared.dataset('auto'))
      .addOption(shared.dataDir())
      .addOption(
        new Option('--backends <list>', 'auto, or ids with commas').argParser(listOf(String)).default(['auto'], 'auto'),
      )
      .addOption(new Option('--backend <id>', 'the same as --backends with one').argParser(listOf(String)).hideHelp())
      .addOption(shared.device())
      .addOption(shared.tf32())
      .addOption(
        new Option('--seeds <list>', 'several give mean and standard deviation')
          .argParser(listOf(wholeNumber))
          .default([0], '0'),
      )
      .addOption(shared.workers())
      .addOption(shared.logEvery())
      .addOption(shared.tensorboard())
      .addOption(shared.report())
      .option('--out <folder>', 'where to write the runs (a new folder in runs/ unless given)')
      .addOption(shared.json()),
    { epochs: 5 },
  ).action(async ({ backend, ...flags }: Flags & { backend?: readonly string[] }) =>
    compare({ ...flags, backends: backend ?? flags.backends }),
  )

const compare = async (flags: Flags): Promise<void> => {
  const { epochs, batchSize } = flags
  checkGpuFlags(flags, flags.backends)
  const optimizer = optimizerOf(flags)
  const settings = flags.models.flatMap((name) =>
    flags.seeds.map((seed) => ({ model: modelOf(name), seed, epochs, batchSize, optimizer })),
  )
  for (const setting of settings) completeExperiment(setting) // a wrong value is told before anything is loaded
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
  const out = flags.out ?? freshPath(join('runs', `compare-${stamp}`))
  await prepareFolder(out)

  const runs: { folder: string; run: Run }[] = []
  const inputs: ReportInput[] = []
  const interrupted = await interruptible('stopping after this step ...', async (signal) => {
    const chosen = []
    for (const wanted of flags.backends) chosen.push(await choose(wanted, flags))
    const data = await load(flags.dataset, flags.dataDir, signal)
    const dataset = flags.dataset === 'auto' ? data.name : flags.dataset
    for (const backend of chosen)
      for (const setting of settings) {
        if (signal.aborted) return true
        const experiment = completeExperiment({ ...setting, dataset })
        const model = typeof experiment.model === 'string' ? experiment.model : experiment.model.name
        const label = [`${model} on ${backend.id}`, ...(flags.seeds.length > 1 ? [`seed ${setting.seed}`] : [])].join(
          ' ',
        )
        const name = `${model}-${backend.id}-seed${setting.seed}`
        const log = await tensorboardLog(flags.tensorboard, name)
        const onProgress = log.following(progressLine(label, epochs, flags.logEvery ?? 0))
        const workers = workersOn(backend, flags.workers)
        const result = await runExperiment(experiment, { data, backend, workers, onProgress, signal })
        const folder = join(out, name)
        await writeRun(folder, result, data.test.labels)
        runs.push({ folder, run: result.run })
        await log.end(result, data)
        if (!flags.report) continue
        inputs.push(inputOfResult(result, data))
        await writeReport(folder, inputs.slice(-1))
      }
    return signal.aborted
  })

  const completed = runs.filter(({ run }) => run.status === 'completed')
  const comparison = compareRuns(completed.map(({ run }) => rowOf(run)))
  const folder = await writeFolder(join(out, 'comparison'), {
    'comparison.json': readableJson(comparison),
    'comparison.md': comparisonMarkdown(comparison),
  })
  const report = inputs.length === 0 ? null : await writeReport(out, inputs)
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
      `${comparisonText(comparison)}\nwritten to ${out} (the table to ${folder})${report === null ? '' : `\nall figures on one page: ${report}`}`,
  )
  if (interrupted) {
    note(
      `interrupted: ${completed.length} of ${settings.length * flags.backends.length} runs are whole; what there is was written to ${out}`,
    )
    throw new Interrupted()
  }
}

const rowOf = ({ model, backend, dataset, experiment, metrics, timing }: Run): ComparisonRow => ({
  model: model.name,
  parameters: model.parameters,
  backend: backend.id,
  dataset: dataset.title,
  ...(dataset.notice === undefined ? {} : { notice: dataset.notice }),
  seed: experiment.seed,
  testAccuracy: metrics.accuracy,
  testLoss: metrics.meanLoss,
  secondsPerEpoch: timing.secondsPerEpoch,
  epochs: experiment.epochs,
})
