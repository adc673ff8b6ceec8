import { join } from 'node:path'
import { classificationMetrics, metricsText } from '@digitlab/report'
import {
  completeExperiment,
  experimentDifference,
  runExperiment,
  TrainError,
  type Checkpoint,
  type CheckpointInterval,
  type ExperimentInput,
  type Initial,
  type Run,
} from '@digitlab/train'
import { Command, InvalidArgumentError, Option } from 'commander'
import { parseInterval, readResumable, saveCheckpoint, writeRunBesideCheckpoint } from '../checkpoint-folder'
import { Interrupted, interruptible } from '../interrupt'
import { checkGpuFlags, choose, load } from '../load'
import { addTraining, modelOf, optimizerOf, refuseBeside, shared, type OptimizerFlags } from '../options'
import { grouped, note, writeResult } from '../output'
import { progressLine } from '../progress-line'
import { writeReport } from '../report-files'
import { inputOfResult } from '../report-input'
import { tensorboardLog } from '../tensorboard-log'
import { workersOn } from '../workers'
import { freshPath, readExperiment, prepareFolder, writeRun } from '../run-folder'
import { UsageError } from '../usage-error'
import { readWeights } from '../weights-file'

interface Flags extends OptimizerFlags {
  readonly model?: string
  readonly experiment?: string
  readonly dataset: string
  readonly dataDir?: string
  readonly backend: string
  readonly device?: number
  readonly tf32?: boolean
  readonly seed: number
  readonly epochs: number
  readonly batchSize: number
  readonly workers: number | 'auto'
  readonly init?: string
  readonly newHead?: boolean
  readonly checkpointEvery?: CheckpointInterval
  readonly resume?: string
  readonly logEvery?: number
  readonly report: boolean
  readonly tensorboard?: string
  readonly out?: string
  readonly json?: boolean
}

export const trainCommand = (): Command =>
  addTraining(
    new Command('train')
      .description('Train one model, say how good it became, and write the run.')
      .option('--model <name>', 'linear, two-layer, cnn, or a JSON file with a definition')
      .option('--experiment <file>', 'run the experiment of a run.json again, instead of --model and what goes with it')
      .addOption(shared.dataset('auto'))
      .addOption(shared.dataDir())
      .addOption(shared.backend())
      .addOption(shared.device())
      .addOption(shared.tf32())
      .addOption(shared.seed())
      .addOption(shared.workers())
      .option('--init <weights>', 'begin with the weights of a run or a file instead of those that the seed draws')
      .option('--new-head', 'with --init: draw the last layer all the same, for other classes')
      .addOption(
        new Option(
          '--checkpoint-every <n>',
          'keep what --resume needs every 500 (steps), 500steps or 1epoch',
        ).argParser(interval),
      )
      .option('--resume <run>', 'go on where the run in this folder stopped, to the bit')
      .addOption(shared.logEvery())
      .addOption(shared.tensorboard())
      .addOption(shared.report())
      .option('--out <folder>', 'where to write the run (a new folder in runs/ unless given)')
      .addOption(shared.json()),
    { epochs: 5 },
  ).action(train)

const interval = (text: string): CheckpointInterval => {
  const every = parseInterval(text)
  if (!every) throw new InvalidArgumentError('It must be such as 500, 500steps or 1epoch.')
  return every
}

const decided = [
  'model',
  'dataset',
  'seed',
  'epochs',
  'batchSize',
  'learningRate',
  'optimizer',
  'momentum',
  'weightDecay',
]

const settingsOf = async (flags: Flags, command: Command): Promise<ExperimentInput> => {
  if (flags.experiment !== undefined) {
    refuseBeside(command, '--experiment', decided)
    return readExperiment(flags.experiment)
  }
  if (flags.model === undefined) command.error("error: required option '--model <name>' not specified")
  const { model, seed, epochs, batchSize } = flags
  return { model: modelOf(model), seed, epochs, batchSize, optimizer: optimizerOf(flags) }
}

/** The checkpoint to go on from. Options that were given all the same must say what the checkpoint says. */
const checkpointOf = async (
  folder: string,
  flags: Flags,
  command: Command,
): Promise<{ run: Run } | { checkpoint: Checkpoint }> => {
  refuseBeside(command, '--resume', ['init', 'newHead', 'experiment', 'out'])
  const found = await readResumable(folder)
  const theirs = 'run' in found ? found.run : found.checkpoint
  const given = (name: string) => command.getOptionValueSource(name) === 'cli'
  const { experiment, backend } = theirs
  const { learningRate, momentum, weightDecay } = flags
  const changed = { ...experiment.optimizer, ...defined({ learningRate, momentum, weightDecay }) }
  const ours = completeExperiment({
    ...experiment,
    ...(flags.model === undefined ? {} : { model: modelOf(flags.model) }),
    ...(given('dataset') ? { dataset: flags.dataset } : {}),
    ...(given('seed') ? { seed: flags.seed } : {}),
    ...(given('epochs') ? { epochs: flags.epochs } : {}),
    ...(given('batchSize') ? { batchSize: flags.batchSize } : {}),
    optimizer: given('optimizer') ? optimizerOf(flags) : changed,
  })
  const difference = experimentDifference(experiment, ours)
  if (difference !== undefined)
    throw new TrainError(
      `the run in ${folder} is of another experiment: ${difference}; leave the option out, or begin another run with --init ${folder}`,
    )
  if (given('backend') && flags.backend !== 'auto' && flags.backend !== backend.id)
    throw new TrainError(
      `the run in ${folder} was trained on ${backend.id}, not on ${flags.backend}: each backend gives bits of its own, leave --backend out`,
    )
  return found
}

const defined = (values: Record<string, number | undefined>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))

const train = async (flags: Flags, command: Command): Promise<void> => {
  if (flags.newHead && flags.init === undefined)
    throw new UsageError('--new-head belongs to --init, which says what weights to begin with: give both')
  const found = flags.resume === undefined ? undefined : await checkpointOf(flags.resume, flags, command)
  if (found && 'run' in found) {
    note(`the run in ${flags.resume} is complete: there is nothing left to train`)
    return tell(flags, found.run, flags.resume as string, null)
  }
  const resume = found?.checkpoint
  const settings = resume?.experiment ?? (await settingsOf(flags, command))
  checkGpuFlags(flags, [resume?.backend.id ?? flags.backend])
  if (settings.initial && flags.init === undefined && !resume)
    throw new UsageError('the experiment begins with given weights: give them with --init')
  const { epochs, seed } = completeExperiment(settings) // a wrong value is told before anything is loaded
  const initial: Initial | undefined =
    flags.init === undefined
      ? undefined
      : { weights: (await readWeights(flags.init)).weights, newHead: flags.newHead ?? false }
  const every = flags.checkpointEvery ?? resume?.every
  if (!resume) await prepareFolder(flags.out ?? join('runs', 'next'))
  let out = flags.resume ?? flags.out

  const { result, data, log, interrupted } = await interruptible('stopping after this step ...', async (signal) => {
    const backend = await choose(resume?.backend.id ?? flags.backend, flags)
    const wanted = settings.dataset ?? flags.dataset
    const data = await load(wanted, flags.dataDir, signal)
    const dataset = wanted === 'auto' ? data.name : wanted
    const experiment = completeExperiment({ ...settings, dataset })
    const name = typeof experiment.model === 'string' ? experiment.model : experiment.model.name
    const log = await tensorboardLog(flags.tensorboard, `${name}-${data.name}-seed${seed}`)
    const line = progressLine(`${name} on ${backend.id}`, epochs, flags.logEvery ?? 0)
    const onProgress = log.following(line)
    const workers = workersOn(backend, flags.workers)
    if (every)
      out ??= freshPath(
        join('runs', `${name}-${data.name}-seed${seed}-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}`),
      )
    const save = (checkpoint: Checkpoint) => saveCheckpoint(out as string, checkpoint) // named in the line above
    const result = await runExperiment(experiment, {
      ...{ data, backend, workers, onProgress, signal },
      ...(initial ? { initial } : {}),
      ...(every ? { checkpoint: { every, save } } : {}),
      ...(resume ? { resume } : {}),
    })
    return { result, data, log, interrupted: signal.aborted }
  })

  const { run } = result
  const folder =
    out ?? freshPath(join('runs', `${run.model.name}-${run.dataset.name}-seed${seed}-${run.id.slice(0, 8)}`))
  let report: string | null = null
  try {
    if (every) await writeRunBesideCheckpoint(folder, result, data.test.labels)
    else await writeRun(folder, result, data.test.labels)
    await log.end(result, data)
    if (flags.report) report = await writeReport(folder, [inputOfResult(result, data)])
  } catch (error) {
    note(summaryOf(run)) // what was found out is not lost with the disk
    throw error
  }
  tell(flags, run, folder, report)
  if (interrupted && run.status === 'interrupted') {
    const goOn = every ? `; go on with --resume ${folder}` : ''
    note(
      `interrupted after ${grouped(run.history.stepLosses.length)} steps; what there is was written to ${folder}${goOn}`,
    )
    throw new Interrupted()
  }
}

const metricsOf = ({ metrics: { confusion, meanLoss } }: Run) => classificationMetrics(confusion, { meanLoss })

const summaryOf = (run: Run): string =>
  [
    `${run.model.name}, ${grouped(run.model.parameters)} parameters, on ${run.dataset.title}:`,
    ...(run.dataset.notice === undefined ? [] : [run.dataset.notice]),
    metricsText(metricsOf(run), { classNames: run.dataset.classNames }),
  ].join('\n')

/** @param report where the page is, null where none was written now */
const tell = (flags: Flags, run: Run, out: string, report: string | null): void =>
  writeResult(
    flags.json ?? false,
    () => ({ out, report, run, metrics: metricsOf(run) }),
    () => `${summaryOf(run)}\nwritten to ${out}${report === null ? '' : ` (its figures to ${report})`}`,
  )
