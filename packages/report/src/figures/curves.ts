import { areaY, axisX, axisY, dot, gridY, lineY } from '@observablehq/plot'
import { accuracyBefore, beginningMarks, type Beginning } from '../before-training'
import { chart } from '../chart'
import type { ReportInput } from '../drawn-run'
import { emptyFigure, type Figure, type FigureOptions } from '../figure'
import { groupRuns, groupStyles, meanAndDeviation } from '../run-groups'
import { smoothedLosses, smoothingWindow, type StepValue } from '../smoothing'
import { grouped, percent } from '../number-text'
import type { Theme } from '../theme'
import { watchedEpochs } from '../watched-epochs'
import { countingTicks, linearTicks, logTicks, lossText, shortNumber } from '../ticks'
import { rateAxis, rateDomain } from './accuracy'

/** The groups of runs, each with how it is drawn. */
const series = (inputs: readonly ReportInput[], theme: Theme) => {
  const groups = groupRuns(inputs)
  const styles = groupStyles(groups, theme)
  return groups.map(({ label, inputs }, n) => ({
    label,
    inputs,
    ...(styles[n] as (typeof styles)[number]), // one each
  }))
}

/** A point of a curve: the mean of a group's runs, and how far they lie apart. */
interface GroupPoint {
  readonly epoch: number
  readonly accuracy: number
  readonly deviation: number
}

/** The accuracies of a group after each epoch that all its runs have. */
const pointsOf = (inputs: readonly ReportInput[]): GroupPoint[] => {
  const curves = inputs.map(({ run }) => watchedEpochs(run.history.epochs).epochs)
  const [first = []] = curves
  const shared = first.slice(0, Math.min(...curves.map((curve) => curve.length)))
  return shared.map(({ epoch }, i) => {
    const { mean, deviation } = meanAndDeviation(curves.map((curve) => curve[i]?.accuracy ?? NaN))
    return { epoch, accuracy: mean, deviation }
  })
}

const spreadText = (point: GroupPoint | undefined, runs: number): string => {
  if (!point) return 'has no epoch'
  const { accuracy, deviation } = point
  return runs === 1 ? percent(accuracy) : `${(100 * accuracy).toFixed(2)} ± ${percent(deviation)}`
}

/** The test accuracy after each epoch: of each run, or the mean of runs that differ in the seed alone within its deviation. */
export const accuraciesFigure = (inputs: readonly ReportInput[], options: FigureOptions = {}): Figure => {
  const kinds = new Set(inputs.map(({ run }) => watchedEpochs(run.history.epochs).words))
  const watched = kinds.size === 1 ? [...kinds].join() : 'images that were watched'
  const onTest = !kinds.has('validation images')
  const [id, title] = ['accuracies', onTest ? 'Test accuracy per epoch' : 'Accuracy per epoch']
  const { theme = 'light' } = options
  const lines = series(inputs, theme).map((line) => ({ ...line, points: pointsOf(line.inputs) }))
  const last = Math.max(0, ...lines.map(({ points }) => points.at(-1)?.epoch ?? 0))
  if (last === 0) return emptyFigure({ id, title, sentence: 'Accuracy appears after the first epoch.' }, options)
  const domain = rateDomain(
    lines.flatMap(({ points }) =>
      points.flatMap(({ accuracy, deviation }) => [accuracy - deviation, accuracy + deviation]),
    ),
  )
  const beginnings = lines.flatMap(({ inputs, points: [first], colour }): Beginning[] => {
    const before = inputs.map(accuracyBefore).filter((share) => share !== undefined)
    if (!onTest || !first || before.length < inputs.length) return []
    return [{ before: meanAndDeviation(before).mean, first: first.accuracy, colour }]
  })
  const from = beginnings.length > 0 ? 0 : last === 1 ? 0.5 : 1
  const several = lines.some(({ inputs }) => inputs.length > 1)
  return chart(
    {
      id,
      title: several ? `${title}, mean ± deviation` : title,
      alt: `At the end: ${lines.map(({ label, points, inputs }) => `${label} ${spreadText(points.at(-1), inputs.length)}`).join(', ')}.`,
      legend: () => lines.map(({ label, colour, dash, symbol }) => ({ words: label, colour, dash, mark: symbol })),
      options: ({ muted, faint }, width) => ({
        height: 310,
        marginLeft: 54,
        marginRight: 18,
        x: { domain: [from, last === 1 && from > 0 ? 1.5 : last] },
        y: { domain },
        marks: [
          ...rateAxis(domain, { muted, faint }, `accuracy on the ${watched}`),
          axisX([...(from === 0 ? [0] : []), ...countingTicks(last, width / 60)], {
            color: muted,
            label: 'epoch',
            tickFormat: grouped,
            labelArrow: 'none',
            labelAnchor: from === 0 ? 'right' : 'center',
          }),
          ...lines.flatMap(({ points, inputs, colour }) =>
            inputs.length === 1
              ? []
              : [
                  areaY(points, {
                    x: 'epoch',
                    y1: ({ accuracy, deviation }: GroupPoint) => Math.max(domain[0], accuracy - deviation),
                    y2: ({ accuracy, deviation }: GroupPoint) => Math.min(domain[1], accuracy + deviation),
                    fill: colour,
                    fillOpacity: 0.2,
                  }),
                ],
          ),
          ...(beginnings.length > 0 ? beginningMarks(beginnings, domain, { muted }) : []),
          ...lines.flatMap(({ label, colour, dash, symbol, points, inputs }) => [
            lineY(points, {
              x: 'epoch',
              y: 'accuracy',
              stroke: colour,
              strokeWidth: 2.2,
              strokeDasharray: dash,
            }),
            ...(last > 60
              ? []
              : [
                  dot(points, {
                    x: 'epoch',
                    y: 'accuracy',
                    fill: colour,
                    symbol,
                    r: 4.5,
                    title: (point: GroupPoint) => `${label}, epoch ${point.epoch}: ${spreadText(point, inputs.length)}`,
                  }),
                ]),
          ]),
        ],
      }),
    },
    options,
  )
}

/** The smoothed losses of a group: their mean, and the smallest and the largest of its runs. */
const smoothOf = (inputs: readonly ReportInput[]): GroupLoss[] => {
  const curves = inputs.map(({ run: { history } }) =>
    smoothedLosses(history.stepLosses, smoothingWindow(history.stepLosses.length), 300),
  )
  const [first = []] = curves
  return first.slice(0, Math.min(...curves.map((curve) => curve.length))).map(({ step }, i) => {
    const losses = curves.map((curve) => curve[i]?.loss ?? NaN)
    return { step, loss: meanAndDeviation(losses).mean, low: Math.min(...losses), high: Math.max(...losses) }
  })
}

interface GroupLoss extends StepValue {
  readonly low: number
  readonly high: number
}

/** The smoothed training loss: of each run, or the mean of runs that differ in the seed alone, within the least and the most. */
export const lossesFigure = (inputs: readonly ReportInput[], options: FigureOptions = {}): Figure => {
  const [id, title] = ['losses', 'Training loss per step, smoothed']
  const { theme = 'light' } = options
  const lines = series(inputs, theme).map((line) => ({ ...line, smooth: smoothOf(line.inputs) }))
  const losses = lines.flatMap(({ smooth }) => smooth.flatMap(({ low, high }) => [low, high])).filter(Number.isFinite)
  if (losses.length === 0)
    return emptyFigure({ id, title, sentence: 'No run has a step whose loss is a number: there is no curve.' }, options)
  const [least, high] = [Math.min(...losses) * 0.9, Math.max(...losses) * 1.1]
  const low = least > 0 ? least : 0
  const steps = Math.max(2, ...inputs.map(({ run }) => run.history.stepLosses.length))
  const ticks = low > 0 ? logTicks(low, high) : linearTicks(0, high || 1, 5)
  return chart(
    {
      id,
      title,
      alt: `At the end: ${lines.map(({ label, smooth }) => `${label} ${lossText(smooth.findLast(({ loss }) => Number.isFinite(loss))?.loss)}`).join(', ')}.`,
      legend: () => lines.map(({ label, colour, dash }) => ({ words: label, colour, dash, mark: 'line' })),
      options: ({ muted, faint }, width) => ({
        height: 310,
        marginLeft: 46,
        marginRight: 18,
        x: { domain: [1, steps] },
        y: { type: low > 0 ? 'log' : 'linear', domain: [low, high || 1] },
        marks: [
          gridY(ticks, { stroke: faint, strokeOpacity: 1 }),
          axisY(ticks, {
            color: muted,
            label: 'loss in nats',
            labelArrow: 'none',
            tickSize: 0,
            text: shortNumber,
          }),
          axisX(countingTicks(steps, width / 90), {
            color: muted,
            label: 'step',
            labelArrow: 'none',
            labelAnchor: 'center',
            tickFormat: grouped,
          }),
          ...lines.flatMap(({ smooth, inputs, colour }) =>
            inputs.length === 1
              ? []
              : [areaY(smooth, { x: 'step', y1: 'low', y2: 'high', fill: colour, fillOpacity: 0.2 })],
          ),
          ...lines.map(({ smooth, colour, dash }) =>
            lineY(smooth, {
              x: 'step',
              y: ({ loss }: StepValue) => loss,
              stroke: colour,
              strokeWidth: 2.2,
              strokeDasharray: dash,
            }),
          ),
        ],
      }),
    },
    options,
  )
}
