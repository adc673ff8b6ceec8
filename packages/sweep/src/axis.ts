// What one field of a sweep takes.
import type { MersenneTwister } from '@digitlab/random'
import { SweepError } from './sweep-error'

/** Whatever JSON holds. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** Values that lie apart evenly, or by even factors. Both ends are among them where a step leads there. */
export interface Range {
  readonly from: number
  readonly to: number
  /** 1 by default; not beside `count`. */
  readonly step?: number
  /** How many values, both ends among them. */
  readonly count?: number
  /** With `count`: 'linear' by default. */
  readonly scale?: 'linear' | 'log'
}

/** What a field takes in a grid: each of a list, or each of a range. */
export type Axis = readonly Json[] | Range

/** What a field is drawn from: a list, each as likely as the others, or numbers between two, the upper one excluded but of integers. */
export type Draw =
  | readonly Json[]
  | { readonly uniform: readonly [number, number] }
  | { readonly logUniform: readonly [number, number] }
  | { readonly integer: readonly [number, number] }

/** As many values as one field of a grid may have. */
const most = 100_000

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Lists and objects that lie in one another: a field with a model's definition in it takes ten. */
export const deepest = 100

/** Refuses what JSON.stringify, and all that goes down into a plan, would run out of stack on. */
export const checkDepth = (plan: unknown): void => {
  let level = [plan]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) throw new SweepError(`a plan is at most ${deepest} lists and objects deep: make it flatter`)
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? (Object.values(value) as unknown[]) : [],
    )
  }
}

export const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

const isFinite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

export const checkKeys = (name: string, given: Record<string, unknown>, known: readonly string[]): void => {
  const odd = Object.keys(given).find((key) => !known.includes(key))
  if (odd !== undefined) throw new SweepError(`${name} has no ${shown(odd)}: it may have ${known.join(', ')}`)
}

/** A decimal as it would be written: 0.3, not 0.1 + 0.2. */
const tidy = (value: number): number => Number(value.toPrecision(12))

/**
 * The values of a field.
 *
 * @param name of the field, in errors
 * @throws SweepError if it is neither a list nor a range, is empty, or names a value twice
 */
export const axisValues = (axis: unknown, name: string): readonly Json[] => {
  const values = Array.isArray(axis) ? (axis as readonly Json[]) : rangeValues(axis, name)
  if (values.length === 0) throw new SweepError(`${name} has no values: give at least one`)
  const texts = values.map((value) => JSON.stringify(value))
  const twice = texts.find((text, n) => texts.indexOf(text) < n)
  if (twice !== undefined) throw new SweepError(`${name} names ${twice} twice: leave one of them out`)
  return values
}

const rangeValues = (axis: unknown, name: string): readonly number[] => {
  if (!isObject(axis))
    throw new SweepError(
      `${name} must be a list such as [1, 2] or a range such as { "from": 0, "to": 9 }, not ${shown(axis)}`,
    )
  checkKeys(name, axis, ['from', 'to', 'step', 'count', 'scale'])
  const { from, to, step = 1, count, scale = 'linear' } = axis
  if (!isFinite(from) || !isFinite(to) || from > to)
    throw new SweepError(
      `${name} must go from a number to one that is not smaller, not from ${shown(from)} to ${shown(to)}`,
    )
  if (count === undefined) {
    if (!isFinite(step) || step <= 0) throw new SweepError(`the step of ${name} must be above 0, not ${shown(step)}`)
    if (axis['scale'] !== undefined) throw new SweepError(`${name} has a scale, which belongs to a count: give both`)
    const steps = Math.floor((to - from) / step + 1e-9)
    if (steps >= most) throw new SweepError(`${name} has ${steps + 1} values: ${most} are the most`)
    return Array.from({ length: steps + 1 }, (_, n) => tidy(from + n * step))
  }
  if (axis['step'] !== undefined) throw new SweepError(`${name} has a step and a count: leave one of them out`)
  if (!isFinite(count) || !Number.isInteger(count) || count < 2 || count > most)
    throw new SweepError(`the count of ${name} must be an integer from 2 to ${most}, not ${shown(count)}`)
  const part = (n: number) => n / (count - 1)
  if (scale === 'linear') return Array.from({ length: count }, (_, n) => tidy(from + part(n) * (to - from)))
  if (scale !== 'log') throw new SweepError(`the scale of ${name} must be "linear" or "log", not ${shown(scale)}`)
  if (from <= 0) throw new SweepError(`${name} has a scale of logarithms, so it must begin above 0, not at ${from}`)
  return Array.from({ length: count }, (_, n) => tidy(from * (to / from) ** part(n)))
}

/** In [0, 1), with 53 random bits. */
const unit = (generator: MersenneTwister): number =>
  ((generator.next() >>> 5) * 67108864 + (generator.next() >>> 6)) / 9007199254740992

/**
 * Reads what a field is drawn from.
 *
 * @returns draws one value; each takes two numbers of 32 bits from the generator
 * @throws SweepError if it is not one
 */
export const drawOf = (draw: unknown, name: string): ((generator: MersenneTwister) => Json) => {
  if (Array.isArray(draw)) {
    const values = axisValues(draw, name)
    return (generator) => values[Math.floor(unit(generator) * values.length)] ?? null
  }
  const kinds = ['uniform', 'logUniform', 'integer'] as const
  const kind = isObject(draw) ? kinds.find((one) => one in draw) : undefined
  if (!isObject(draw) || kind === undefined || Object.keys(draw).length !== 1)
    throw new SweepError(
      `${name} must be drawn from a list, or { "uniform": [a, b] }, { "logUniform": [a, b] } or { "integer": [a, b] }, not ${shown(draw)}`,
    )
  const [low, high, ...rest] = (Array.isArray(draw[kind]) ? draw[kind] : []) as readonly unknown[]
  if (!isFinite(low) || !isFinite(high) || low >= high || rest.length > 0)
    throw new SweepError(`${kind} of ${name} must be two numbers, the smaller one first, not ${shown(draw[kind])}`)
  if (kind === 'uniform') return (generator) => low + unit(generator) * (high - low)
  if (kind === 'logUniform') {
    if (low <= 0) throw new SweepError(`logUniform of ${name} must begin above 0, not at ${low}`)
    return (generator) => low * (high / low) ** unit(generator)
  }
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high))
    throw new SweepError(`integer of ${name} must be between two integers, not ${shown(draw[kind])}`)
  return (generator) => low + Math.floor(unit(generator) * (high - low + 1))
}
