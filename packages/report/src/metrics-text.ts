import { classesLeftOut, shownClasses, type Metrics } from './metrics'
import { fittedTable, markdownTable, textTable, type Column } from './table'
import { grouped, percent } from './number-text'
import { lossText } from './ticks'

/** What the classes are called. */
export interface MetricsTextOptions {
  /** Names of the classes, their numbers by default. */
  readonly classNames?: readonly string[]
  /** Characters that fit on a line; by default 80, or as many as the numbers need. */
  readonly width?: number | undefined
}

const columns: readonly Column[] = [
  { heading: 'class', align: 'left' },
  { heading: 'accuracy', align: 'right' },
  { heading: 'precision', align: 'right', spare: 2 },
  { heading: 'recall', align: 'right', spare: 3 }, // of one class it is the accuracy
  { heading: 'F1', align: 'right', spare: 1 },
  { heading: 'images', align: 'right', spare: 0 },
]

const rate = (value: number | null) => (value === null ? '-' : value.toFixed(4))

const nameOf = ({ classNames }: MetricsTextOptions, label: number) => classNames?.[label] ?? String(label)

const shownRows = ({ perClass, confusion }: Metrics) =>
  shownClasses(confusion).flatMap((label) => perClass[label] ?? [])

const rowsOf = (metrics: Metrics, options: MetricsTextOptions): string[][] => [
  ...shownRows(metrics).map((row) => [
    nameOf(options, row.class),
    percent(row.accuracy),
    rate(row.precision),
    rate(row.recall),
    rate(row.f1),
    grouped(row.count),
  ]),
  [
    'mean',
    percent(metrics.macro.recall),
    rate(metrics.macro.precision),
    rate(metrics.macro.recall),
    rate(metrics.macro.f1),
    grouped(metrics.count),
  ],
]

const headline = ({ accuracy, interval: [low, high], correct, count, meanLoss }: Metrics): string => {
  const loss = meanLoss === null ? '' : `, mean loss ${lossText(meanLoss)}`
  return `accuracy ${percent(accuracy)} (${grouped(correct)} of ${grouped(count)}; 95 % interval ${percent(low)} to ${percent(high)})${loss}`
}

const confusionTable = (
  { confusion }: Metrics,
  options: MetricsTextOptions,
  shown: readonly number[],
): [Column[], string[][]] => {
  const count = (label: number, predicted: number) => confusion[label]?.[predicted] ?? 0
  return [
    [
      { heading: 'true \\ predicted', align: 'left' },
      ...shown.map((label): Column => ({ heading: nameOf(options, label), align: 'right' })),
    ],
    shown.map((label) => [
      nameOf(options, label),
      ...shown.map((predicted) => (count(label, predicted) === 0 ? '.' : String(count(label, predicted)))),
    ]),
  ]
}

/** What was left out, as a paragraph. */
const leftOut = ({ confusion }: Metrics, shown = shownClasses(confusion)): string[] => {
  const sentence = classesLeftOut(shown, confusion.length)
  return sentence === '' ? [] : [sentence, '']
}

/** A terminal's usual width: names of classes that make a table wider stand at its rows alone. */
const usualWidth = 80
/** As many classes as a wide terminal takes side by side. */
const mostColumns = 24
/** As many pairs as are worth a line each, where no table of them fits. */
const mostPairs = 10

const widthOf = (table: string): number => Math.max(...table.split('\n').map((line) => line.length))

const confusionText = (metrics: Metrics, options: MetricsTextOptions): string => {
  const { confusion } = metrics
  const shown = shownClasses(confusion, mostColumns)
  const left = leftOut(metrics, shown).map((line) => `${line}\n`)
  const named = textTable(...confusionTable(metrics, options, shown))
  if (widthOf(named) <= (options.width ?? usualWidth)) return `${left.join('')}${named}`
  const [headings, rows] = confusionTable(metrics, {}, shown)
  const labels = shown.map((label) => [...new Set([String(label), nameOf(options, label)])].join(' '))
  const table = textTable(
    headings,
    rows.map(([, ...counts], i) => [labels[i] ?? '', ...counts]),
  )
  if (widthOf(table) <= (options.width ?? Infinity)) return `${left.join('')}${table}`
  const errors = fittedTable(
    headings.map((column, i) => (i === 0 ? { ...column, heading: 'true' } : column)),
    rows.map(([, ...counts], i) => [String(shown[i]), ...counts.map((count, j) => (i === j ? '-' : count))]),
    options.width ?? Infinity,
  )
  return `${left.join('')}${errors ?? commonErrors(confusion, options)}`
}

/** The most frequent errors, a line each. */
const commonErrors = (confusion: Metrics['confusion'], options: MetricsTextOptions): string => {
  const pairs = confusion.flatMap((row, label) =>
    row.flatMap((count, predicted) => (label === predicted || count === 0 ? [] : [{ label, predicted, count }])),
  )
  const most = pairs.sort((a, b) => b.count - a.count).slice(0, mostPairs)
  return textTable(
    [
      { heading: 'true', align: 'left' },
      { heading: 'predicted', align: 'left' },
      { heading: 'images', align: 'right' },
    ],
    most.map(({ label, predicted, count }) => [nameOf(options, label), nameOf(options, predicted), grouped(count)]),
    { width: options.width },
  )
}

/** The metrics for a terminal: overall, per class, and which classes are confused. */
export const metricsText = (metrics: Metrics, options: MetricsTextOptions = {}): string =>
  [
    headline(metrics),
    '',
    ...leftOut(metrics),
    textTable(columns, rowsOf(metrics, options), { width: options.width }),
    '',
    confusionText(metrics, options),
  ].join('\n')

/** The metrics in Markdown: overall, per class, and which classes are confused. */
export const metricsMarkdown = (metrics: Metrics, options: MetricsTextOptions = {}): string =>
  [
    headline(metrics),
    '',
    ...leftOut(metrics),
    markdownTable(columns, rowsOf(metrics, options)),
    '',
    markdownTable(...confusionTable(metrics, options, shownClasses(metrics.confusion))),
    '',
  ].join('\n')
