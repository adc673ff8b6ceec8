import { sha256 } from '@digitlab/data'
import { isRecord, mnistFit, resolveModel, shownValue, type ModelDefinition } from '@digitlab/models'

/** A run that can't be, or can't go on: an experiment with a wrong value, data that do not fit, a loss that is no number. */
export class TrainError extends Error {
  readonly mendable = true
  override name = 'TrainError'
}

/** How weights follow their gradients. */
export type OptimizerOptions =
  | {
      /** Stochastic gradient descent, as PyTorch's `torch.optim.SGD`. */
      readonly name: 'sgd'
      readonly learningRate: number
      readonly momentum: number
      readonly weightDecay: number
    }
  | {
      /** As PyTorch's `torch.optim.Adam`. */
      readonly name: 'adam'
      readonly learningRate: number
      readonly beta1: number
      readonly beta2: number
      readonly epsilon: number
      readonly weightDecay: number
    }

/** What to run. Plain JSON; its canonical form's SHA-256 is the experiment's id. */
export interface Experiment {
  /** A name in the catalogue, or a model definition. */
  readonly model: string | ModelDefinition
  /** The name of the data set. */
  readonly dataset: string
  /** As `torch.manual_seed`: decides the initial weights and the order of the images. */
  readonly seed: number
  readonly epochs: number
  /** Images a step; an epoch's last batch may be smaller. */
  readonly batchSize: number
  readonly optimizer: OptimizerOptions
  /** Where training begins with given weights instead of those that the seed draws; absent else. */
  readonly initial?: InitialOptions
}

/** Given weights to begin with. */
export interface InitialOptions {
  /** {@link weightsId} of the weights as they were given. */
  readonly sha256: string
  /** The last layer is drawn from the seed all the same, for other classes than the weights were made for. */
  readonly newHead: boolean
}

/** What {@link completeExperiment} takes: everything but the model has a default. */
export interface ExperimentInput {
  readonly model: string | ModelDefinition
  readonly dataset?: string
  readonly seed?: number
  readonly epochs?: number
  readonly batchSize?: number
  readonly optimizer?: Partial<OptimizerOptions>
  readonly initial?: InitialOptions
}

/** The case study's settings. */
export const experimentDefaults = { dataset: 'mnist', seed: 0, epochs: 5, batchSize: 64 } as const

/** PyTorch's defaults, but for the learning rate of sgd, which has none there and 0.1 in the case study. */
export const optimizerDefaults = {
  sgd: { name: 'sgd', learningRate: 0.1, momentum: 0, weightDecay: 0 },
  adam: { name: 'adam', learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
} as const satisfies Record<string, OptimizerOptions>

type Range = readonly [from: number, to: number, form: 'integer' | 'number']

const ranges: Record<string, Range> = {
  seed: [0, Number.MAX_SAFE_INTEGER, 'integer'],
  epochs: [1, 100_000, 'integer'],
  batchSize: [1, 1_000_000, 'integer'],
  learningRate: [Number.MIN_VALUE, Number.MAX_VALUE, 'number'],
  momentum: [0, 1, 'number'],
  weightDecay: [0, Number.MAX_VALUE, 'number'],
  beta1: [0, 1, 'number'],
  beta2: [0, 1, 'number'],
  epsilon: [Number.MIN_VALUE, Number.MAX_VALUE, 'number'],
}

const check = (name: string, value: unknown): void => {
  const [from, to, form] = ranges[name] as Range
  const fits =
    typeof value === 'number' && value >= from && value <= to && (form === 'number' || Number.isInteger(value))
  if (fits && Number.isFinite(value)) return
  const atLeast =
    from === Number.MIN_VALUE ? 'above 0' : to >= Number.MAX_SAFE_INTEGER ? `from ${from}` : `from ${from} to ${to}`
  const article = form === 'integer' ? 'an integer' : 'a number'
  throw new TrainError(`${name} must be ${article} ${atLeast}, not ${shownValue(value)}`)
}

/**
 * Fills in the defaults and checks every value.
 *
 * @throws TrainError naming the value and what it may be; ModelError where the model is unknown or does not fit together
 */
export const completeExperiment = (input: ExperimentInput): Experiment => {
  const known = ['model', 'dataset', 'seed', 'epochs', 'batchSize', 'optimizer', 'initial']
  if (!isRecord(input))
    throw new TrainError(`an experiment must be an object with at least a model, not ${shownValue(input)}`)
  for (const key of Object.keys(input))
    if (!known.includes(key))
      throw new TrainError(`an experiment has no ${shownValue(key)}, it has ${known.join(', ')}`)
  resolveModel(input.model, mnistFit)
  const { dataset, seed, epochs, batchSize } = { ...experimentDefaults, ...input }
  if (typeof dataset !== 'string' || dataset === '' || dataset === 'auto')
    throw new TrainError(`an experiment names its data set, not ${shownValue(dataset)}`)
  check('seed', seed)
  check('epochs', epochs)
  check('batchSize', batchSize)
  const optimizer = completeOptimizer(input.optimizer)
  const completed = { model: input.model, dataset, seed, epochs, batchSize, optimizer }
  return input.initial === undefined ? completed : { ...completed, initial: checkInitial(input.initial) }
}

const checkInitial = (initial: InitialOptions): InitialOptions => {
  const { sha256, newHead }: { sha256?: unknown; newHead?: unknown } = isRecord(initial) ? initial : {}
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256) || typeof newHead !== 'boolean')
    throw new TrainError(
      `initial must hold a sha256 of 64 hexadecimal digits and whether there is a newHead, not ${shownValue(initial)}`,
    )
  return { sha256, newHead }
}

const completeOptimizer = (input: Partial<OptimizerOptions> = {}): OptimizerOptions => {
  if (!isRecord(input))
    throw new TrainError(`optimizer must be an object such as { "name": "adam" }, not ${shownValue(input)}`)
  const { name = 'sgd' } = input
  if (typeof name !== 'string' || !Object.hasOwn(optimizerDefaults, name))
    throw new TrainError(
      `there is no optimizer ${shownValue(name)}: choose one of ${Object.keys(optimizerDefaults).join(', ')}`,
    )
  const options = { ...optimizerDefaults[name], ...input }
  for (const [key, value] of Object.entries(options)) {
    if (key === 'name') continue
    if (!Object.hasOwn(optimizerDefaults[name], key))
      throw new TrainError(`the optimizer ${name} has no ${shownValue(key)}`)
    check(key, value)
  }
  return options as OptimizerOptions
}

/** The one way to write a JSON value: keys sorted at every depth, no white space. */
const canonical = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).filter(([, held]) => held !== undefined)
  entries.sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, held]) => `${JSON.stringify(key)}:${canonical(held)}`).join(',')}}`
}

/** The experiment's id: the SHA-256 of its canonical JSON, in hexadecimal. */
export const experimentId = async (experiment: Experiment): Promise<string> =>
  sha256(new TextEncoder().encode(canonical(experiment)))

/** The first way in which two experiments differ, as a sentence's end; undefined where they are the same. */
export const experimentDifference = (theirs: Experiment, ours: Experiment): string | undefined => {
  const keys = ['model', 'dataset', 'seed', 'epochs', 'batchSize', 'optimizer', 'initial'] as const
  const shown = (value: unknown) => (value === undefined ? 'none' : canonical(value).slice(0, 120))
  const key = keys.find((key) => shown(theirs[key]) !== shown(ours[key]) || different(theirs[key], ours[key]))
  return key && `its ${key} is ${shown(theirs[key])}, this one's ${shown(ours[key])}`
}

const different = (a: unknown, b: unknown): boolean =>
  a !== undefined && b !== undefined && canonical(a) !== canonical(b)
