// What a layer, an optimizer or a schedule may be told, said once: the type of the options, the check of foreign JSON, the
// defaults, a JSON schema and a line of help all follow from one table.
import type { NestedLayer } from './layer-type'
import { isRecord, shownValue } from './shown'
import type { Sides } from './windows'

/** 'required' must be given, 'defaulted' is filled in where it is absent, 'optional' stays absent. */
export type Presence = 'required' | 'defaulted' | 'optional'

/** One option: what it may be, in words, as a test and as a JSON schema. */
export interface Option<T = unknown, P extends Presence = Presence> {
  readonly kind: 'number' | 'integer' | 'sides' | 'boolean' | 'choice' | 'text' | 'list' | 'layers'
  readonly presence: P
  /** Of a defaulted option. */
  readonly default: T | undefined
  /** What an optional one that is absent stands for, where it stands for a value: given so, it is left out, so that one thing is said in one way. */
  readonly absent: T | undefined
  /** What it does, for a command's help or a page's form. */
  readonly says: string | undefined
  /** What it may be, as the end of "it must be ...". */
  readonly allowed: string
  /** The same as a fragment of a JSON schema (draft 2020-12): a form reads its bounds and choices here. */
  readonly schema: Readonly<Record<string, unknown>>
  /** Whether a value of somebody's JSON is one. */
  fits(value: unknown): value is T
}

/** Options by name. */
export type OptionTable = Readonly<Record<string, Option>>

type ValueOf<O> = O extends Option<infer T> ? T : never
type KeysOf<T extends OptionTable, P extends Presence> = {
  [K in keyof T]: T[K] extends Option<unknown, infer Found> ? (Found extends P ? K : never) : never
}[keyof T]

/** What a user writes: defaults may be left out. */
export type GivenOptions<T extends OptionTable> = { readonly [K in KeysOf<T, 'required'>]: ValueOf<T[K]> } & {
  readonly [K in KeysOf<T, 'defaulted' | 'optional'>]?: ValueOf<T[K]>
}

/** What a layer or an optimizer reads: the defaults are filled in. */
export type CompletedOptions<T extends OptionTable> = {
  readonly [K in KeysOf<T, 'required' | 'defaulted'>]: ValueOf<T[K]>
} & { readonly [K in KeysOf<T, 'optional'>]?: ValueOf<T[K]> }

/** What every option may say of itself: a default makes it 'defaulted', `optional` makes it 'optional'. */
export interface OptionSpec<T> {
  readonly default?: T
  readonly optional?: true
  /** Of an optional one: the value that it has where it is absent. */
  readonly absent?: T
  readonly says?: string
}

type PresenceOf<S> = S extends { readonly default: unknown }
  ? 'defaulted'
  : S extends { readonly optional: true }
    ? 'optional'
    : 'required'

const option = <T, S extends OptionSpec<T>>(
  kind: Option['kind'],
  spec: S,
  allowed: string,
  schema: Readonly<Record<string, unknown>>,
  fits: (value: unknown) => boolean,
): Option<T, PresenceOf<S>> => ({
  kind,
  // The type and the value say the same of one spec.
  presence: (spec.default !== undefined ? 'defaulted' : spec.optional ? 'optional' : 'required') as PresenceOf<S>,
  default: spec.default,
  absent: spec.absent,
  says: spec.says,
  allowed,
  schema: spec.says === undefined ? schema : { description: spec.says, ...schema },
  fits: (value): value is T => fits(value),
})

/** Bounds of a number: `from` and `to` belong to it, `above` and `below` do not. */
export interface Bounds {
  readonly from?: number
  readonly to?: number
  readonly above?: number
  readonly below?: number
}

const within = ({ from = -Infinity, to = Infinity, above = -Infinity, below = Infinity }: Bounds, value: number) =>
  value >= from && value <= to && value > above && value < below

const boundsInWords = ({ from, to, above, below }: Bounds): string => {
  if (below !== undefined && from !== undefined) return ` at least ${from} and below ${below}`
  const low = from !== undefined ? ` from ${from}` : above !== undefined ? ` above ${above}` : ''
  const high = to === Number.MAX_SAFE_INTEGER ? '2^53 - 1' : to
  if (high !== undefined) return from === undefined ? `${low}${low && ' and'} at most ${high}` : `${low} to ${high}`
  return below === undefined ? low : `${low}${low && ' and'} below ${below}`
}

const boundsSchema = ({ from, to, above, below }: Bounds): Record<string, number> => ({
  ...(from === undefined ? {} : { minimum: from }),
  ...(to === undefined ? {} : { maximum: to }),
  ...(above === undefined ? {} : { exclusiveMinimum: above }),
  ...(below === undefined ? {} : { exclusiveMaximum: below }),
})

/** A finite number within bounds. */
export const number = <const S extends OptionSpec<number> & Bounds>(spec: S = {} as S) =>
  option<number, S>(
    'number',
    spec,
    `a number${boundsInWords(spec)}`,
    { type: 'number', ...boundsSchema(spec) },
    (value) => typeof value === 'number' && Number.isFinite(value) && within(spec, value),
  )

/** A whole number within bounds, at most 2^53 - 1. */
export const integer = <const S extends OptionSpec<number> & Bounds>(spec: S = {} as S) => {
  const bounds = { to: spec.below === undefined ? Number.MAX_SAFE_INTEGER : undefined, ...spec }
  return option<number, S>(
    'integer',
    spec,
    `an integer${boundsInWords(bounds as Bounds)}`,
    { type: 'integer', ...boundsSchema(spec) },
    (value) => Number.isSafeInteger(value) && within(spec, value as number),
  )
}

/** One whole number for height and width, or [height, width]. */
export const sides = <const S extends OptionSpec<Sides> & Bounds>(spec: S = {} as S) => {
  const one: Option<number> = integer({ from: spec.from ?? 0, ...(spec.to === undefined ? {} : { to: spec.to }) })
  const schema = { anyOf: [one.schema, { type: 'array', items: one.schema, minItems: 2, maxItems: 2 }] }
  const fits = (value: unknown) =>
    one.fits(value) || (Array.isArray(value) && value.length === 2 && Array.from(value).every((side) => one.fits(side)))
  return option<Sides, S>('sides', spec, `${one.allowed}, or two of them: [height, width]`, schema, fits)
}

/** true or false. */
export const boolean = <const S extends OptionSpec<boolean>>(spec: S = {} as S) =>
  option<boolean, S>('boolean', spec, 'true or false', { type: 'boolean' }, (value) => typeof value === 'boolean')

/** One of a few words. */
export const choice = <const W extends string, const S extends OptionSpec<W>>(words: readonly W[], spec: S = {} as S) =>
  option<W, S>('choice', spec, `one of ${words.map((word) => `"${word}"`).join(', ')}`, { enum: [...words] }, (value) =>
    (words as readonly unknown[]).includes(value),
  )

/** A list of values of one kind, at least `atLeast` of them (0 by default). */
export const list = <T, const S extends OptionSpec<readonly T[]> & { readonly atLeast?: number }>(
  of: Option<T>,
  spec: S = {} as S,
) =>
  option<readonly T[], S>(
    'list',
    spec,
    `a list, each of it ${of.allowed}${spec.atLeast ? `, at least ${spec.atLeast}` : ''}`,
    { type: 'array', items: of.schema, ...(spec.atLeast ? { minItems: spec.atLeast } : {}) },
    (value) =>
      Array.isArray(value) && value.length >= (spec.atLeast ?? 0) && Array.from(value).every((each) => of.fits(each)),
  )

/** Layers one after the other, within a layer; each is checked where the model is. */
export const layerList = <const S extends OptionSpec<readonly NestedLayer[]>>(spec: S = {} as S) =>
  option<readonly NestedLayer[], S>(
    'layers',
    spec,
    'a list of at least one layer',
    {
      type: 'array',
      items: { type: 'object', properties: { type: { type: 'string', minLength: 1 } }, required: ['type'] },
      minItems: 1,
    },
    (value) => Array.isArray(value) && value.length > 0,
  )

const longestName = 128

/** The name of a layer, the path of a module in PyTorch: `conv1`, `features.0`. */
export const layerName = <const S extends OptionSpec<string>>(spec: S = {} as S) => {
  const pattern = '^\\w+(\\.\\w+)*$'
  return option<string, S>(
    'text',
    spec,
    `letters, digits and _, in parts joined by dots, at most ${longestName} in all`,
    { type: 'string', pattern, maxLength: longestName },
    (value) => typeof value === 'string' && value.length <= longestName && new RegExp(pattern).test(value),
  )
}

/** Where options were found, and how to refuse one. */
export interface OptionsPlace {
  /** What they belong to, for "momentum is not an option of adam". */
  readonly name: string
  /** Comes before the option's name in an error: `layers[3].`, `optimizer.`. */
  readonly path?: string
  /** Comes after it: ` of the model "mine"`. */
  readonly of?: string
  /** Keys that are not options: the type of a layer, the name of an optimizer. */
  readonly beside?: readonly string[]
  /** Makes the error that is thrown; the key is that of the option at fault, undefined if the options are not an object at all. */
  readonly error: (sentence: string, key: string | undefined) => Error
}

/**
 * Checks options and fills in the defaults.
 *
 * @param given may be anything
 * @throws what `place.error` makes of one sentence: the path of an option, its value, what it may be
 */
export const completeOptions = <const T extends OptionTable>(
  table: T,
  given: unknown,
  place: OptionsPlace,
): CompletedOptions<T> => {
  const { name, path = '', of = '', beside = [], error } = place
  if (!isRecord(given))
    throw error(`the options of ${name}${of} must be an object, not ${shownValue(given)}`, undefined)
  const completed: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(given)) {
    if (beside.includes(key)) continue
    const known = Object.hasOwn(table, key) ? table[key] : undefined
    if (!known)
      throw error(
        `${path}${shownKey(key)}${of} is not an option of ${name}, which takes ${listed(Object.keys(table))}`,
        key,
      )
    if (value === undefined) continue // as absent, which its type allows where exactOptionalPropertyTypes is off
    if (!known.fits(value)) throw error(`${path}${key}${of} must be ${known.allowed}, not ${shownValue(value)}`, key)
    if (known.absent === undefined || value !== known.absent) completed[key] = value
  }
  for (const [key, { presence, allowed, default: usual }] of Object.entries(table)) {
    if (Object.hasOwn(completed, key)) continue
    if (presence === 'required') throw error(`${path}${key}${of} is missing: it must be ${allowed}`, key)
    if (presence === 'defaulted') completed[key] = usual
  }
  return completed as CompletedOptions<T>
}

/** The options as parts of a JSON schema of an object. */
export const optionsSchema = (
  table: OptionTable,
): { properties: Record<string, Readonly<Record<string, unknown>>>; required: string[] } => ({
  properties: Object.fromEntries(Object.entries(table).map(([key, { schema }]) => [key, schema])),
  required: Object.keys(table).filter((key) => table[key]?.presence === 'required'),
})

/** One line of help for each option: `momentum: a number from 0 to 1 (default: 0)`. */
export const optionsHelp = (table: OptionTable): string[] =>
  Object.entries(table).map(([key, { allowed, presence, says, default: usual, absent: stands }]) => {
    const value = usual ?? stands
    const absent =
      value !== undefined ? ` (default: ${JSON.stringify(value)})` : presence === 'optional' ? ' (optional)' : ''
    return `${key}: ${says === undefined ? '' : `${says}, `}${allowed}${absent}`
  })

/** A key of somebody's JSON: as it is where it is an identifier, else in quotes. */
const shownKey = (key: string): string => (/^\w{1,64}$/.test(key) ? key : shownValue(key))

const listed = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? 'none') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`
