// The form's values: what they are to begin with, and what of a kept form is one. What there is to fill in follows from the tables that
// check an experiment.
import { completeOptions, integer, modelNames, type Option, type OptionTable } from '@digitlab/models'
import {
  augmentationTypes,
  experimentDefaults,
  experimentOptions,
  experimentParts,
  lossTypes,
  optimizerTypes,
  scheduleTypes,
} from '@digitlab/train/experiment'
import { readModelText } from './model-text'
import { pageBackends, type Chosen, type Kind, type Part, type Settings } from './protocol'

interface Choosable {
  readonly name: string
  readonly says?: string | undefined
  readonly options: OptionTable
}

/** What is chosen by name, and its options: what an experiment may name is in the form. */
export const kinds: Readonly<Record<Kind, readonly Choosable[]>> = {
  optimizer: optimizerTypes,
  schedule: scheduleTypes,
  loss: lossTypes,
}
export const kindNames = Object.keys(kinds) as readonly Kind[]

const numbers: OptionTable = experimentOptions

/** A field of the form that an option table describes. */
export interface Field {
  /** 'epochs', 'optimizer.learningRate' */
  readonly path: string
  readonly name: string
  readonly label: string
  readonly option: Option
  readonly value: unknown
}

/** 'weightDecay' as 'Weight decay' */
const labelOf = (name: string): string => {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return `${words.slice(0, 1).toUpperCase()}${words.slice(1)}`
}

const fieldsOf = (table: OptionTable, values: Readonly<Record<string, unknown>>, prefix = ''): Field[] =>
  Object.entries(table).map(([name, option]) => ({
    ...{ path: `${prefix}${name}`, name, label: labelOf(name), option },
    value: values[name],
  }))

/** The fields for the experiment's own numbers. */
export const numberFields = (settings: Settings): Field[] =>
  fieldsOf(numbers, settings as unknown as Readonly<Record<string, unknown>>)

/** Whether a field is filled in for every experiment; the others are empty until somebody wants them. */
export const isUsual = ({ option }: Field): boolean => option.default !== undefined

/** The fields for the options of what is chosen of a kind; of a schedule that others follow, how long it lasts among them. */
export const kindFields = (settings: Settings, kind: Kind): Field[] => {
  const chosen = settings[kind]
  if (kind === 'schedule') return scheduleFields(settings, 0)
  return chosen ? fieldsOf(tableOf(kind, chosen.name), chosen, `${kind}.`) : []
}

/** What a schedule has beside its own options where another one follows. */
const beforeAnother: OptionTable = {
  for: integer({
    from: 1,
    optional: true,
    says: 'how many epochs or steps it lasts before the next one; as many as its total steps unless given',
  }),
}

/** The schedules, one after the other. */
export const schedulesOf = ({ schedule, then = [] }: Pick<Settings, 'schedule' | 'then'>): readonly Chosen[] =>
  schedule ? [schedule, ...then] : []

/** The fields for the options of one of them, from 0: 'schedule.gamma' of the first, 'then.0.gamma' of the one that follows it. */
export const scheduleFields = (settings: Settings, at: number): Field[] => {
  const all = schedulesOf(settings)
  const chosen = all[at]
  if (!chosen) return []
  const table = { ...tableOf('schedule', chosen.name), ...(at < all.length - 1 ? beforeAnother : {}) }
  return fieldsOf(table, chosen, at === 0 ? 'schedule.' : `then.${at - 1}.`)
}

/** What the form's model is called. */
export const modelNameOf = ({ model, definition }: Pick<Settings, 'model' | 'definition'>): string =>
  definition === undefined ? model : (readModelText(definition).model?.name ?? 'your own model')

/** What each part of an experiment does, and what the form begins with where the table has no usual value. */
export const parts: Readonly<Record<Part, { readonly says: string; readonly begun?: object }>> = {
  validation: { says: 'training images are set aside, to choose by', begun: { size: 0.1 } },
  earlyStopping: { says: 'the run ends once it gets no better' },
  averageWeights: { says: 'a moving average of the weights is what is evaluated and kept' },
  normalize: { says: 'pixels less a mean, divided by a deviation', begun: { mean: 0.1307, std: 0.3081 } }, // MNIST's
}
export const partNames = Object.keys(parts) as readonly Part[]

/** 'earlyStopping' as 'Early stopping' */
export const partLabel = (part: Part): string => labelOf(part)

/** The fields for the options of a part that the experiment has. */
export const partFields = (settings: Settings, part: Part): Field[] => {
  const values = settings.parts?.[part]
  return values ? fieldsOf(experimentParts[part], values, `${part}.`) : []
}

/** A part where nothing is said of its options. */
export const partPlain = (part: Part): Readonly<Record<string, unknown>> => takenOf(experimentParts[part], {})

/** The parts with one of them as it is given, or without it, in the order of their table; undefined for none. */
export const withPart = (
  { parts: before }: Settings,
  part: Part,
  values: Readonly<Record<string, unknown>> | undefined,
): Settings['parts'] => {
  const all = { ...before, [part]: values }
  const there = partNames.flatMap((name) => (all[name] ? [[name, all[name]] as const] : []))
  return there.length > 0 ? Object.fromEntries(there) : undefined
}

/** The ways in which training images can be changed. */
export const augmentations: readonly (Choosable & { readonly example?: Readonly<Record<string, unknown>> })[] =
  augmentationTypes

const augmentationOf = (name: string) => augmentations.find((type) => type.name === name)

/** The fields for the options of one of them. */
export const augmentFields = (chosen: Chosen): Field[] =>
  fieldsOf(augmentationOf(chosen.name)?.options ?? {}, chosen, `augment.${chosen.name}.`)

/** The augmentations with one more, in the order of their table, or without one. */
export const withAugmentation = (augment: readonly Chosen[] = [], chosen: Chosen, on: boolean): readonly Chosen[] => {
  const all = [...augment.filter(({ name }) => name !== chosen.name), ...(on ? [chosen] : [])]
  return augmentations.flatMap(({ name }) => all.find((each) => each.name === name) ?? [])
}

/** One of them with an option as it is typed. */
export const withOption = (chosen: Chosen, name: string, value: unknown): Chosen => ({ ...chosen, [name]: value })

/** One of them where its name alone is given. */
export const augmentationPlain = (name: string): Chosen => ({
  name,
  ...Object.fromEntries(
    Object.entries(augmentationOf(name)?.options ?? {}).map(([key, option]) => [key, usual(option)]),
  ),
})

/** What the form begins with where one is chosen: something that is to be seen. */
export const augmentationBegun = (name: string): Chosen => ({
  ...augmentationPlain(name),
  ...augmentationOf(name)?.example,
})

/** Every field that a table describes. */
export const tableFields = (settings: Settings): Field[] => [
  ...numberFields(settings),
  ...kindNames.flatMap((kind) => kindFields(settings, kind)),
  ...(settings.then ?? []).flatMap((_, i) => scheduleFields(settings, i + 1)),
  ...partNames.flatMap((part) => partFields(settings, part)),
  ...(settings.augment ?? []).flatMap(augmentFields),
]

const tableOf = (kind: Kind, name: string): OptionTable => kinds[kind].find((type) => type.name === name)?.options ?? {}

/** A field that nothing is typed into: what an experiment is not given. */
export const isEmpty = (value: unknown): boolean => value === undefined || value === '' || Number.isNaN(value)

/** The value of an option that nothing was said of; what has to be filled in is empty. */
const usual = ({ default: value }: Option): unknown => value

/** What is chosen where its name alone is given. */
export const chosenOf = (kind: Kind, name: string): Chosen => ({
  name,
  ...Object.fromEntries(Object.entries(tableOf(kind, name)).map(([key, option]) => [key, usual(option)])),
})

const usualNumbers = completeOptions(
  experimentOptions,
  {},
  { name: 'an experiment', error: (sentence) => new Error(sentence) },
)

export const defaultSettings: Settings = {
  model: 'cnn',
  backend: 'wasm',
  threads: 'auto',
  seed: experimentDefaults.seed,
  ...usualNumbers,
  optimizer: chosenOf('optimizer', optimizerTypes[0].name),
  loss: chosenOf('loss', lossTypes[0].name),
}

/** A value of the kind that an option takes, whatever its range, which the form tells; else the usual one. */
const taken = (option: Option, value: unknown): unknown => {
  const numeric = option.kind === 'number' || option.kind === 'integer'
  return (numeric && typeof value === 'number') || option.fits(value) ? value : usual(option)
}

const takenOf = (table: OptionTable, values: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(table).map(([key, option]) => [key, taken(option, values[key])]))

/** What was chosen of a kind; undefined where there is none of that name. */
const choiceOf = (kind: Kind, kept: unknown, beside: Readonly<Record<string, unknown>>): Chosen | undefined => {
  // Earlier versions kept the optimizer's name, and its learning rate beside it.
  const values: Readonly<Record<string, unknown>> =
    typeof kept === 'string' ? { ...beside, name: kept } : typeof kept === 'object' && kept !== null ? { ...kept } : {}
  const type = kinds[kind].find(({ name }) => name === values['name'])
  return type && { name: type.name, ...takenOf(type.options, values) }
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : [value])

/** The schedules that something kept, one after the other; what is none is left out. */
const schedulesIn = (values: Readonly<Record<string, unknown>>): Pick<Settings, 'schedule' | 'then'> => {
  const kept = [...listOf(values['schedule']), ...listOf(values['then'])]
  const [schedule, ...then] = kept.flatMap((each) => {
    const chosen = choiceOf('schedule', each, {})
    const lasts = isRecord(each) ? each['for'] : undefined
    return chosen ? [{ ...chosen, ...(typeof lasts === 'number' ? { for: lasts } : {}) }] : []
  })
  return schedule ? { schedule, ...(then.length > 0 ? { then } : {}) } : {}
}

/** The augmentations that something kept; what is none is left out. */
const augmentOf = (kept: unknown): readonly Chosen[] => {
  const values: readonly Readonly<Record<string, unknown>>[] = Array.isArray(kept)
    ? kept.filter((each): each is Record<string, unknown> => typeof each === 'object' && each !== null)
    : []
  return augmentations.flatMap(({ name, options }) => {
    const found = values.find((each) => each['name'] === name)
    return found ? [{ name, ...takenOf(options, found) }] : []
  })
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The parts that something kept. */
const partsOf = (kept: unknown): Settings['parts'] => {
  const values = isRecord(kept) ? kept : {}
  const there = partNames.flatMap((name) => {
    const part = values[name]
    return isRecord(part) ? [[name, takenOf(experimentParts[name], part)] as const] : []
  })
  return there.length > 0 ? Object.fromEntries(there) : undefined
}

/** The form as something kept it, an earlier version maybe: what is no value of its field becomes the default. */
export const settingsOf = (kept: unknown, processors: number): Settings => {
  if (typeof kept !== 'object' || kept === null) return defaultSettings
  const values = kept as Readonly<Record<string, unknown>>
  const { model, definition, backend, threads, seed } = values
  const fits = typeof threads === 'number' && Number.isInteger(threads) && threads >= 1 && threads <= processors
  const augment = augmentOf(values['augment'])
  const parts = partsOf(values['parts'])
  return {
    model: modelNames.find((name) => name === model) ?? defaultSettings.model,
    ...(typeof definition === 'string' ? { definition } : {}),
    backend: pageBackends.find((id) => id === backend) ?? defaultSettings.backend,
    threads: fits ? threads : 'auto',
    seed: typeof seed === 'number' ? seed : defaultSettings.seed,
    ...(takenOf(numbers, values) as typeof usualNumbers), // the numbers of the table
    optimizer: choiceOf('optimizer', values['optimizer'], values) ?? defaultSettings.optimizer,
    ...schedulesIn(values),
    ...(augment.length > 0 ? { augment } : {}),
    ...(parts ? { parts } : {}),
    loss: choiceOf('loss', values['loss'], {}) ?? defaultSettings.loss,
  }
}
