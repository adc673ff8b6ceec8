// What `train` is to do: a new run, or one that --resume names.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Checkpoint, CheckpointInterval } from '@digitlab/train'
import {
  completeExperiment,
  experimentDifference,
  recipeOf,
  TrainError,
  type Experiment,
  type ExperimentInput,
} from '@digitlab/train/experiment'
import type { Run } from '@digitlab/train/run'
import type { Command } from 'commander'
import { readBegun, type Begun } from './begun'
import { readCompleted, readResumable, removeCheckpoint } from './checkpoint-folder'
import { checkPlace } from './dataset-place'
import { locksIn } from './folder-lock'
import { checkGpuFlags } from './load'
import { claimExisting, claimFolder, isBlank, type ClaimedFolder } from './new-folder'
import type { AugmentFlags } from './augment-option'
import type { ChoiceFlags } from './choices'
import { changedTraining, checkOptions, modelOf, refuseBeside, trainingAttributes, trainingOf } from './options'
import { note } from './output'
import { experimentOf } from './experiment-file'
import type { PreparationFlags } from './preparation-options'
import { UsageError } from './usage-error'

/** What the command line says. */
export interface TrainFlags extends ChoiceFlags, AugmentFlags, PreparationFlags {
  readonly model?: string
  readonly experiment?: string
  readonly dataset: string
  readonly dataDir?: string
  readonly stream?: boolean
  readonly mlflow?: string
  readonly backend: string
  readonly device?: number
  readonly tf32?: boolean
  readonly seed: number
  readonly recipe: boolean
  readonly workers: number | 'auto'
  readonly imageWorkers: number
  readonly init?: string
  readonly key?: string
  readonly newHead?: boolean
  readonly checkpointEvery?: CheckpointInterval
  readonly resume?: string
  readonly logEvery?: number
  readonly report: boolean
  readonly tensorboard?: string
  readonly out?: string
  readonly json?: boolean
}

const decided = ['model', 'dataset', 'seed', ...trainingAttributes]

const settingsOf = async (flags: TrainFlags, command: Command): Promise<ExperimentInput> => {
  if (flags.experiment !== undefined) {
    refuseBeside(command, '--experiment', decided)
    return experimentOf(flags.experiment)
  }
  if (flags.model === undefined) command.error("error: required option '--model <name>' not specified")
  const model = modelOf(flags.model)
  const training = trainingOf(model, flags, command)
  if (flags.recipe && Object.keys(recipeOf(model)).length > 0)
    note(
      `${flags.model} comes with a recipe, ${training.epochs} ${training.epochs === 1 ? 'epoch' : 'epochs'}: "digitlab help models" shows it, --no-recipe leaves it out`,
    )
  return { model, seed: flags.seed, ...training }
}

/** Options without those that were not given. */
const defined = <T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }

/** What is to be trained, and where. */
export interface Plan {
  readonly begun: Begun
  /** Undefined where a new one is to be found a name for. */
  readonly folder?: ClaimedFolder | undefined
  readonly checkpoint?: Checkpoint
  /** Whether there is something in the folder that must not be lost. */
  readonly resumed: boolean
}

export const newPlan = async (flags: TrainFlags, command: Command): Promise<Plan> => {
  const begun = await begunOf(flags, command)
  return { begun, resumed: false, folder: flags.out === undefined ? undefined : await claimFolder(flags.out) }
}

const begunOf = async (flags: TrainFlags, command: Command): Promise<Begun> => {
  const { dataset, ...settings } = await settingsOf(flags, command)
  checkOptions(() => completeExperiment(settings), flags.experiment) // a wrong value is told before anything is loaded
  checkPlace(flags)
  checkGpuFlags(flags, [flags.backend])
  if (settings.initial && flags.init === undefined)
    throw new UsageError('the experiment begins with given weights: give them with --init')
  const { dataDir, device, tf32, init, key, newHead, checkpointEvery } = flags
  return {
    ...{ settings, dataset: dataset ?? flags.dataset, backend: flags.backend, workers: flags.workers },
    ...defined({ dataDir, device, tf32, init, key, newHead, every: checkpointEvery }),
    report: flags.report,
  }
}

/** A run of which nothing is left to train. */
export interface Complete {
  readonly run: Run
  /** Where its page was drawn now, else null. */
  readonly page: string | null
}

/** What there is to resume in a folder that --resume names. */
export const resumedPlan = async (path: string, flags: TrainFlags, command: Command): Promise<Plan | Complete> => {
  refuseBeside(command, '--resume', ['init', 'key', 'newHead', 'experiment', 'out'])
  if (!existsSync(path))
    throw new UsageError(`${path} holds no checkpoint, it is not there: give a folder that "digitlab train" wrote into`)
  // A complete run is looked at without a lock, so that it may lie where nothing can be written.
  const run =
    existsSync(join(path, 'checkpoint')) || (await locksIn(path)).length > 0 ? undefined : await readCompleted(path)
  if (run) {
    checkSame(path, { ...run, backend: run.backend.id }, flags, command)
    return { run, page: null }
  }
  const folder = await claimExisting(path)
  try {
    return await planIn(folder, flags, command)
  } catch (error) {
    await folder.release()
    throw error
  }
}

const planIn = async (folder: ClaimedFolder, flags: TrainFlags, command: Command): Promise<Plan | Complete> => {
  const { path } = folder
  const found = await readResumable(path)
  const begun = 'begun' in found ? found.begun : await readBegun(path).catch(() => undefined) // it adds little to a checkpoint
  const given = (name: string) => command.getOptionValueSource(name) === 'cli'
  const report = given('report') ? flags.report : (begun?.report ?? true)
  const dataDir = flags.dataDir ?? begun?.dataDir
  if ('run' in found) {
    checkSame(path, { ...found.run, backend: found.run.backend.id }, flags, command)
    // A page that is there may be that of the run as it was when it was stopped.
    const page = report ? await drawAgain(path, dataDir) : null
    await removeCheckpoint(path)
    await folder.release()
    return { run: found.run, page }
  }
  if ('checkpoint' in found) {
    const { experiment, backend, every } = found.checkpoint
    checkSame(path, { experiment, backend: backend.id }, flags, command)
    checkGpuFlags(flags, [backend.id])
    const { dataset, ...settings } = experiment
    const { device, tf32, checkpointEvery } = flags
    return {
      begun: {
        ...{ settings, dataset, backend: backend.id, workers: flags.workers, report },
        ...defined({ dataDir, device: device ?? begun?.device, tf32: tf32 ?? begun?.tf32 }),
        ...defined({ every: checkpointEvery ?? every }),
      },
      ...{ folder, resumed: true, checkpoint: found.checkpoint },
    }
  }
  if (begun) {
    const experiment = completeExperiment({ ...begun.settings, dataset: unnamed(begun.dataset) })
    checkSame(path, { experiment, backend: begun.backend }, flags, command)
    note(`nothing of the run in ${path} has been trained yet: it begins from the start`)
    return { begun: { ...begun, report, ...defined({ dataDir, every: flags.checkpointEvery }) }, folder, resumed: true }
  }
  if (flags.model === undefined || !(await isBlank(path)))
    throw new UsageError(
      `${path} holds no checkpoint, and nothing says what was to be trained: give a folder that "digitlab train" wrote into, or --model and what goes with it in an empty one`,
    )
  note(`nothing of a run is in ${path} yet: it begins from the start`)
  return { begun: await begunOf(flags, command), folder, resumed: true }
}

/** Draws the page of a run that was killed before it had one. */
const drawAgain = async (path: string, dataDir: string | undefined): Promise<string> => {
  const [{ writeReport }, { readReportInputs }] = await Promise.all([
    import('./report-files'),
    import('./report-input'),
  ])
  return writeReport(path, await readReportInputs([path], { dataDir, ownRuns: true }))
}

/** 'auto' stands for a data set that is not known yet. */
const unnamed = (dataset: string): string => dataset.replace(/^auto(?=#|$)/, 'mnist')

/** Whether it is the command that chooses. */
export const isAuto = (dataset: string): boolean => /^auto(#|$)/.test(dataset)

/** Options that were given beside --resume all the same must say what the run says. */
const checkSame = (
  path: string,
  { experiment, backend }: { readonly experiment: Experiment; readonly backend: string },
  flags: TrainFlags,
  command: Command,
): void => {
  const given = (name: string) => command.getOptionValueSource(name) === 'cli'
  const ours = completeExperiment({
    ...experiment,
    ...(flags.model === undefined ? {} : { model: modelOf(flags.model) }),
    ...(given('dataset') && !isAuto(flags.dataset) ? { dataset: flags.dataset } : {}),
    ...(given('seed') ? { seed: flags.seed } : {}),
    ...changedTraining(experiment, flags, command),
  })
  const difference = experimentDifference(experiment, ours)
  if (difference !== undefined)
    throw new TrainError(
      `the run in ${path} is of another experiment: ${difference}; leave the option out, or begin another run with --init ${path}`,
    )
  if (given('backend') && ![flags.backend, backend].includes('auto') && flags.backend !== backend)
    throw new TrainError(
      `the run in ${path} was trained on ${backend}, not on ${flags.backend}: each backend gives bits of its own, leave --backend out`,
    )
}
