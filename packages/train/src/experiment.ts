import { sha256 } from '@digitlab/data'
import {
  completeOptions,
  integer,
  isRecord,
  mnistFit,
  number,
  resolveModel,
  shownValue,
  type CompletedOptions,
  type ModelDefinition,
  type OptionTable,
} from '@digitlab/models'

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
  /** As `torch.manual_seed`: decides the initial weights and the order of the images. Its low 32 bits, see {@link torchSeed}. */
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
  /** Any that PyTorch takes; recorded as {@link torchSeed} of it. */
  readonly seed?: number | bigint
  readonly epochs?: number
  readonly batchSize?: number
  readonly optimizer?: Partial<OptimizerOptions>
  readonly initial?: InitialOptions
}

/** The case study's settings. */
export const experimentDefaults = { dataset: 'mnist', seed: 0, epochs: 5, batchSize: 64 } as const

/** As PyTorch checks them. Its defaults, but for the learning rate of sgd, which has none there and 0.1 in the case study. */
const optimizerTables = {
  sgd: {
    learningRate: number({ from: 0, default: 0.1 }),
    momentum: number({ from: 0, default: 0 }),
    weightDecay: number({ from: 0, default: 0 }),
  },
  adam: {
    learningRate: number({ from: 0, default: 0.001 }),
    beta1: number({ from: 0, below: 1, default: 0.9 }),
    beta2: number({ from: 0, below: 1, default: 0.999 }),
    epsilon: number({ from: 0, default: 1e-8 }),
    weightDecay: number({ from: 0, default: 0 }),
  },
} as const satisfies Record<OptimizerOptions['name'], OptionTable>

const refused = (sentence: string) => new TrainError(sentence)
const completed = <const T extends OptionTable>(name: string, table: T, given: object): CompletedOptions<T> => {
  const options = completeOptions(table, given, { name, path: 'optimizer.', beside: ['name'], error: refused })
  const ordered = (Object.keys(table) as (keyof typeof options)[]).map((key) => [key, options[key]] as const)
  return Object.fromEntries(ordered) as CompletedOptions<T> // every option has a default
}

/** What an optimizer is where its name alone is given. */
export const optimizerDefaults = {
  sgd: { name: 'sgd', ...completed('sgd', optimizerTables.sgd, {}) },
  adam: { name: 'adam', ...completed('adam', optimizerTables.adam, {}) },
} as const satisfies Record<string, OptimizerOptions>

/** What `torch.manual_seed` takes. */
const seeds = { from: -(2n ** 63n), to: 2n ** 64n - 1n } as const

/**
 * The part of a seed that counts: PyTorch's CPU generator takes the low 32 bits, so that -1, 2^32 - 1 and 2^64 - 1 begin the same run.
 * An experiment holds this part, and the same run has one id.
 *
 * @throws TrainError where `torch.manual_seed` would refuse it, or where a number is not exact: a bigint is, beyond 2^53
 */
export const torchSeed = (seed: number | bigint): number => {
  const whole = typeof seed === 'bigint' ? seed : Number.isSafeInteger(seed) ? BigInt(seed) : undefined
  if (whole === undefined || whole < seeds.from || whole > seeds.to) {
    const exact = typeof seed === 'number' && Number.isInteger(seed) ? ', beyond 2^53 as a bigint' : ''
    throw new TrainError(`seed must be an integer from -2^63 to 2^64 - 1${exact}, not ${shownValue(seed)}`)
  }
  return Number(BigInt.asUintN(32, whole))
}

const counts = { epochs: integer({ from: 1, to: 100_000 }), batchSize: integer({ from: 1, to: 1_000_000 }) }

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
  const whole = completeOptions(counts, { epochs, batchSize }, { name: 'an experiment', error: refused })
  const experiment = {
    model: input.model,
    dataset,
    seed: torchSeed(seed),
    ...whole,
    optimizer: completeOptimizer(input.optimizer),
  }
  return input.initial === undefined ? experiment : { ...experiment, initial: checkInitial(input.initial) }
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
  return name === 'sgd'
    ? { name, ...completed(name, optimizerTables.sgd, input) }
    : { name, ...completed(name, optimizerTables.adam, input) }
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
