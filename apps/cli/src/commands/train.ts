import { join } from 'node:path'
import type { Backend } from '@digitlab/backends'
import type { Dataset } from '@digitlab/data'
import { classificationMetrics, grouped, metricsText } from '@digitlab/report'
import type { Checkpoint, CheckpointInterval, Initial } from '@digitlab/train'
import { completeExperiment, experimentId, type Experiment } from '@digitlab/train/experiment'
import type { Run, RunResult } from '@digitlab/train/run'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Begun } from '../begun'
import { parseInterval, removeCheckpoint, saveBegun, saveCheckpoint } from '../checkpoint-folder'
import { eventsLog, type EventsLog } from '../events-log'
import { imageWorkersOf, usualImageWorkers } from '../image-workers'
import { Interrupted, interruptible } from '../interrupt'
import { datasetPlace } from '../dataset-place'
import { beginToLoad, choose } from '../load'
import { claimFresh, folderName, type ClaimedFolder } from '../new-folder'
import { addTraining, shared } from '../options'
import { addPreparation } from '../preparation-options'
import { note, resultWidth, warn, writeResult } from '../output'
import { progressLine } from '../progress-line'
import { writeRun } from '../run-folder'
import { tensorboardLog, type TensorboardLog } from '../tensorboard-log'
import { isAuto, newPlan, resumedPlan, type Plan, type TrainFlags } from '../train-plan'
import { UsageError } from '../usage-error'
import { outlined } from './outline'

export const trainCommand = (): Command =>
  addPreparation(command()).action(async (named: string | undefined, flags: TrainFlags, command: Command) => {
    if (named !== undefined) {
      if (flags.model !== undefined)
        throw new UsageError(`two models are named, ${named} and ${flags.model} by --model: leave one of them out`)
      command.setOptionValueWithSource('model', named, 'cli')
    }
    await train(command.opts<TrainFlags>(), command)
  })

const command = (): Command =>
  addTraining(
    outlined('train')
      .argument('[model]', 'the same as --model')
      .addOption(shared.model())
      .option(
        '--experiment <file>',
        'what "digitlab init" writes, or a run.json whose experiment is to be run again, instead of --model and what goes with it',
      )
      .addOption(shared.dataset('auto'))
      .addOption(shared.dataDir())
      .option('--mlflow <uri>', 'send the finished run to this MLflow server')
      .option('--stream', 'read the training images of a folder of IDX files from the disk as they are needed')
      .addOption(shared.backend())
      .addOption(shared.device())
      .addOption(shared.tf32())
      .addOption(shared.seed())
      .addOption(shared.workers())
      .addOption(
        new Option(
          '--image-workers <n>',
          'threads that prepare the images of --augment; any number gives the same images',
        )
          .argParser(imageWorkerCount)
          .default(usualImageWorkers),
      )
      .option('--init <weights>', 'start from the weights of a run, a file or hf:user/name instead of random ones')
      .addOption(shared.key('with --init: '))
      .option('--new-head', 'with --init: keep the last layer random, for other classes')
      .addOption(
        new Option(
          '--checkpoint-every <n>',
          'write a checkpoint every 500 (steps), 500steps, 1epoch or 30s, and not only when stopped',
        ).argParser(interval),
      )
      .option('--resume <run>', 'resume the run in this folder, to the bit')
      .addOption(shared.logEvery())
      .addOption(shared.tensorboard())
      .addOption(shared.report())
      .option('--out <folder>', 'where to write the run (a new folder in runs/ by default)')
      .addOption(shared.json()),
    { epochs: 5 },
  )

const imageWorkerCount = (text: string): number => {
  const count = Number(text)
  if (text.trim() === '' || !Number.isInteger(count) || count < 0 || count > 64)
    throw new InvalidArgumentError('It must be an integer from 0 to 64.')
  return count
}

const interval = (text: string): CheckpointInterval => {
  const every = parseInterval(text)
  if (!every) throw new InvalidArgumentError('It must be such as 500, 500steps, 1epoch or 30s.')
  return every
}

const train = async (flags: TrainFlags, command: Command): Promise<void> => {
  if (flags.mlflow !== undefined) (await import('../mlflow-run')).mlflowUri(flags.mlflow)
  if (flags.newHead && flags.init === undefined)
    throw new UsageError('--new-head belongs to --init, which says what weights to begin with: give both')
  if (flags.key !== undefined && flags.init === undefined)
    throw new UsageError('--key belongs to --init, and says which of its state dicts is meant: give both')
  if (flags.resume === undefined) return carryOut(await newPlan(flags, command), flags)
  const found = await resumedPlan(flags.resume, flags, command)
  if ('begun' in found) return carryOut(found, flags)
  note(`the run in ${flags.resume} is complete: there is nothing left to train`)
  tell(flags, found.run, flags.resume, found.page)
}

const carryOut = async (
  { begun, checkpoint: resume, resumed, folder: named }: Plan,
  flags: TrainFlags,
): Promise<void> => {
  let folder = named
  let events: EventsLog | undefined
  let worthKeeping = resumed
  try {
    const { settings, backend: wanted } = begun
    const { epochs, seed } = completeExperiment(settings)
    const initial: Initial | undefined = begun.init === undefined ? undefined : await initialOf(begun.init, begun)
    if (folder && !resume) await saveBegun(folder, begun)

    await interruptible('stopping after this step ...', async (signal) => {
      const { backend, data } = await ready(wanted, begun, flags, signal)
      const experiment = await withInitial(
        completeExperiment({ ...settings, dataset: isAuto(begun.dataset) ? data.name : begun.dataset }),
        initial,
      )
      const model = typeof experiment.model === 'string' ? experiment.model : experiment.model.name
      const name = `${folderName(model)}-${folderName(data.name)}-seed${seed}`
      if (!folder) {
        folder = await claimFresh(join('runs', `${name}-${(await experimentId(experiment)).slice(0, 8)}`))
        await saveBegun(folder, begun)
      }
      const into = folder
      const followed = (events = eventsLog(into.path))
      const log = await tensorboardLog(flags.tensorboard, name)
      const line = progressLine(
        `${model} on ${backend.id}`,
        epochs,
        flags.logEvery ?? 0,
        experiment.validation !== undefined,
      )
      const save = async (checkpoint: Checkpoint) => {
        await saveCheckpoint(into, checkpoint)
        worthKeeping ||= checkpoint.stepLosses.length > 0
        followed.checkpoint(checkpoint.stepLosses.length)
      }
      const { runExperiment } = await import('@digitlab/train')
      const result = await log.of(
        runExperiment(experiment, {
          ...{
            data,
            backend,
            workers: begun.workers,
            onProgress: log.following(followed.following(line)),
            signal,
          },
          ...(initial ? { initial } : {}),
          imageWorkers: imageWorkersOf(flags.imageWorkers),
          checkpoint: { ...(begun.every ? { every: begun.every } : {}), save },
          ...(resume ? { resume } : {}),
        }),
      )
      worthKeeping = true
      const { stopped, keptEpoch } = result.run
      if (stopped !== undefined) warn(stopped)
      if (keptEpoch !== undefined)
        note(`the weights are those of epoch ${keptEpoch}, the best on the validation images`)
      const interrupted = signal.aborted
      await conclude({ folder: into, result, data, log, events: followed, interrupted }, begun.report, flags) // a first Ctrl-C does not end it
    })
  } catch (error) {
    if (worthKeeping) await events?.fail(error)
    else await events?.remove().catch(() => {})
    if (folder && worthKeeping) await folder.release()
    else if (folder) {
      await removeCheckpoint(folder.path).catch(() => {}) // what went wrong is said already
      await folder.abandon()
    }
    throw error
  }
}

/** The backend and the data set. It is read and unpacked while what computes is loaded and started. */
const ready = async (
  wanted: string,
  begun: Begun,
  { stream, classNames }: TrainFlags,
  signal: AbortSignal,
): Promise<{ readonly backend: Backend; readonly data: Dataset }> => {
  const giveUp = new AbortController()
  const data = beginToLoad(begun.dataset, begun.dataDir, {
    signal: AbortSignal.any([signal, giveUp.signal]),
    ...{ stream, classNames },
  })
  try {
    const backend = await choose(wanted, begun)
    await backend.start()
    const found = await data()
    // Images that have moved are those of the data set that is named: a checkpoint holds their hash to its own.
    const moved = datasetPlace(begun.dataset, begun.dataDir).dataset !== begun.dataset
    return { backend, data: moved ? { ...found, name: begun.dataset } : found }
  } catch (error) {
    giveUp.abort()
    throw error
  }
}

const initialOf = async (path: string, { settings, key, newHead = false }: Begun): Promise<Initial> => {
  const { readInitial } = await import('../weights-file')
  return { weights: await readInitial(path, settings.model, key), newHead }
}

/** What is recorded of given weights, as the name of the run's folder takes its id from it. */
const withInitial = async (experiment: Experiment, initial: Initial | undefined): Promise<Experiment> =>
  initial && !experiment.initial
    ? {
        ...experiment,
        initial: {
          sha256: await (await import('@digitlab/train')).weightsId(initial.weights),
          newHead: initial.newHead ?? false,
        },
      }
    : experiment

interface Ended {
  readonly folder: ClaimedFolder
  readonly result: RunResult
  readonly data: Dataset
  readonly log: TensorboardLog
  readonly events: EventsLog
  readonly interrupted: boolean
}

/** Writes a run and its page, and says what it came to. */
const conclude = async (
  { folder, result, data, log, events, interrupted }: Ended,
  wantsPage: boolean,
  flags: TrainFlags,
) => {
  const { run } = result
  const { path } = folder
  let report: string | null = null
  try {
    await writeRun(folder, result, data.test.labels)
    await events.end(run)
    await log.end(result, data)
    if (wantsPage) report = await writePage(path, result, data)
    if (run.status === 'completed') await removeCheckpoint(path) // last: what is not written yet can be resumed
  } catch (error) {
    warn(summaryOf(run)) // what was found out is not lost with the disk
    throw error
  }
  await folder.release()
  if (flags.mlflow !== undefined && run.status === 'completed') {
    const { sendWritten } = await import('../mlflow-run')
    await sendWritten([path], flags.mlflow, path)
  }
  tell(flags, run, path, report)
  if (!interrupted || run.status !== 'interrupted') return
  const steps = grouped(run.history.stepLosses.length)
  warn(`interrupted after ${steps} steps; what there is was written to ${path}; continue with --resume ${path}`)
  throw new Interrupted()
}

/** What draws is loaded where a run has ended: no step waits for it. */
const writePage = async (path: string, result: RunResult, data: Dataset): Promise<string> => {
  const [{ writeReport }, { inputOfResult }] = await Promise.all([import('../report-files'), import('../report-input')])
  return writeReport(path, [await inputOfResult(path, result, data)])
}

const metricsOf = ({ metrics: { confusion, meanLoss } }: Run) => classificationMetrics(confusion, { meanLoss })

const summaryOf = (run: Run): string =>
  [
    `${run.model.name}, ${grouped(run.model.parameters)} parameters, on ${run.dataset.title}:`,
    ...(run.dataset.notice === undefined ? [] : [run.dataset.notice]),
    metricsText(metricsOf(run), { classNames: run.dataset.classNames, width: resultWidth() }),
  ].join('\n')

/** @param report where the page is, null where none was written now */
const tell = (flags: TrainFlags, run: Run, out: string, report: string | null): void =>
  writeResult(
    flags.json ?? false,
    () => ({ out, report, run, metrics: metricsOf(run) }),
    () => `${summaryOf(run)}\nwritten to ${out}${report === null ? '' : ` (its figures to ${report})`}`,
  )
