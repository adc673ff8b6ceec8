import { sha256 } from '@digitlab/data'
import {
  completeOptions,
  isRecord,
  layerTypes,
  mnistFit,
  resolveModel,
  shownValue,
  type CompletedOptions,
  type ModelDefinition,
  type OptionTable,
} from '@digitlab/models'
import type { AugmentationType } from './augmentation-type'
import { augmentationTypes } from './augmentations'
import {
  checkExtras,
  completeParts,
  experimentOptions,
  experimentParts,
  type ExperimentExtras,
  type GivenExtras,
} from './experiment-options'
import type { Extensions } from './extensions'
import { lossTypes } from './losses'
import type { LossType } from './loss-type'
import type { OptimizerType } from './optimizer-type'
import { optimizerTypes } from './optimizers'
import type { ScheduleType } from './schedule-type'
import { scheduleTypes } from './schedules'
import { TrainError } from './train-error'

type Completed<T> = T extends { readonly name: infer N; readonly options: infer O extends OptionTable }
  ? { readonly name: N } & CompletedOptions<O>
  : never

/** What is called by its name and has options of its own, from elsewhere. */
interface Foreign {
  // `string & {}` keeps the known names among what an editor offers
  readonly name: string & {}
  readonly [option: string]: unknown
}

/** How weights follow their gradients: an optimizer of this package, or one that is passed along. */
export type OptimizerOptions =
  | Completed<(typeof optimizerTypes)[number]>
  | (Foreign & { readonly learningRate: number })

/** How the learning rate changes. */
export type ScheduleOptions = Completed<(typeof scheduleTypes)[number]> | Foreign

/** Another loss than the mean cross-entropy. */
export type LossChoice = Foreign

/** One way in which the training images are changed. */
export type AugmentationOptions = Completed<(typeof augmentationTypes)[number]> | Foreign
/** One of several schedules: how many epochs or steps it lasts, where its options do not say; the last one lasts to the end. */
export type ListedScheduleOptions = ScheduleOptions & { readonly for?: number }

/** What to run. Plain JSON; its canonical form's SHA-256 is the experiment's id. */
export interface Experiment extends ExperimentExtras {
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
  /** Absent where the learning rate stays as it is; several come one after the other, as PyTorch's `SequentialLR`. */
  readonly schedule?: ScheduleOptions | readonly ListedScheduleOptions[]
  /** Absent for cross-entropy. */
  readonly loss?: LossChoice
  /** How the training images are changed each time that they are seen, one way after the other; absent where they stay as they are. */
  readonly augment?: readonly AugmentationOptions[]
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
export interface ExperimentInput extends GivenExtras {
  readonly model: string | ModelDefinition
  readonly dataset?: string | undefined
  /** Any that PyTorch takes; recorded as {@link torchSeed} of it. */
  readonly seed?: number | bigint | undefined
  readonly epochs?: number | undefined
  readonly batchSize?: number | undefined
  readonly optimizer?: Partial<OptimizerOptions> | undefined
  readonly schedule?: Partial<ScheduleOptions> | readonly Partial<ListedScheduleOptions>[] | undefined
  readonly loss?: LossChoice | undefined
  /** One alone need not be in a list. */
  readonly augment?: Partial<AugmentationOptions> | readonly Partial<AugmentationOptions>[] | undefined
  readonly initial?: InitialOptions | undefined
}

/** The case study's settings. */
export const experimentDefaults = { dataset: 'mnist', seed: 0, epochs: 5, batchSize: 64 } as const

/** What `torch.manual_seed` takes. */
const seeds = { from: -(2n ** 63n), to: 2n ** 64n - 1n } as const

/**
 * The part of a seed that counts: PyTorch's CPU generator takes the low 32 bits, so that -1, 2^32 - 1 and 2^64 - 1 begin the same run.
 * An experiment holds this part, and the same run has one id.
 *
 * @throws TrainError if `torch.manual_seed` would refuse it, or where a number is not exact: a bigint is, beyond 2^53
 */
export const torchSeed = (seed: number | bigint): number => {
  const whole = typeof seed === 'bigint' ? seed : Number.isSafeInteger(seed) ? BigInt(seed) : undefined
  if (whole === undefined || whole < seeds.from || whole > seeds.to) {
    const exact = typeof seed === 'number' && Number.isInteger(seed) ? ', beyond 2^53 as a bigint' : ''
    throw new TrainError(`seed must be an integer from -2^63 to 2^64 - 1${exact}, not ${shownValue(seed)}`)
  }
  return Number(BigInt.asUintN(32, whole))
}

/** One of the tables' entries, and the options that an experiment gives it. */
interface Chosen<T> {
  readonly type: T
  readonly options: Readonly<Record<string, unknown>>
}

/** An entry of a table. */
interface Choice {
  readonly name: string
  readonly options: OptionTable
  // Each is only handed what its own table let through.
  contradiction?(options: never): string | undefined
}

/** What is chosen of by name. */
interface Kind<T extends Choice> {
  /** 'optimizer' */
  readonly what: string
  readonly known: readonly T[]
  /** Where none is named. */
  readonly usual?: T
}

const optimizerKind = ({ optimizers = [] }: Extensions): Kind<OptimizerType> => ({
  what: 'optimizer',
  known: [...(optimizerTypes as readonly unknown[] as OptimizerType[]), ...optimizers],
  usual: optimizerTypes[0],
})
const scheduleKind = ({ schedules = [] }: Extensions): Kind<ScheduleType> => ({
  what: 'schedule',
  known: [...(scheduleTypes as readonly unknown[] as ScheduleType[]), ...schedules],
})
const lossKind = ({ losses = [] }: Extensions): Kind<LossType> => ({
  what: 'loss',
  known: [...(lossTypes as readonly unknown[] as LossType[]), ...losses],
})
const augmentationKind = ({ augmentations = [] }: Extensions): Kind<AugmentationType> => ({
  what: 'augmentation',
  known: [...(augmentationTypes as readonly unknown[] as AugmentationType[]), ...augmentations],
})

/** Checks what an experiment says of one kind. @returns its entry and all its options, in their table's order */
const choose = <T extends Choice>(
  { what, known, usual }: Kind<T>,
  given: unknown,
  beside: readonly string[] = ['name'],
): Chosen<T> => {
  if (!isRecord(given))
    throw new TrainError(
      `${what} must be an object such as { "name": "${(known.at(1) ?? known[0])?.name}" }, not ${shownValue(given)}`,
    )
  const { name = usual?.name } = given
  const type = known.find((each) => each.name === name)
  if (!type)
    throw new TrainError(
      `there is no ${what} ${shownValue(name)}: choose one of ${known.map((each) => each.name).join(', ')}`,
    )
  const place = { name: type.name, path: `${what}.`, beside, error: refused }
  const options: Record<string, unknown> = completeOptions(type.options, given, place)
  const why = type.contradiction?.(options as never)
  if (why !== undefined) throw new TrainError(`${what}: ${why}`)
  const ordered = Object.keys(type.options).filter((key) => options[key] !== undefined)
  return { type, options: Object.fromEntries(ordered.map((key) => [key, options[key]])) }
}

const refused = (sentence: string) => new TrainError(sentence)

/** What an optimizer of this package is where its name alone is given. */
export const optimizerDefaults = Object.fromEntries(
  optimizerTypes.map(({ name }) => [name, { name, ...choose(optimizerKind({}), { name }).options }]),
) as { readonly [T in (typeof optimizerTypes)[number] as T['name']]: Completed<T> }

/** The optimizer of an experiment. */
export const optimizerOf = (
  { optimizer }: Pick<Experiment, 'optimizer'>,
  extensions: Extensions,
): Chosen<OptimizerType> => choose(optimizerKind(extensions), optimizer)

/** A schedule of an experiment, and how long it lasts before the next one. */
export interface ListedSchedule extends Chosen<ScheduleType> {
  /** Undefined where it is to the end. */
  readonly lasts: number | undefined
}

/** The schedules of an experiment, one after the other; none where the learning rate stays as it is. */
export const schedulesOf = (
  { schedule }: Pick<Experiment, 'schedule'>,
  extensions: Extensions,
): readonly ListedSchedule[] => {
  if (schedule === undefined) return []
  if (!Array.isArray(schedule)) return [{ ...choose(scheduleKind(extensions), schedule), lasts: undefined }]
  const given: readonly unknown[] = schedule
  if (given.length < 2)
    throw new TrainError(`a list of schedules has at least 2, not ${given.length}: give one without a list`)
  const listed = given.map((each, i) => listedSchedule(each, `schedule[${i}]`, i === given.length - 1, extensions))
  const everies = listed.map(({ type, options }) => `${type.name} has every "${type.every(options)}"`)
  const odd = listed.findIndex(({ type, options }) => type.every(options) !== listed[0]?.type.every(listed[0].options))
  if (odd > 0) throw new TrainError(`a list of schedules counts epochs or steps: ${everies[0]}, ${everies[odd]}`)
  return listed
}

const listedSchedule = (each: unknown, what: string, last: boolean, extensions: Extensions): ListedSchedule => {
  const chosen = choose({ ...scheduleKind(extensions), what }, each, ['name', 'for'])
  const own = (each as { readonly for?: unknown }).for
  if (own !== undefined && !(typeof own === 'number' && Number.isSafeInteger(own) && own >= 1))
    throw new TrainError(`${what}.for must be an integer from 1, not ${shownValue(own)}`)
  if (last && own !== undefined)
    throw new TrainError(`${what}.for is ${own}, and the last schedule lasts to the end: leave it out`)
  const lasts = own ?? chosen.type.lasts?.(chosen.options)
  if (!last && lasts === undefined)
    throw new TrainError(`${what} does not say how long ${chosen.type.name} lasts before the next one: give it "for"`)
  return { ...chosen, lasts }
}

/** The loss of an experiment. */
export const lossOf = (
  { loss, labelSmoothing }: Pick<Experiment, 'loss' | 'labelSmoothing'>,
  extensions: Extensions,
): Chosen<LossType> => {
  const given: unknown = loss ?? { name: lossTypes[0].name }
  return choose(lossKind(extensions), labelSmoothing === undefined ? given : { ...(given as object), labelSmoothing })
}

/** The augmentations of an experiment, in the order in which they are done. */
export const augmentationsOf = (
  { augment = [] }: Pick<Experiment, 'augment'>,
  extensions: Extensions,
): Chosen<AugmentationType>[] => augment.map((given) => choose(augmentationKind(extensions), given))

const plain = Object.keys(experimentOptions)
const parts = Object.keys(experimentParts)
const keys = ['model', 'dataset', 'seed', ...plain, 'optimizer', 'schedule', 'loss', 'augment', ...parts, 'initial']

/**
 * Fills in the defaults and checks every value.
 *
 * @param extensions what the experiment may name beside what this package has
 * @throws TrainError naming the value and what it may be; ModelError if the model is unknown or does not fit together
 */
export const completeExperiment = (input: ExperimentInput, extensions: Extensions = {}): Experiment =>
  complete(input, extensions, false)

/** The same of a run that is only looked at: what it names from elsewhere is taken as it is. */
export const recordedExperiment = (input: ExperimentInput, extensions: Extensions = {}): Experiment =>
  complete(input, extensions, true)

const complete = (input: ExperimentInput, extensions: Extensions, lenient: boolean): Experiment => {
  if (!isRecord(input))
    throw new TrainError(`an experiment must be an object with at least a model, not ${shownValue(input)}`)
  for (const key of Object.keys(input))
    if (!keys.includes(key)) throw new TrainError(`an experiment has no ${shownValue(key)}, it has ${keys.join(', ')}`)
  if (!(lenient && hasForeignLayer(input.model))) resolveModel(input.model, mnistFit, extensions)
  const { dataset = experimentDefaults.dataset, seed = experimentDefaults.seed } = input
  if (typeof dataset !== 'string' || dataset === '' || dataset === 'auto')
    throw new TrainError(`an experiment names its data set, not ${shownValue(dataset)}`)
  const given = Object.fromEntries(Object.entries(input).filter(([key]) => plain.includes(key)))
  const whole = completeOptions(experimentOptions, given, { name: 'an experiment', error: refused })
  const named = <T extends Choice>(kind: Kind<T>, given: unknown) => {
    const foreign = lenient && isRecord(given) && typeof given['name'] === 'string'
    if (foreign && !kind.known.some(({ name }) => name === given['name'])) return given as unknown as Foreign
    const { type, options } = choose(kind, given)
    return { name: type.name, ...options }
  }
  const { name, ...rest } = named(optimizerKind(extensions), input.optimizer === undefined ? {} : input.optimizer)
  const { augment = [] } = input
  const augmentations = (Array.isArray(augment) ? augment : [augment]).map((given: unknown): AugmentationOptions =>
    named(augmentationKind(extensions), given),
  )
  checkTogether(augmentations, extensions)
  const loss = input.loss === undefined ? undefined : named<LossType>(lossKind(extensions), input.loss)
  const usualLoss = loss === undefined || loss.name === lossTypes[0].name
  // The usual loss goes without saying, and its one option stands beside it, so that one experiment has one id.
  const { labelSmoothing } = {
    ...whole,
    ...(usualLoss ? (loss as { readonly labelSmoothing?: number } | undefined) : {}),
  }
  if (!usualLoss && labelSmoothing !== undefined)
    throw new TrainError(
      `labelSmoothing is ${labelSmoothing} and the loss is ${shownValue(loss.name)}: it belongs to ${lossTypes[0].name}`,
    )
  const extras = { ...whole, ...(labelSmoothing === undefined ? {} : { labelSmoothing }), ...completeParts(input) }
  checkExtras(extras)
  const schedule = scheduleIn(input.schedule, extensions, (given) => named(scheduleKind(extensions), given), lenient)
  return {
    model: input.model,
    dataset,
    seed: torchSeed(seed),
    ...extras,
    optimizer: { name, ...rest } as OptimizerOptions, // checked against its table
    ...(schedule === undefined ? {} : { schedule }),
    ...(usualLoss ? {} : { loss }),
    // Without any it goes without saying, so that one experiment has one id.
    ...(augmentations.length === 0 ? {} : { augment: augmentations }),
    ...(input.initial === undefined ? {} : { initial: checkInitial(input.initial) }),
  }
}

/** Each at most once, and one that mixes: an image has two labels at most. */
const checkTogether = (
  augmentations: readonly AugmentationOptions[],
  { augmentations: own = [] }: Extensions,
): void => {
  const names = augmentations.map(({ name }) => name)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new TrainError(`augment names ${twice} twice: leave one of them out`)
  const types = [...(augmentationTypes as readonly unknown[] as AugmentationType[]), ...own]
  const mixing = names.filter((name) => types.some((type) => type.name === name && Object.hasOwn(type, 'mix')))
  if (mixing.length > 1)
    throw new TrainError(
      `augment mixes images twice, by ${mixing.join(' and ')}: an image has two labels at most, leave one out`,
    )
}

/** A schedule as an experiment holds it, or several. */
const scheduleIn = (
  given: ExperimentInput['schedule'],
  extensions: Extensions,
  named: (given: unknown) => unknown,
  lenient: boolean,
): Experiment['schedule'] => {
  if (given === undefined) return undefined
  if (!Array.isArray(given)) return named(given) as ScheduleOptions // checked against its table
  const list = given as readonly ListedScheduleOptions[]
  const known = (name: unknown) => scheduleKind(extensions).known.some((each) => each.name === name)
  if (lenient && list.some((each) => isRecord(each) && !known(each.name))) return list // of which somebody else knows
  return schedulesOf({ schedule: list }, extensions).map(({ type, options }, i) => {
    const own = list[i]?.for
    return { name: type.name, ...options, ...(own === undefined ? {} : { for: own }) }
  })
}

/** Whether a definition has a layer of a type that is not known here. */
const hasForeignLayer = (model: unknown): boolean => {
  const layers = isRecord(model) ? model['layers'] : undefined
  const known = (type: unknown) => layerTypes.some((each) => each.type === type)
  return (
    Array.isArray(layers) &&
    layers.some((layer) => isRecord(layer) && typeof layer['type'] === 'string' && !known(layer['type']))
  )
}

const checkInitial = (initial: InitialOptions): InitialOptions => {
  const { sha256, newHead }: { sha256?: unknown; newHead?: unknown } = isRecord(initial) ? initial : {}
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256) || typeof newHead !== 'boolean')
    throw new TrainError(
      `initial must hold a sha256 of 64 hexadecimal digits and whether there is a newHead, not ${shownValue(initial)}`,
    )
  return { sha256, newHead }
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

/** The first way in which two experiments differ, as a sentence's end; undefined if they are the same. */
export const experimentDifference = (theirs: Experiment, ours: Experiment): string | undefined => {
  const shown = (value: unknown) => (value === undefined ? 'none' : canonical(value).slice(0, 120))
  const key = (keys as readonly (keyof Experiment)[]).find(
    (key) => shown(theirs[key]) !== shown(ours[key]) || different(theirs[key], ours[key]),
  )
  return key && `its ${key} is ${shown(theirs[key])}, this one's ${shown(ours[key])}`
}

const different = (a: unknown, b: unknown): boolean =>
  a !== undefined && b !== undefined && canonical(a) !== canonical(b)
