// The first part of a run: what is to be done is settled, and what can't be is refused.
import { inputShape, namesDataset, type Dataset, type Split } from '@digitlab/data'
import { resolveModel, type Model } from '@digitlab/models'
import { checkAugmentation } from './augment-images'
import { checkInterval } from './checkpoint'
import { completeExperiment, experimentId, type Experiment, type ExperimentInput } from './complete-experiment'
import { checkBatches, checkFit } from './evaluate'
import type { Extensions } from './extensions'
import { checkImageWorkers } from './image-workers'
import { recordInitial, type Initial } from './initial'
import { checkSchedules } from './learning-rate'
import { checkMemory } from './memory'
import type { RunOptions } from './run-options'
import { checkWorkers } from './threads'
import { TrainError } from './train-error'
import { divide } from './validation'

/** What is settled before anything is computed. */
export interface Plan {
  /** What is trained on, and what is tested at the end. */
  readonly data: Dataset
  /** Images that were set aside. */
  readonly validation: Split | undefined
  readonly experiment: Experiment
  readonly id: string
  readonly extensions: Extensions
  readonly model: Model
  readonly given: Initial | undefined
  readonly workers: number | 'auto'
  /** What whoever trains is told at the beginning. */
  readonly notices: readonly string[]
}

/** Settles what is to be done, and refuses what can't be. */
export const planOf = async (input: ExperimentInput, options: RunOptions): Promise<Plan> => {
  const { data: all, backend, resume, checkpoint, extensions = {} } = options
  if (checkpoint?.every) checkInterval(checkpoint.every)
  const given = resume?.initial ? { weights: resume.initial } : options.initial
  const named = experimentOn(input, all, extensions)
  const experiment = resume?.initial ? named : await recordInitial(named, given)
  const { data, validation } = divide(all, experiment)
  const model = resolveModel(
    experiment.model,
    { input: inputShape(data.imageShape), classes: data.classes },
    extensions,
  )
  checkFit(model, data.imageShape, data.classes)
  if (experiment.augment !== undefined && data.train.stream)
    throw new TrainError(
      `the training images of "${data.name}" are streamed from a disk, and what augments them needs all of them at once: leave augment out, or hold them in memory`,
    )
  checkAugmentation(experiment, [data.imageShape[0], data.imageShape[1]], extensions)
  if (options.imageWorkers) checkImageWorkers(options.imageWorkers.count)
  checkBatches(model, experiment.batchSize / (experiment.accumulate ?? 1), data.train.count)
  checkSchedules(experiment, data.train.count, extensions)
  const { workers = 1 } = options
  const crowded = checkWorkers(workers, backend)
  checkMemory(model, experiment, data, backend, extensions)
  const notices = [crowded, oneClass(data)].filter((sentence) => sentence !== undefined)
  const id = await experimentId(experiment)
  return { data, validation, experiment, id, extensions, model, given, workers, notices }
}

/** How many steps an epoch has. */
export const stepsIn = ({ train }: Dataset, { batchSize }: Experiment): number => Math.ceil(train.count / batchSize)

/**
 * The experiment, with the data set's name where it names none.
 *
 * @throws TrainError if it names another: what a run records is what it was trained on
 */
const experimentOn = (input: ExperimentInput, data: Dataset, extensions: Extensions): Experiment => {
  const experiment = completeExperiment({ ...input, dataset: input.dataset ?? data.name }, extensions)
  if (!namesDataset(experiment.dataset, data.name))
    throw new TrainError(
      `the experiment names the data set ${JSON.stringify(experiment.dataset)}, the data are "${data.name}": give the data that it names, or leave the name out of it`,
    )
  return experiment
}

/** A sentence where the training images are all of one class. */
const oneClass = ({ train, classNames }: Dataset): string | undefined => {
  const [first = 0] = train.labels
  if (train.labels.some((label) => label !== first)) return undefined
  return `all ${train.count} training images are of the class ${classNames[first] ?? first}: there is nothing to tell apart, and any model will be right`
}
