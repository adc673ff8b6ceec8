// What an experiment may say beside its model, data set, optimizer, schedule and loss: one table for its check, its schema, a command's
// options and a page's form.
import {
  boolean,
  choice,
  completeOptions,
  integer,
  isRecord,
  number,
  shownValue,
  type CompletedOptions,
} from '@digitlab/models'
import { monitor, unmonitored, type Monitor } from './monitor'
import { TrainError } from './train-error'

/** The plain values of an experiment and what they may be, for its check, a command's options and a page's form. */
export const experimentOptions = {
  epochs: integer({ from: 1, to: 100_000, default: 5, says: 'passes over the training images' }),
  batchSize: integer({ from: 1, to: 1_000_000, default: 64, says: 'images per step' }),
  accumulate: integer({
    from: 1,
    to: 1_000_000,
    optional: true,
    absent: 1,
    says: 'compute each batch in this many parts: the same step in less memory',
  }),
  labelSmoothing: number({
    from: 0,
    to: 1,
    optional: true,
    absent: 0,
    says: 'share of each label that is spread over all classes',
  }),
  clipGradNorm: number({
    above: 0,
    optional: true,
    says: 'scale the gradients down to this norm, taken over all of them',
  }),
  clipGradValue: number({ above: 0, optional: true, says: 'clip every gradient to this size' }),
  keep: choice(['best', 'last'], {
    optional: true,
    absent: 'last',
    says: "which epoch's weights to keep",
  }),
}

/** The parts of an experiment that have options of their own. */
export const experimentParts = {
  normalize: {
    mean: number({ says: 'what is taken from every pixel, of 0 to 1' }),
    std: number({ above: 0, says: 'what the rest is divided by' }),
  },
  averageWeights: {
    decay: number({ from: 0, to: 1, default: 0.999, says: 'how slowly the average follows the weights' }),
    buffers: boolean({
      optional: true,
      absent: false,
      says: "whether batch normalization's running statistics are averaged too",
    }),
  },
  validation: {
    size: number({ above: 0, says: 'training images that are set aside: a share below 1, or how many' }),
    stratified: boolean({ default: false, says: 'of each class in proportion' }),
  },
  earlyStopping: {
    patience: integer({ from: 1, default: 3, says: 'epochs without improvement before the run ends' }),
    monitor: monitor({ default: 'validationLoss', says: 'what is watched' }),
    minDelta: number({ from: 0, default: 0, says: 'a smaller change is not counted as better' }),
  },
}

/** Images as (pixel - mean) / std, of pixels from 0 to 1, in float32, as torchvision's `Normalize`. */
export type NormalizeOptions = CompletedOptions<typeof experimentParts.normalize>

/**
 * The exponential moving average of the weights, which is what is evaluated and what a run ends with, as PyTorch's
 * `AveragedModel(multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=buffers)`; counts of batches stay the model's.
 */
export type AverageOptions = CompletedOptions<typeof experimentParts.averageWeights>

/** Training images set aside: how many, or their share; by itself where they are not stratified. */
export type ValidationOptions = number | CompletedOptions<typeof experimentParts.validation>

/** When a run ends before its last epoch. */
export type EarlyStoppingChoice = CompletedOptions<typeof experimentParts.earlyStopping>

/** What an experiment has of them; what is absent is not done. */
export interface ExperimentExtras {
  /** Parts that the batch of a step is computed in. */
  readonly accumulate?: number
  /** As PyTorch's `CrossEntropyLoss(label_smoothing=...)`. */
  readonly labelSmoothing?: number
  /** As PyTorch's `clip_grad_norm_`. */
  readonly clipGradNorm?: number
  /** As PyTorch's `clip_grad_value_`. */
  readonly clipGradValue?: number
  readonly normalize?: NormalizeOptions
  readonly averageWeights?: AverageOptions
  readonly validation?: ValidationOptions
  readonly earlyStopping?: EarlyStoppingChoice
  /** 'best' by what early stopping watches, or by the loss on the images that are set aside. */
  readonly keep?: 'best' | 'last'
}

/** What of them is given: what has a default may be left out. */
export interface GivenExtras extends Omit<ExperimentExtras, 'averageWeights' | 'validation' | 'earlyStopping'> {
  readonly averageWeights?: Partial<AverageOptions>
  readonly validation?: number | { readonly size: number; readonly stratified?: boolean }
  readonly earlyStopping?: Partial<EarlyStoppingChoice>
}

const refused = (sentence: string) => new TrainError(sentence)

/** The names of the parts. */
const partNames = Object.keys(experimentParts) as readonly (keyof typeof experimentParts)[]

/** Checks the parts of an experiment and fills in their defaults. @throws TrainError naming the value and what it may be */
export const completeParts = (input: GivenExtras): Omit<ExperimentExtras, keyof typeof experimentOptions> => {
  const completed = Object.fromEntries(
    partNames.flatMap((name) => {
      const given: unknown = input[name]
      if (given === undefined) return []
      const options = name === 'validation' && typeof given === 'number' ? { size: given } : given
      if (!isRecord(options))
        throw refused(
          `${name} must be an object with ${Object.keys(experimentParts[name]).join(', ')}, not ${shownValue(given)}`,
        )
      return [[name, completeOptions(experimentParts[name], options, { name, path: `${name}.`, error: refused })]]
    }),
  ) as Omit<ExperimentExtras, 'validation'> & { validation?: CompletedOptions<typeof experimentParts.validation> }
  const { validation, ...rest } = completed
  if (validation === undefined) return rest
  const { size, stratified } = validation
  if (size >= 1 && !Number.isInteger(size))
    throw refused(`validation must be a share below 1 or a whole number of images, not ${size}`)
  return { ...rest, validation: stratified ? validation : size }
}

/** Refuses what does not go together. @throws TrainError with both values */
export const checkExtras = (extras: ExperimentExtras & { readonly batchSize: number }): void => {
  const { batchSize, accumulate = 1, validation, earlyStopping, keep } = extras
  if (batchSize % accumulate !== 0)
    throw refused(
      `a batch of ${batchSize} images cannot be computed in ${accumulate} equal parts: let accumulate divide batchSize`,
    )
  const validates = validation !== undefined
  const why =
    (earlyStopping && unmonitored('early stopping', earlyStopping.monitor, validates)) ??
    (keep === 'best' ? unmonitored('keep "best"', monitorOf(extras), validates) : undefined)
  if (why !== undefined) throw refused(why)
}

/** What decides which epoch is the best. */
export const monitorOf = ({ earlyStopping }: ExperimentExtras): Monitor => earlyStopping?.monitor ?? 'validationLoss'
