import { calibration } from './calibration'
import { comparedPairs, pText, runLabels } from './compared-runs'
import type { ReportInput } from './drawn-run'
import { classificationMetrics, wilsonInterval } from './metrics'
import { metricsMarkdown } from './metrics-text'
import { datasetFacts, environmentFacts, experimentFacts } from './run-facts'
import { markdownEscaped, markdownTable, type Column } from './table'
import { grouped, percent } from './number-text'
import { lossText } from './ticks'

/** A figure that lies in a file beside the Markdown. */
export interface LinkedFigure {
  readonly title: string
  readonly alt: string
  /** Its address in the Markdown. */
  readonly path: string
}

const factColumns: readonly Column[] = [
  { heading: 'what', align: 'left' },
  { heading: 'value', align: 'left' },
]

const runColumns: readonly Column[] = [
  { heading: 'run', align: 'left' },
  { heading: 'test accuracy', align: 'right' },
  { heading: '95 % interval', align: 'right' },
  { heading: 'test loss', align: 'right' },
  { heading: 'parameters', align: 'right' },
  { heading: 's/epoch', align: 'right' },
  { heading: 'backend', align: 'left' },
]

const pairColumns: readonly Column[] = [
  { heading: 'pair', align: 'left' },
  { heading: 'only the first right', align: 'right' },
  { heading: 'only the second right', align: 'right' },
  { heading: "McNemar's test", align: 'right' },
]

/**
 * Runs as Markdown: side by side if there are several, then each with its metrics, experiment, environment and data set.
 *
 * @param figures links to figures by the index of their run; those of the comparison at index -1
 */
export const reportMarkdown = (
  inputs: readonly ReportInput[],
  { figures }: { readonly figures?: ReadonlyMap<number, readonly LinkedFigure[]> } = {},
): string => {
  const labels = runLabels(inputs)
  const runs = inputs.map(({ run }) => run)
  const notices = [...new Set(runs.flatMap(({ dataset: { notice } }) => (notice === undefined ? [] : [notice])))]
  const linked = (place: number) =>
    (figures?.get(place) ?? []).map(
      ({ title, alt, path }) => `![${markdownEscaped(inTwoLines(`${title}. ${alt}`))}](${encodeURI(path)})\n`,
    )
  const several = inputs.length === 1 ? [] : [...comparison(inputs, labels), ...linked(-1)]
  return [
    `# ${markdownEscaped(inputs.length === 1 ? (labels[0] ?? '') : `${inputs.length} runs`)} on ${markdownEscaped([...new Set(runs.map(({ dataset }) => dataset.title))].join(', '))}\n`,
    ...notices.map((notice) => `> **${markdownEscaped(notice)}**\n`),
    ...several,
    ...inputs.flatMap((input, n) => [
      ...(inputs.length === 1 ? [] : [`## ${markdownEscaped(labels[n] ?? '')}\n`]),
      ...section(input),
      ...linked(n),
    ]),
  ].join('\n')
}

/** As much of an alternative text as two lines hold, whole clauses of it; the figure itself has the rest. */
const inTwoLines = (text: string, most = 200): string => {
  if (text.length <= most) return text
  const whole = Math.max(...['. ', '; ', ', '].map((end) => text.lastIndexOf(end, most - 2)))
  return `${text.slice(0, whole > most / 3 ? whole : most - 2)} …`
}

const comparison = (inputs: readonly ReportInput[], labels: readonly string[]): string[] => {
  const pairs = comparedPairs(inputs)
  return [
    markdownTable(
      runColumns,
      inputs.map(({ run: { metrics, model, timing, backend } }, n) => [
        labels[n] ?? '',
        percent(metrics.accuracy),
        wilsonInterval(metrics.correct, metrics.count)
          .map((end) => percent(end))
          .join(' to '),
        lossText(metrics.meanLoss),
        grouped(model.parameters),
        timing.secondsPerEpoch.toFixed(2),
        backend.id,
      ]),
    ),
    '',
    ...(pairs.length === 0
      ? []
      : [
          markdownTable(
            pairColumns,
            pairs.map(({ first, second, onlyFirst, onlySecond, pValue }) => [
              `${first} and ${second}`,
              grouped(onlyFirst),
              grouped(onlySecond),
              pText(pValue),
            ]),
          ),
          '',
        ]),
  ]
}

const section = ({ run, predictions, missing = [] }: ReportInput): string[] => {
  const metrics = classificationMetrics(run.metrics.confusion, {
    meanLoss: run.metrics.meanLoss,
  })
  const found = predictions && calibration(predictions)
  return [
    metricsMarkdown(metrics, { classNames: run.dataset.classNames }),
    ...(found
      ? [
          `Expected calibration error: ${percent(found.expectedError)}, mean confidence ${percent(found.meanConfidence)}.\n`,
        ]
      : []),
    ...(run.status === 'completed' ? [] : ['> This run was interrupted: its figures are those of its last step.\n']),
    ...missing.map((sentence) => `Not drawn here: ${markdownEscaped(sentence)}.\n`),
    markdownTable(
      factColumns,
      [...experimentFacts(run), ...environmentFacts(run), ...datasetFacts(run)].map((pair) => [...pair]),
    ),
    '',
  ]
}
