import { areaY, axisX, axisY, dot, gridY, lineY, ruleX } from '@observablehq/plot'
import { chart } from '../chart'
import type { DrawnLoss, DrawnRun } from '../drawn-run'
import { emptyFigure, type Figure, type FigureOptions } from '../figure'
import { lossSpans, smoothedLosses, smoothingWindow, type LossSpan, type StepValue } from '../smoothing'
import { grouped } from '../number-text'
import { watchedEpochs } from '../watched-epochs'
import { countingTicks, linearTicks, logTicks, lossText, shortNumber } from '../ticks'

/** As many marks as there are pixels to see them on. */
const mostMarks = 560

/**
 * The loss of every step: a band from the smallest to the largest of neighbouring steps, the moving average over it, and the loss on the
 * validation or test images after each epoch. A loss that is not a number leaves a gap.
 */
export const lossFigure = ({ history, experiment, dataset }: DrawnRun, options: FigureOptions = {}): Figure => {
  const [id, title] = ['loss', 'Loss per step']
  const { stepLosses } = history
  const { words, short, epochs } = watchedEpochs(history.epochs)
  const spans = lossSpans(stepLosses, mostMarks)
  if (spans.length === 0)
    return emptyFigure({ id, title, sentence: 'No step was taken whose loss is a number: there is no curve.' }, options)
  const window = smoothingWindow(stepLosses.length)
  const smooth = smoothedLosses(stepLosses, window, mostMarks)
  const stepsPerEpoch = Math.ceil(dataset.trainCount / experiment.batchSize)
  const tests = epochs.map(({ epoch, loss }) => ({ step: epoch * stepsPerEpoch, loss: loss ?? NaN }))
  const few = tests.length <= 60
  const testMark = few ? ({ mark: 'diamond' } as const) : ({ mark: 'line', dash: '5 3' } as const)
  const axis = axisOf(spans, [...smooth, ...tests])
  const within = (loss: number) => Math.max(axis.domain[0], loss)
  return chart(
    {
      id,
      title,
      alt: wordsOf(stepLosses, smooth, tests, short),
      legend: ({ first, second }) => [
        {
          words: window === 1 ? 'training' : `training, mean of ${grouped(window)} steps`,
          colour: first,
          mark: 'line',
        },
        { words: 'every step', colour: first, mark: 'band' },
        ...(tests.length > 0 ? [{ words, colour: second, ...testMark }] : []),
      ],
      options: ({ first, second, muted, faint, paper }, width) => ({
        height: 310,
        marginLeft: 46,
        marginRight: 14,
        x: { domain: [1, Math.max(2, stepLosses.length)] },
        y: { type: axis.type, domain: axis.domain },
        marks: [
          gridY(axis.ticks, { stroke: faint, strokeOpacity: 1 }),
          ...(few ? [ruleX(tests, { x: 'step', stroke: faint, strokeDasharray: '2 3' })] : []),
          axisY(axis.ticks, {
            color: muted,
            label: 'loss in nats',
            labelArrow: 'none',
            tickSize: 0,
            text: shortNumber,
          }),
          axisX(countingTicks(stepLosses.length, width / 90), {
            color: muted,
            label: 'step',
            labelArrow: 'none',
            labelAnchor: 'center',
            tickFormat: grouped,
          }),
          areaY(spans, {
            x: ({ from, to }: LossSpan) => (from + to) / 2,
            y1: ({ low }: LossSpan) => within(low),
            y2: ({ high }: LossSpan) => within(high),
            fill: first,
            fillOpacity: 0.22,
            stroke: first,
            strokeOpacity: 0.3,
            strokeWidth: 0.7,
          }),
          lineY(smooth, { x: 'step', y: ({ loss }: StepValue) => within(loss), stroke: first, strokeWidth: 2.2 }),
          few
            ? dot(tests, {
                x: 'step',
                y: 'loss',
                fill: second,
                stroke: paper,
                strokeWidth: 0.8,
                symbol: 'diamond',
                r: 5,
                title: ({ step, loss }: StepValue) => `${short} loss after step ${grouped(step)}: ${lossText(loss)}`,
              })
            : lineY(tests, { x: 'step', y: 'loss', stroke: second, strokeWidth: 1.8, strokeDasharray: '5 3' }),
        ],
      }),
    },
    options,
  )
}

/** Logarithmic wherever all that is shown is above 0. */
const axisOf = (spans: readonly LossSpan[], shown: readonly StepValue[]) => {
  const losses = shown.map(({ loss }) => loss).filter(Number.isFinite)
  const high = Math.max(...spans.map(({ high }) => high), ...losses)
  // Single lucky batches would take half of a logarithmic axis: it ends a little below what the eye follows.
  const low = Math.min(...losses) / 2
  if (low > 0) return { type: 'log', domain: [low, high * 1.1], ticks: logTicks(low, high * 1.1) } as const
  const top = high > 0 ? high * 1.05 : 1
  return { type: 'linear', domain: [Math.min(0, low), top], ticks: linearTicks(Math.min(0, low), top, 5) } as const
}

const wordsOf = (
  losses: readonly DrawnLoss[],
  smooth: readonly StepValue[],
  tests: readonly StepValue[],
  short: string,
): string => {
  const finite = losses.filter(Number.isFinite).length
  const [from, to] = [smooth, smooth.toReversed()].map((list) => list.find(({ loss }) => Number.isFinite(loss))?.loss)
  const last = tests.at(-1)?.loss
  return [
    `${grouped(losses.length)} steps: the smoothed training loss goes from ${lossText(from)} to ${lossText(to)}`,
    ...(last === undefined ? [] : [`the ${short} loss ends at ${lossText(last)}`]),
    ...(finite < losses.length ? [`the loss of ${grouped(losses.length - finite)} steps is no number`] : []),
  ]
    .join('; ')
    .concat('.')
}
