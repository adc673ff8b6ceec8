import type { DrawnRun } from './drawn-run'
import { markdownEscaped, markdownTable, printable, textTable, type Column, type TextTableOptions } from './table'
import { grouped, percent } from './number-text'

/** What one run adds to a comparison. */
export interface ComparisonRow {
  readonly model: string
  readonly parameters: number
  readonly backend: string
  /** The data set's title. */
  readonly dataset: string
  /** A warning about the data, shown above the table. */
  readonly notice?: string
  readonly seed: number
  /** From 0 to 1. */
  readonly testAccuracy: number
  /** Mean cross-entropy in nats, if it is known. */
  readonly testLoss?: number
  readonly secondsPerEpoch: number
  readonly epochs: number
}

/** Mean and sample standard deviation (of n - 1); the deviation is null for a single value. */
export interface Spread {
  readonly mean: number
  readonly deviation: number | null
}

/** The runs of one model on one backend and data set, over their seeds. */
export interface ComparisonGroup {
  readonly model: string
  readonly parameters: number
  readonly backend: string
  readonly dataset: string
  readonly epochs: number
  readonly seeds: readonly number[]
  readonly testAccuracy: Spread
  /** Null unless every run has one. */
  readonly testLoss: Spread | null
  readonly secondsPerEpoch: Spread
}

/** Runs side by side, ready to show. */
export interface Comparison {
  readonly notices: readonly string[]
  /** In order of first appearance. */
  readonly groups: readonly ComparisonGroup[]
}

/**
 * Puts runs side by side: those that differ only in the seed become one line, with mean and standard deviation.
 *
 * @param runs `Run`s of `@digitlab/train`, or the numbers of runs from elsewhere
 */
export const compareRuns = (runs: readonly (DrawnRun | ComparisonRow)[]): Comparison => {
  const rows = runs.map((run) => ('metrics' in run ? rowOf(run) : run))
  const groups = new Map<string, ComparisonRow[]>()
  for (const row of rows) {
    const key = JSON.stringify([row.model, row.parameters, row.backend, row.dataset, row.epochs])
    const group = groups.get(key)
    if (group) group.push(row)
    else groups.set(key, [row])
  }
  const notices = [...new Set(rows.flatMap(({ notice }) => (notice === undefined ? [] : [notice])))]
  return { notices, groups: [...groups.values()].flatMap(groupOf) }
}

const rowOf = ({ model, backend, dataset, experiment, metrics, timing }: DrawnRun): ComparisonRow => ({
  model: model.name,
  parameters: model.parameters,
  backend: backend.id,
  dataset: dataset.title,
  ...(dataset.notice === undefined ? {} : { notice: dataset.notice }),
  seed: experiment.seed,
  testAccuracy: metrics.accuracy,
  ...(metrics.meanLoss === null ? {} : { testLoss: metrics.meanLoss }),
  secondsPerEpoch: timing.secondsPerEpoch,
  epochs: experiment.epochs,
})

const groupOf = (rows: readonly ComparisonRow[]): ComparisonGroup[] => {
  const [first] = rows
  if (!first) return []
  const { model, parameters, backend, dataset, epochs } = first
  const losses = rows.flatMap(({ testLoss }) => (testLoss === undefined ? [] : [testLoss]))
  return [
    {
      model,
      parameters,
      backend,
      dataset,
      epochs,
      seeds: rows.map(({ seed }) => seed),
      testAccuracy: spread(rows.map(({ testAccuracy }) => testAccuracy)),
      testLoss: losses.length === rows.length ? spread(losses) : null,
      secondsPerEpoch: spread(rows.map(({ secondsPerEpoch }) => secondsPerEpoch)),
    },
  ]
}

const spread = (values: readonly number[]): Spread => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  if (values.length < 2) return { mean, deviation: null }
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) }
}

const columns: readonly Column[] = [
  { heading: 'model', align: 'left' },
  { heading: 'parameters', align: 'right', spare: 2 },
  { heading: 'test accuracy', align: 'right' },
  { heading: 'test loss', align: 'right', spare: 1 },
  { heading: 's/epoch', align: 'right', spare: 0 },
  { heading: 'backend', align: 'left' },
]

const within = ({ mean, deviation }: Spread, write: (value: number) => string): string =>
  deviation === null ? write(mean) : `${write(mean)} ± ${write(deviation)}`

const seconds = (value: number): string => value.toFixed(value < 10 ? 2 : 1)

const rowsOf = ({ groups }: Comparison): string[][] =>
  groups.map(({ model, parameters, testAccuracy, testLoss, secondsPerEpoch, backend }) => [
    model,
    grouped(parameters),
    testAccuracy.deviation === null
      ? percent(testAccuracy.mean)
      : `${(100 * testAccuracy.mean).toFixed(2)} ± ${percent(testAccuracy.deviation)}`,
    testLoss === null ? '-' : within(testLoss, (value) => value.toFixed(4)),
    within(secondsPerEpoch, seconds),
    backend,
  ])

/** 'MNIST, 5 epochs, seed 0' */
const titleOf = ({ groups }: Comparison): string => {
  const each = <T>(values: readonly T[]) => [...new Set(values)].join(', ')
  const epochs = each(groups.map((group) => group.epochs))
  const seeds = [...new Set(groups.flatMap((group) => group.seeds))]
  const dataset = each(groups.map((group) => group.dataset))
  return `${dataset}, ${epochs} epoch${epochs === '1' ? '' : 's'}, seed${seeds.length > 1 ? 's' : ''} ${seeds.join(', ')}`
}

/** What the ± of the table means; nothing where it has none. */
const footOf = ({ groups }: Comparison): string[] => {
  const counts = groups.map(({ seeds }) => seeds.length)
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)]
  if (most < 2) return []
  return [`mean ± sample standard deviation over n = ${fewest === most ? most : `${fewest} to ${most}`} runs`]
}

const nothing = 'nothing to compare: no run was completed'

/** The comparison for a terminal. */
export const comparisonText = (comparison: Comparison, options: TextTableOptions = {}): string =>
  comparison.groups.length === 0
    ? nothing
    : [
        ...comparison.notices.map((notice) => `*** ${printable(notice)} ***\n`),
        printable(titleOf(comparison)),
        '',
        textTable(columns, rowsOf(comparison), options),
        ...footOf(comparison).map((foot) => `\n${printable(foot)}`),
      ].join('\n')

/** The comparison in Markdown. */
export const comparisonMarkdown = (comparison: Comparison): string =>
  comparison.groups.length === 0
    ? `${nothing}\n`
    : [
        ...comparison.notices.map((notice) => `> **${markdownEscaped(notice)}**\n`),
        `${markdownEscaped(titleOf(comparison))}\n`,
        markdownTable(columns, rowsOf(comparison)),
        ...footOf(comparison).map((foot) => `\n${markdownEscaped(foot)}`),
        '',
      ].join('\n')

/** The comparison as a JSON document, unrounded: {@link compareRuns} of the same runs, ready to be parsed again. */
export const comparisonJson = (comparison: Comparison): string => `${JSON.stringify(comparison, null, 2)}\n`
