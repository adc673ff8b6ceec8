import { classesLeftOut, shownClasses, type Metrics } from './metrics'
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

const confusionText = (metrics: Metrics, options: MetricsTextOptions): string => {
  const shown = shownClasses(metrics.confusion, mostColumns)
  const left = leftOut(metrics, shown).map((line) => `${line}\n`)
  const named = textTable(...confusionTable(metrics, options, shown))
  if (named.indexOf('\n') <= usualWidth) return `${left.join('')}${named}`
  const [headings, rows] = confusionTable(metrics, {}, shown)
  const table = textTable(
    headings,
    rows.map(([label, ...counts]) => [[...new Set([label, nameOf(options, Number(label))])].join(' '), ...counts]),
  )
  return `${left.join('')}${table}`
}

/** The metrics for a terminal: overall, per class, and what was taken for what. */
export const metricsText = (metrics: Metrics, options: MetricsTextOptions = {}): string =>
  [
    headline(metrics),
    '',
    ...leftOut(metrics),
    textTable(columns, rowsOf(metrics, options)),
    '',
    confusionText(metrics, options),
  ].join('\n')

/** The same in Markdown. */
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
