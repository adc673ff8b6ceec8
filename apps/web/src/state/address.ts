// The experiment in the address: a link is an experiment. In the query and not behind the #, where the sections are.
import { modelInAddress, readableModel, tooLong } from '../model-text'
import { dataChoices, type DataChoice, type Settings } from '../protocol'
import {
  augmentationPlain,
  augmentations,
  augmentFields,
  chosenOf,
  defaultSettings,
  isEmpty,
  kindFields,
  kindNames,
  kinds,
  numberFields,
  partFields,
  partNames,
  partPlain,
  scheduleFields,
  schedulesOf,
  settingsOf,
  withPart,
  type Field,
} from '../settings'

type NamedChoice = Exclude<DataChoice, 'files'>

export interface Addressed {
  /** The settings before, with what the address says in their place. */
  readonly settings: Settings
  readonly data?: NamedChoice
  /** A sentence for each part of the address that is no value of its field. */
  readonly notices: readonly string[]
}

const named = ['model', 'backend', 'threads', 'seed'] as const

/** The name of a field in an address: 'momentum', 'schedule.gamma'. */
const keyOf = ({ path }: Field): string => path.replace(/^optimizer\./, '')

const isChanged = ({ option, value }: Field): boolean => value !== option.default

/** What a text says: a number as it is, whatever its range, which the form tells; undefined where it is no value. */
const valueOf = ({ option }: Field, text: string): unknown => {
  if (option.kind === 'number' || option.kind === 'integer')
    return text.trim() === '' || Number.isNaN(Number(text)) ? undefined : Number(text)
  const value = option.kind === 'choice' || option.kind === 'text' ? text : parsed(text)
  return option.fits(value) ? value : undefined
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** What an address says; a name where there is such a one. An address that names an optimizer is a whole experiment. */
export const readAddress = (query: string, before: Settings, processors: number): Addressed => {
  const given = new URLSearchParams(query)
  const notices: string[] = []
  const refuse = (name: string, value: string) =>
    notices.push(`The address asks for ${name} ${JSON.stringify(value.slice(0, 40))}, which this page does not have.`)
  const { model, backend, threads, seed } = before
  let settings: Settings = given.has('optimizer') ? { ...defaultSettings, model, backend, threads, seed } : before
  const own = given.get('model')
  if (own?.trim().startsWith('{')) settings = { ...settings, definition: readableModel(own) }
  else if (own === tooLong)
    notices.push('The model of this address was too long for it: open its model.json under Experiment.')
  else if (own !== null) settings = { ...settings, definition: undefined }
  for (const field of named) {
    const text = given.get(field)
    if (text === null || (field === 'model' && (text === tooLong || text.trim().startsWith('{')))) continue
    const numeric = field === 'seed' || (field === 'threads' && text !== 'auto')
    const value = numeric && text.trim() !== '' ? Number(text) : text
    const taken = settingsOf({ ...settings, [field]: value }, processors)
    if (taken[field] === value && !Number.isNaN(value)) settings = { ...settings, [field]: value }
    else refuse(field, text)
  }
  const read = (fields: readonly Field[]): Record<string, unknown> =>
    Object.fromEntries(
      fields.flatMap((field) => {
        const text = given.get(keyOf(field))
        const value = text === null ? undefined : valueOf(field, text)
        if (text !== null && value === undefined) refuse(keyOf(field), text)
        return value === undefined ? [] : [[field.name, value]]
      }),
    )
  settings = { ...settings, ...read(numberFields(settings)) }
  if (given.has('then') || given.has('schedule') || given.has('optimizer')) {
    const then = given.getAll('then').flatMap((name) => {
      if (kinds.schedule.some((type) => type.name === name)) return [chosenOf('schedule', name)]
      refuse('then', name)
      return []
    })
    settings = { ...settings, then }
  }
  for (const kind of kindNames) {
    const name = given.get(kind)
    const known = kinds[kind].some((type) => type.name === name)
    if (name !== null && !known) refuse(kind, name)
    const chosen = name !== null && known ? chosenOf(kind, name) : settings[kind]
    if (!chosen) continue
    settings = { ...settings, [kind]: chosen }
    settings = { ...settings, [kind]: { ...chosen, ...read(kindFields(settings, kind)) } }
  }
  const then =
    settings.schedule && settings.then?.map((one, i) => ({ ...one, ...read(scheduleFields(settings, i + 1)) }))
  settings = { ...settings, then: then && then.length > 0 ? then : undefined }
  if (given.has('augment') || given.has('optimizer')) {
    const augment = given.getAll('augment').flatMap((name) => {
      if (augmentations.some((type) => type.name === name)) {
        const begun = augmentationPlain(name)
        return [{ ...begun, ...read(augmentFields(begun)) }]
      }
      refuse('augment', name)
      return []
    })
    settings = settingsOf({ ...settings, augment }, processors)
  }
  if (given.has('part') || given.has('optimizer')) {
    settings = { ...settings, parts: undefined }
    for (const text of given.getAll('part')) {
      const part = partNames.find((name) => name === text)
      if (!part) refuse('part', text)
      else {
        settings = { ...settings, parts: withPart(settings, part, partPlain(part)) }
        settings = { ...settings, parts: withPart(settings, part, read(partFields(settings, part))) }
      }
    }
    settings = settingsOf(settings, processors)
  }
  const choice = given.get('data')
  const data = dataChoices.find((each) => each === choice)
  if (choice !== null && data === undefined) refuse('data', choice)
  return { settings, ...(data === undefined ? {} : { data }), notices }
}

/** The query of an address that is this experiment; what depends on the machine is not in it. */
export const addressOf = (settings: Settings, data: DataChoice): string => {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  const pairs = (fields: readonly Field[]): [string, string][] =>
    fields.flatMap((field) => (isEmpty(field.value) ? [] : [[keyOf(field), text(field.value)]]))
  const { definition, seed, augment = [] } = settings
  const model = definition === undefined ? settings.model : (modelInAddress(definition) ?? tooLong)
  const changed = augment.flatMap((one) => [
    ['augment', one.name] as [string, string],
    ...pairs(augmentFields(one).filter(isChanged)),
  ])
  const parts = partNames.flatMap((part) =>
    settings.parts?.[part]
      ? [['part', part] as [string, string], ...pairs(partFields(settings, part).filter(isChanged))]
      : [],
  )
  const chosen = kindNames.flatMap((kind) => {
    const value = settings[kind]
    if (!value || (kind === 'loss' && value.name === defaultSettings.loss.name)) return []
    const told = kindFields(settings, kind).filter((field) => field.name === 'learningRate' || isChanged(field))
    return [[kind, value.name] as [string, string], ...pairs(told)]
  })
  const then = schedulesOf(settings).flatMap(({ name }, at) =>
    at === 0 ? [] : [['then', name] as [string, string], ...pairs(scheduleFields(settings, at).filter(isChanged))],
  )
  return `?${new URLSearchParams([
    ['model', model],
    ['seed', String(seed)],
    ...pairs(numberFields(settings)),
    ...chosen,
    ...then,
    ...parts,
    ...changed,
    ...(data === 'files' ? [] : [['data', data] as [string, string]]),
  ]).toString()}`
}
