// A plan, and the runs that it means.
import { MersenneTwister } from '@digitlab/random'
import {
  axisValues,
  checkDepth,
  checkKeys,
  deepest,
  drawOf,
  isObject,
  shown,
  type Axis,
  type Draw,
  type Json,
} from './axis'
import { parseCondition, type Row, type Value } from './condition'
import { SweepError } from './sweep-error'

/** What one run is given: a nested object of JSON. */
export type Settings = { readonly [key: string]: Json }

/** By the path of a field, such as "optimizer.learningRate". */
type Fields<T> = Readonly<Record<string, T>>

/** Further values of runs for which a condition holds. */
export interface When {
  /** As {@link parseCondition} reads it, of the fields so far. */
  readonly if: string
  /** What those runs have as well. */
  readonly experiment?: Settings
  readonly vary?: Fields<Axis>
}

/** Many runs, as they are asked for. Plain JSON. */
export interface SweepPlan {
  /** What every run has. */
  readonly experiment?: Settings
  /** A grid: every value of each field with every value of the others. */
  readonly vary?: Fields<Axis>
  /** A random search: so many drawings, each with every place of the grid. */
  readonly random?: { readonly count: number; readonly seed?: number; readonly vary: Fields<Draw> }
  readonly when?: readonly When[]
  /** Leaves out runs for which this condition does not hold. */
  readonly only?: string
}

/** As many runs as one sweep may have. */
const most = 1_000_000

/** The fields of nested settings, by their paths; lists and what is in them are one text. */
export const flatFields = (settings: Settings, above = ''): Record<string, Value> => {
  const fields: Record<string, Value> = {}
  for (const [key, value] of Object.entries(settings)) {
    const path = `${above}${key}`
    if (isObject(value)) Object.assign(fields, flatFields(value, `${path}.`))
    else fields[path] = Array.isArray(value) ? JSON.stringify(value) : (value as Value)
  }
  return fields
}

/** Fields under the last part of their paths as well, where only one has it: learningRate for optimizer.learningRate. */
export const withShortNames = (fields: Row): Row => {
  const short = new Map<string, string | undefined>()
  for (const path of Object.keys(fields)) {
    const last = path.slice(path.lastIndexOf('.') + 1)
    short.set(last, short.has(last) ? undefined : path)
  }
  const extra = [...short].flatMap(([name, path]) =>
    path === undefined || name in fields ? [] : [[name, fields[path] as Value]],
  )
  return { ...(Object.fromEntries(extra) as Row), ...fields }
}

const forbidden = ['__proto__', 'constructor', 'prototype']

const checkPath = (path: string): readonly string[] => {
  const parts = path.split('.')
  if (parts.length > deepest || parts.some((part) => part === '' || forbidden.includes(part)))
    throw new SweepError(
      `${shown(path)} is not a field of an experiment: name one such as "seed" or "optimizer.learningRate"`,
    )
  return parts
}

const withField = (settings: Settings, [first = '', ...rest]: readonly string[], value: Json): Settings => {
  if (rest.length === 0) return { ...settings, [first]: value }
  const inner = settings[first]
  return { ...settings, [first]: withField(isObject(inner) ? inner : {}, rest, value) }
}

const merged = (settings: Settings, more: Settings): Settings => {
  const both: Record<string, Json> = { ...settings }
  for (const [key, value] of Object.entries(more)) {
    const held = both[key]
    both[key] = isObject(held) && isObject(value) ? merged(held, value) : value
  }
  return both
}

const grid = (from: readonly Settings[], vary: unknown, name: string): Settings[] => {
  const fields = entriesOf(vary, name).map(([path, axis]) => [path, axisValues(axis, path)] as const)
  const count = fields.reduce((product, [, values]) => product * values.length, from.length)
  if (count > most)
    throw new SweepError(
      `the sweep has ${count.toLocaleString('en-US')} runs: ${most.toLocaleString('en-US')} are the most`,
    )
  // The first field changes last, as it was written.
  let chosen: readonly (readonly (readonly [string, Json])[])[] = [[]]
  for (const [path, values] of fields)
    chosen = chosen.flatMap((before) => values.map((value) => [...before, [path, value] as const]))
  return from.flatMap((settings) => chosen.map((fields) => withFields(settings, fields)))
}

/** Fields whose values are whole objects come before those within them. */
const withFields = (settings: Settings, fields: readonly (readonly [string, Json])[]): Settings =>
  [...fields]
    .sort(([a], [b]) => a.split('.').length - b.split('.').length)
    .reduce((each, [path, value]) => withField(each, checkPath(path), value), settings)

const entriesOf = (fields: unknown, name: string): [string, unknown][] => {
  if (fields === undefined) return []
  if (!isObject(fields))
    throw new SweepError(`${name} must be an object of fields and their values, not ${shown(fields)}`)
  return Object.entries(fields)
}

const drawn = (from: readonly Settings[], random: unknown): readonly Settings[] => {
  if (random === undefined) return from
  if (!isObject(random))
    throw new SweepError(`random must be an object with a count and what to vary, not ${shown(random)}`)
  checkKeys('random', random, ['count', 'seed', 'vary'])
  const { count, seed = 0, vary } = random
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1 || count * from.length > most)
    throw new SweepError(
      `random.count must be an integer from 1, with at most ${most} runs altogether, not ${shown(count)}`,
    )
  if (typeof seed !== 'number' || !Number.isSafeInteger(seed))
    throw new SweepError(`random.seed must be an integer, not ${shown(seed)}`)
  const fields = entriesOf(vary, 'random.vary').map(([path, draw]) => ({ path, draw: drawOf(draw, path) }))
  if (fields.length === 0) throw new SweepError('random.vary has no fields: name at least one')
  const generator = new MersenneTwister(seed)
  const samples = Array.from({ length: count }, () => fields.map(({ path, draw }) => [path, draw(generator)] as const))
  return samples.flatMap((sample) => from.map((settings) => withFields(settings, sample)))
}

const holds = (text: unknown, name: string): ((settings: Settings) => boolean) => {
  if (typeof text !== 'string')
    throw new SweepError(`${name} must be a condition such as "model=cnn", not ${shown(text)}`)
  const condition = parseCondition(text)
  return (settings) => condition.holds(withShortNames(flatFields(settings)))
}

/**
 * The settings of every run of a plan, in order: the same plan means the same runs.
 *
 * @param plan as it was read, checked here
 * @throws SweepError naming what is wrong, or where no run is left
 */
export const expandPlan = (plan: SweepPlan): readonly Settings[] => {
  const given: unknown = plan
  checkDepth(given)
  if (!isObject(given))
    throw new SweepError(`a sweep must be an object such as { "vary": { "seed": [0, 1] } }, not ${shown(given)}`)
  checkKeys('a sweep', given, ['experiment', 'vary', 'random', 'when', 'only'])
  const { experiment = {}, vary, random, when = [], only } = given
  if (!isObject(experiment)) throw new SweepError(`experiment must be an object, not ${shown(experiment)}`)
  if (!Array.isArray(when))
    throw new SweepError(`when must be a list of conditions with what to vary, not ${shown(when)}`)
  let all = drawn(grid([experiment as Settings], vary, 'vary'), random)
  for (const [n, further] of (when as readonly unknown[]).entries()) {
    const name = `when[${n}]`
    if (!isObject(further)) throw new SweepError(`${name} must be an object with an "if", not ${shown(further)}`)
    checkKeys(name, further, ['if', 'experiment', 'vary'])
    const applies = holds(further['if'], `${name}.if`)
    const more = further['experiment'] ?? {}
    if (!isObject(more)) throw new SweepError(`${name}.experiment must be an object, not ${shown(more)}`)
    all = all.flatMap((settings) =>
      applies(settings) ? grid([merged(settings, more as Settings)], further['vary'], `${name}.vary`) : [settings],
    )
  }
  const wanted = only === undefined ? all : all.filter(holds(only, 'only'))
  if (wanted.length === 0)
    throw new SweepError(`no run is left of ${all.length}: "only" (${shown(only)}) holds for none of them`)
  return wanted
}

/**
 * Each way in which two plans differ: "vary.seed is [0,1], that one's [0,1,2]". Empty where they mean the same runs.
 *
 * @throws SweepError if one is too deep to be a plan
 */
export const planDifferences = (ours: Json, theirs: Json): string[] => {
  checkDepth([ours, theirs])
  const [a, b] = [ours, theirs].map((plan) => flatFields((plan ?? {}) as Settings)) as [Row, Row]
  const text = (value: Value | undefined) =>
    value === undefined ? 'not given' : typeof value === 'string' && /^[[{]/.test(value) ? value : JSON.stringify(value)
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .filter((path) => a[path] !== b[path])
    .map((path) => `${path} is ${text(a[path])} here, and ${text(b[path])} there`)
}
