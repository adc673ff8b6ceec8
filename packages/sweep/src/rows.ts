// Runs as rows of a table.
import { isObject } from './axis'
import type { Row, Value } from './condition'
import { flatFields, type Settings } from './expand'
import { spreadOf, type Spread } from './spread'
import { SweepError } from './sweep-error'

/** What is read of a run: a run.json of digitlab has all of it. */
export interface RunLike {
  readonly id: string
  readonly status: string
  readonly startedAt: string
  /** The epoch whose weights were kept; the last one where none is named. */
  readonly keptEpoch?: number
  readonly experiment: object
  readonly model: { readonly name: string; readonly parameters: number }
  readonly dataset: { readonly name: string }
  readonly backend: { readonly id: string; readonly device: string; readonly threads: number }
  readonly history: { readonly epochs: readonly object[] }
  readonly metrics: { readonly accuracy: number; readonly meanLoss: number }
  readonly timing: object
}

/** A run in a table. */
export interface RunRow {
  /** Where the run is. */
  readonly folder: string
  /** The fields of its experiment, by their paths; the model by its name. */
  readonly settings: Row
  /** What came of it: with the weights that were kept, and the whole time. */
  readonly results: Row
}

const numbersIn = (record: object, above = ''): Record<string, number> => {
  const found: Record<string, number> = {}
  for (const [key, value] of Object.entries(record) as [string, unknown][])
    if (typeof value === 'number') found[`${above}${key}`] = value
    else if (isObject(value)) Object.assign(found, numbersIn(value, `${above}${key}.`))
  return found
}

/** A run as a row. NaN and infinity become null: a row is plain JSON. */
export const runRow = (folder: string, run: RunLike): RunRow => {
  const named: Settings = { ...(run.experiment as Settings), model: run.model.name }
  const { epochs } = run.history
  const { epoch: kept = 0, ...atEnd } = numbersIn(epochs.at((run.keptEpoch ?? epochs.length) - 1) ?? {})
  const results: Record<string, Value> = {
    id: run.id,
    status: run.status,
    startedAt: run.startedAt,
    parameters: run.model.parameters,
    backend: run.backend.id,
    device: run.backend.device,
    threads: run.backend.threads,
    epochsDone: epochs.length,
    ...(run.keptEpoch === undefined ? {} : { keptEpoch: kept }),
    ...atEnd,
    testAccuracy: run.metrics.accuracy,
    testLoss: run.metrics.meanLoss,
    ...numbersIn(run.timing),
  }
  const plain = (fields: Record<string, Value>): Row =>
    Object.fromEntries(
      Object.entries(fields).map(([key, value]) => [
        key,
        typeof value === 'number' && !Number.isFinite(value) ? null : value,
      ]),
    )
  return { folder, settings: plain(flatFields(named)), results: plain(results) }
}

/** A row's fields side by side. */
export const fieldsOf = ({ folder, settings, results }: RunRow): Row => ({ folder, ...settings, ...results })

/** The names that some rows have, in the order in which they first come. */
export const namesOf = (rows: readonly Row[]): readonly string[] => [
  ...new Set(rows.flatMap((row) => Object.keys(row))),
]

/**
 * The name that is meant by a name or the last part of one: learningRate for optimizer.learningRate.
 *
 * @throws SweepError if there is none, or several
 */
export const resolveName = (name: string, names: readonly string[]): string => {
  if (names.includes(name)) return name
  const meant = names.filter((each) => each.endsWith(`.${name}`))
  const [only, ...others] = meant
  if (only !== undefined && others.length === 0) return only
  throw new SweepError(
    only === undefined
      ? `no run has a field "${name}": there are ${names.join(', ')}`
      : `"${name}" may be ${meant.join(' or ')}: give one of them whole`,
  )
}

/** In the order of a field; those without it come last. A stable sort. */
export const sortRows = <T>(rows: readonly T[], valueOf: (row: T) => Value | undefined, descending = false): T[] => {
  const order = (a: Value | undefined, b: Value | undefined): number => {
    if (a === b) return 0
    if (a === null || a === undefined) return 1
    if (b === null || b === undefined) return -1
    const [before, after] = descending ? [1, -1] : [-1, 1]
    return a < b ? before : after
  }
  return [...rows].sort((a, b) => order(valueOf(a), valueOf(b)))
}

/** Runs that differ in their seeds alone. */
export interface RunGroup {
  /** What they have in common. */
  readonly settings: Row
  readonly rows: readonly RunRow[]
  readonly seeds: readonly Value[]
  /** Of every result that is a number in each of them. */
  readonly spreads: Readonly<Record<string, Spread>>
}

/** Puts runs together that differ in their seeds alone, in the order in which they first come. Backends and data are told apart. */
export const groupRows = (rows: readonly RunRow[]): readonly RunGroup[] => {
  const groups = new Map<string, RunRow[]>()
  const common = ({ settings, results }: RunRow): Row => ({
    ...Object.fromEntries(Object.entries(settings).filter(([name]) => name !== 'seed')),
    backend: results['backend'] ?? null,
  })
  for (const row of rows) {
    const key = JSON.stringify(Object.entries(common(row)).sort(([a], [b]) => (a < b ? -1 : 1)))
    const group = groups.get(key)
    if (group) group.push(row)
    else groups.set(key, [row])
  }
  return [...groups.values()].map((group) => {
    const spreads = Object.entries((group[0] as RunRow).results).flatMap(([name, value]) => {
      if (typeof value !== 'number') return []
      const values = group.map(({ results }) => results[name])
      const spread = values.every((each): each is number => typeof each === 'number') ? spreadOf(values) : undefined
      return spread ? [[name, spread] as const] : []
    })
    return {
      settings: common(group[0] as RunRow), // a group has at least one
      rows: group,
      seeds: group.map(({ settings }) => settings['seed'] ?? null),
      spreads: Object.fromEntries(spreads),
    }
  })
}

/** A group that is better than the others, and what it was chosen by. */
export interface BestGroup {
  readonly group: RunGroup
  /** The result whose mean is the best one. */
  readonly chosenBy: string
  /** Whether that is of the test images, for want of validation images: the accuracy is too good then. */
  readonly byTest: boolean
}

/**
 * The best of some groups: by the mean accuracy on validation images where every group has that, else on the test images. Only groups of
 * as many runs as the largest are held against each other.
 *
 * @returns undefined if no group has an accuracy
 */
export const bestGroup = (groups: readonly RunGroup[]): BestGroup | undefined => {
  const most = groups.reduce((count, { rows }) => Math.max(count, rows.length), 0)
  const whole = groups.filter(({ rows }) => rows.length === most)
  const has = (name: string) => whole.length > 0 && whole.every(({ spreads }) => name in spreads)
  const chosenBy = ['validationAccuracy', 'testAccuracy'].find(has)
  if (chosenBy === undefined) return undefined
  const [group] = sortRows(whole, ({ spreads }) => spreads[chosenBy]?.mean, true)
  return group && { group, chosenBy, byTest: chosenBy === 'testAccuracy' }
}

/** The settings in which rows differ, in the order in which they first come. */
export const varyingSettings = (rows: readonly { readonly settings: Row }[]): readonly string[] =>
  namesOf(rows.map(({ settings }) => settings)).filter(
    (name) => new Set(rows.map(({ settings }) => settings[name] ?? null)).size > 1,
  )

/** What differs between two rows, settings first. */
export const rowDifferences = (
  a: RunRow,
  b: RunRow,
): readonly { readonly field: string; readonly a: Value; readonly b: Value }[] =>
  (['settings', 'results'] as const).flatMap((part) =>
    namesOf([a[part], b[part]])
      .map((field) => ({ field, a: a[part][field] ?? null, b: b[part][field] ?? null }))
      .filter((each) => each.a !== each.b),
  )

/** A table as CSV (RFC 4180), with its names in the first line. */
export const csvOf = (names: readonly string[], rows: readonly Row[]): string => {
  const cell = (value: Value | undefined) => {
    const text = value === null || value === undefined ? '' : String(value)
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return [names, ...rows.map((row) => names.map((name) => row[name]))]
    .map((cells) => `${cells.map((value) => cell(value)).join(',')}\r\n`)
    .join('')
}
