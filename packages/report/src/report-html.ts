import { comparedPairs, pText, runLabels } from './compared-runs'
import type { DrawnRun, ReportInput } from './drawn-run'
import { escaped } from './figure'
import { captionOf } from './figure-choices'
import { classificationMetrics, wilsonInterval } from './metrics'
import { figureHtml, numbersHtml, page, pairsHtml, tableHtml } from './page'
import { ReportError } from './report-error'
import { comparisonFigures, runFigures, type Drawable } from './run-figures'
import { datasetFacts, environmentFacts, experimentFacts } from './run-facts'
import { grouped, percent } from './table'
import { lossText } from './ticks'
import { selectionSentence } from './watched-epochs'

const grid = (figures: readonly Drawable[]): string =>
  `<div class="figures">${figures.map((figure) => figureHtml(figure, { caption: captionOf(figure.id), whole: figure.id === 'comparison' })).join('')}</div>`

const paragraphs = (kind: string, sentences: readonly string[]): string =>
  sentences.map((sentence) => `<p class="${kind}">${escaped(sentence)}</p>`).join('')

/** Numbers, figures and what is missing of one run. */
const runSection = (input: ReportInput): string => {
  const { run, missing = [] } = input
  const { accuracy, interval, correct, count, meanLoss, macro } = classificationMetrics(run.metrics.confusion, {
    meanLoss: run.metrics.meanLoss,
  })
  return [
    numbersHtml([
      ['test accuracy', percent(accuracy), `95 % interval ${percent(interval[0])} to ${percent(interval[1])}`],
      ['right', grouped(correct), `of ${grouped(count)} test images`],
      ['test loss', lossText(meanLoss), 'mean cross-entropy, nats'],
      ['mean F1', macro.f1 === null ? 'none' : macro.f1.toFixed(4), 'each class weighing the same'],
      ['parameters', grouped(run.model.parameters)],
      ['an epoch', `${run.timing.secondsPerEpoch.toFixed(2)} s`, `on ${run.backend.id}`],
    ]),
    ...(run.stopped === undefined ? [] : [paragraphs('notice', [`${run.stopped}.`])]),
    paragraphs('lead', [selectionSentence(run)]),
    ...(run.status === 'completed'
      ? []
      : [paragraphs('notice', ['This run was interrupted: its figures are those of its last step.'])]),
    paragraphs(
      'lead',
      missing.map((sentence) => `Not drawn here: ${sentence}.`),
    ),
    grid(runFigures(input)),
  ].join('')
}

const facts = (run: DrawnRun, level: 'h2' | 'h3'): string =>
  [
    `<${level}>Experiment</${level}>${pairsHtml(experimentFacts(run))}`,
    `<${level}>Environment</${level}>${pairsHtml(environmentFacts(run))}`,
    `<${level}>Data set</${level}>${pairsHtml(datasetFacts(run))}`,
  ].join('')

const notices = (runs: readonly DrawnRun[]): string =>
  paragraphs('notice', [...new Set(runs.flatMap(({ dataset: { notice } }) => (notice === undefined ? [] : [notice])))])

/** A run as one page that needs nothing beside it: figures, numbers, experiment, environment, data set. */
export const runReportHtml = (input: ReportInput): string => {
  const { run } = input
  const title = `${run.model.name} on ${run.dataset.title}`
  return page(
    title,
    [
      `<h1>${escaped(title)}</h1>`,
      `<p class="lead">Experiment <code>${escaped(run.id.slice(0, 8))}</code>, seed ${escaped(String(run.experiment.seed))}, begun ${escaped(run.startedAt)}</p>`,
      notices([run]),
      runSection(input),
      facts(run, 'h2'),
    ].join(''),
  )
}

/**
 * Several runs side by side on one page that needs nothing beside it, and below each of them whole.
 *
 * @throws ReportError where no run is given
 */
export const comparisonReportHtml = (inputs: readonly ReportInput[]): string => {
  if (inputs.length === 0) throw new ReportError('expected at least one run, found none: give runs to compare')
  const labels = runLabels(inputs)
  const runs = inputs.map(({ run }) => run)
  const datasets = [...new Set(runs.map(({ dataset }) => dataset.title))].join(', ')
  const title = `${inputs.length} run${inputs.length === 1 ? '' : 's'} on ${datasets}`
  const pairs = comparedPairs(inputs)
  return page(
    title,
    [
      `<h1>${escaped(title)}</h1>`,
      `<p class="lead">${labels.map((label, n) => `<a href="#run-${n + 1}">${escaped(label)}</a>`).join(' &middot; ')}</p>`,
      notices(runs),
      comparisonTable(inputs, labels),
      grid(comparisonFigures(inputs)),
      pairs.length === 0
        ? ''
        : `<h3>McNemar's test</h3>${tableHtml(
            [
              '',
              { number: 'both right' },
              { number: 'only the first' },
              { number: 'only the second' },
              { number: 'both wrong' },
              { number: 'exact test' },
            ],
            pairs.map((pair) => [
              `${pair.first} and ${pair.second}`,
              ...[pair.bothRight, pair.onlyFirst, pair.onlySecond, pair.bothWrong].map((n) => ({ number: grouped(n) })),
              { number: pText(pair.pValue) },
            ]),
          )}`,
      ...inputs.map(
        (input, n) =>
          `<h2 id="run-${n + 1}">${escaped(labels[n] ?? '')}</h2>${runSection(input)}${facts(input.run, 'h3')}`,
      ),
    ].join(''),
  )
}

const comparisonTable = (inputs: readonly ReportInput[], labels: readonly string[]): string =>
  tableHtml(
    [
      'run',
      { number: 'test accuracy' },
      { number: '95 % interval' },
      { number: 'test loss' },
      { number: 'parameters' },
      { number: 'an epoch' },
      'backend',
      'experiment',
    ],
    inputs.map(({ run: { metrics, model, timing, backend, id } }, n) => {
      const [low, high] = wilsonInterval(metrics.correct, metrics.count)
      return [
        labels[n] ?? '',
        { number: percent(metrics.accuracy) },
        { number: `${percent(low)} to ${percent(high)}` },
        { number: lossText(metrics.meanLoss) },
        { number: grouped(model.parameters) },
        { number: `${timing.secondsPerEpoch.toFixed(2)} s` },
        backend.id,
        id.slice(0, 8),
      ]
    }),
  )
