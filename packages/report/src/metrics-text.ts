import type { Metrics } from './metrics'
import { grouped, markdownTable, percent, textTable, type Column } from './table'
import { lossText } from './ticks'

/** What the classes are called. */
export interface MetricsTextOptions {
  /** Names of the classes; their numbers unless given. */
  readonly classNames?: readonly string[]
}

const columns: readonly Column[] = [
  { heading: 'class', align: 'left' },
  { heading: 'accuracy', align: 'right' },
  { heading: 'precision', align: 'right' },
  { heading: 'recall', align: 'right' },
  { heading: 'F1', align: 'right' },
  { heading: 'images', align: 'right' },
]

const rate = (value: number | null) => (value === null ? '-' : value.toFixed(4))

const nameOf = ({ classNames }: MetricsTextOptions, label: number) => classNames?.[label] ?? String(label)

const rowsOf = (metrics: Metrics, options: MetricsTextOptions): string[][] => [
  ...metrics.perClass.map((row) => [
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

const confusionTable = ({ confusion }: Metrics, options: MetricsTextOptions): [Column[], string[][]] => [
  [
    { heading: 'true \\ predicted', align: 'left' },
    ...confusion.map((_, label): Column => ({ heading: nameOf(options, label), align: 'right' })),
  ],
  confusion.map((row, label) => [nameOf(options, label), ...row.map((n) => (n === 0 ? '.' : String(n)))]),
]

/** A terminal's usual width: names of classes that make a table wider stand at its rows alone. */
const usualWidth = 80

const confusionText = (metrics: Metrics, options: MetricsTextOptions): string => {
  const named = textTable(...confusionTable(metrics, options))
  if (named.indexOf('\n') <= usualWidth) return named
  const [headings, rows] = confusionTable(metrics, {})
  return textTable(
    headings,
    rows.map(([label, ...counts]) => [`${label} ${nameOf(options, Number(label))}`, ...counts]),
  )
}

/** The metrics for a terminal: overall, per class, and what was taken for what. */
export const metricsText = (metrics: Metrics, options: MetricsTextOptions = {}): string =>
  [headline(metrics), '', textTable(columns, rowsOf(metrics, options)), '', confusionText(metrics, options)].join('\n')

/** The same in Markdown. */
export const metricsMarkdown = (metrics: Metrics, options: MetricsTextOptions = {}): string =>
  [
    headline(metrics),
    '',
    markdownTable(columns, rowsOf(metrics, options)),
    '',
    markdownTable(...confusionTable(metrics, options)),
    '',
  ].join('\n')
