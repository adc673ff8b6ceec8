import { comparedPairs, pText, runLabels } from './compared-runs'
import type { DrawnRun, ReportInput } from './drawn-run'
import { escaped } from './figure'
import { captionOf, type FigureId } from './figure-choices'
import { classificationMetrics, wilsonInterval } from './metrics'
import { figureHtml, numbersHtml, page, pairsHtml, tableHtml } from './page'
import { reportScript } from './page-script'
import { ReportError } from './report-error'
import { comparisonFigures, runFigures, type Drawable } from './run-figures'
import { groupRuns, meanAndDeviation, type RunGroup } from './run-groups'
import { datasetFacts, environmentFacts, experimentFacts } from './run-facts'
import { grouped, percent } from './number-text'
import { lossText } from './ticks'
import { selectionSentence } from './watched-epochs'

/** Figures that are as tall as each other, and are looked at together. */
const besides: Partial<Record<FigureId, FigureId>> = {
  before: 'after',
  loss: 'accuracy',
  confusion: 'class-accuracy',
  mistakes: 'reliability',
  accuracies: 'losses',
}

/** Two figures a row; one that would leave half a row empty takes it whole. */
const grid = (figures: readonly Drawable[]): string => {
  const ids = figures.map(({ id }) => id)
  const paired = ids.flatMap((id, i) => {
    const beside = besides[id]
    return beside !== undefined && beside === ids[i + 1] ? [id, beside] : []
  })
  return `<div class="figures">${figures.map((figure) => figureHtml(figure, { caption: captionOf(figure.id), whole: !paired.includes(figure.id) })).join('')}</div>`
}

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
    input.again === undefined ? '' : `<p class="lead">To run it again: <code>${escaped(input.again)}</code></p>`,
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

/**
 * A run as one self-contained page: figures, numbers, experiment, environment, data set. A small script lets its curves answer to pointer
 * and keyboard; without scripts they are still images.
 */
export const runReportHtml = async (input: ReportInput): Promise<string> => {
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
    await reportScript(),
  )
}

/**
 * Several runs side by side on one self-contained page, each of them in full below.
 *
 * @throws ReportError if no run is given
 */
export const comparisonReportHtml = async (inputs: readonly ReportInput[]): Promise<string> => {
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
      notices(runs),
      sideBySide(inputs, labels),
      grid(comparisonFigures(inputs)),
      pairs.length === 0
        ? ''
        : `<details><summary>McNemar's test in numbers</summary>${tableHtml(
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
          )}</details>`,
      ...inputs.map(
        (input, n) =>
          // A link to something within a closed part opens it.
          `<details class="run"><summary><h2>${escaped(labels[n] ?? '')}</h2><span class="lead">${percent(input.run.metrics.accuracy)}</span></summary><div id="run-${n + 1}">${runSection(input)}${facts(input.run, 'h3')}</div></details>`,
      ),
    ].join(''),
    await reportScript(),
  )
}

/** A line for each run; where some differ in the seed alone their mean and deviation, and the runs folded. */
const sideBySide = (inputs: readonly ReportInput[], labels: readonly string[]): string => {
  const each = comparisonTable(inputs, labels)
  const groups = groupRuns(inputs)
  return groups.every(({ inputs }) => inputs.length === 1)
    ? each
    : `${groupTable(groups)}<details><summary>Each run in numbers</summary>${each}</details>`
}

const groupTable = (groups: readonly RunGroup[]): string => {
  const spread = (values: readonly number[], write: (value: number) => string) => {
    const { mean, deviation } = meanAndDeviation(values)
    return { number: values.length === 1 ? write(mean) : `${write(mean)} ± ${write(deviation)}` }
  }
  const table = tableHtml(
    [
      'model',
      { number: 'test accuracy, %' },
      { number: 'test loss' },
      { number: 'an epoch, s' },
      { number: 'parameters' },
      'seeds',
      'backend',
    ],
    groups.map(({ label, inputs }) => [
      label,
      spread(
        inputs.map(({ run }) => 100 * run.metrics.accuracy),
        (value) => value.toFixed(2),
      ),
      spread(
        inputs.map(({ run }) => run.metrics.meanLoss ?? NaN),
        lossText,
      ),
      spread(
        inputs.map(({ run }) => run.timing.secondsPerEpoch),
        (value) => value.toFixed(2),
      ),
      { number: grouped(inputs[0].run.model.parameters) },
      inputs.map(({ run }) => run.experiment.seed).join(', '),
      inputs[0].run.backend.id,
    ]),
  )
  return `${table}<p class="lead">Mean ± sample standard deviation over the seeds.</p>`
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
