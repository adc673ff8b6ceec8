import { join } from 'node:path'
import { classificationMetrics, metricsText } from '@digitlab/report'
import { completeExperiment, runExperiment, type ExperimentInput } from '@digitlab/train'
import { Command } from 'commander'
import { Interrupted, interruptible } from '../interrupt'
import { checkGpuFlags, choose, load } from '../load'
import { addTraining, modelOf, optimizerOf, refuseBeside, shared, type OptimizerFlags } from '../options'
import { grouped, note, writeResult } from '../output'
import { progressLine } from '../progress-line'
import { workersOn } from '../workers'
import { freshPath, readExperiment, prepareFolder, writeRun } from '../run-folder'

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
  readonly logEvery?: number
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
      .addOption(shared.logEvery())
      .option('--out <folder>', 'where to write the run (a new folder in runs/ unless given)')
      .addOption(shared.json()),
    { epochs: 5 },
  ).action(train)

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

const train = async (flags: Flags, command: Command): Promise<void> => {
  const settings = await settingsOf(flags, command)
  checkGpuFlags(flags, [flags.backend])
  const { epochs, seed } = completeExperiment(settings) // a wrong value is told before anything is loaded
  await prepareFolder(flags.out ?? join('runs', 'next'))

  const { result, interrupted } = await interruptible('stopping after this step ...', async (signal) => {
    const backend = await choose(flags.backend, flags)
    const wanted = settings.dataset ?? flags.dataset
    const data = await load(wanted, flags.dataDir, signal)
    const dataset = wanted === 'auto' ? data.name : wanted
    const experiment = completeExperiment({ ...settings, dataset })
    const name = typeof experiment.model === 'string' ? experiment.model : experiment.model.name
    const onProgress = progressLine(`${name} on ${backend.id}`, epochs, flags.logEvery ?? 0)
    const workers = workersOn(backend, flags.workers)
    const result = await runExperiment(experiment, { data, backend, workers, onProgress, signal })
    return { result, interrupted: signal.aborted }
  })

  const { run } = result
  const out =
    flags.out ?? freshPath(join('runs', `${run.model.name}-${run.dataset.name}-seed${seed}-${run.id.slice(0, 8)}`))
  const { confusion, meanLoss } = run.metrics
  const metrics = classificationMetrics(confusion, { meanLoss })
  const summary = [
    `${run.model.name}, ${grouped(run.model.parameters)} parameters, on ${run.dataset.title}:`,
    ...(run.dataset.notice === undefined ? [] : [run.dataset.notice]),
    metricsText(metrics, { classNames: run.dataset.classNames }),
  ].join('\n')
  await writeRun(out, result).catch((error: unknown) => {
    note(summary) // what was found out is not lost with the disk
    throw error
  })
  writeResult(
    flags.json ?? false,
    () => ({ out, run, metrics }),
    () => `${summary}\nwritten to ${out}`,
  )
  if (interrupted && run.status === 'interrupted') {
    note(`interrupted after ${grouped(run.history.stepLosses.length)} steps; what there is was written to ${out}`)
    throw new Interrupted()
  }
}
