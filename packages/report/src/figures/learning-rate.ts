import { axisX, axisY, gridY, lineY } from '@observablehq/plot'
import { chart } from '../chart'
import type { DrawnRun } from '../drawn-run'
import { emptyFigure, type Figure, type FigureOptions } from '../figure'
import { grouped } from '../number-text'
import { countingTicks, linearTicks, shortNumber } from '../ticks'

/** As many marks as there are pixels to see them on. */
const mostMarks = 560

/** The learning rate of every step, if a schedule changes it. */
export const learningRateFigure = (
  { history: { learningRates = [] } }: DrawnRun,
  options: FigureOptions = {},
): Figure => {
  const [id, title] = ['learning-rate', 'Learning rate per step']
  if (learningRates.length === 0)
    return emptyFigure({ id, title, sentence: 'No schedule changed the learning rate, or no step was taken.' }, options)
  const stride = Math.ceil(learningRates.length / mostMarks)
  const shown = learningRates
    .map((rate, i) => ({ step: i + 1, rate }))
    .filter(({ step }) => step % stride === 0 || step === 1 || step === learningRates.length)
  const most = Math.max(...shown.map(({ rate }) => rate))
  const ticks = linearTicks(0, most || 1, 5)
  const [first, last] = [learningRates[0], learningRates.at(-1)]
  return chart(
    {
      id,
      title,
      alt: `From ${shortNumber(first ?? NaN)} over at most ${shortNumber(most)} to ${shortNumber(last ?? NaN)} at step ${grouped(learningRates.length)}.`,
      legend: ({ first }) => [{ words: 'learning rate', colour: first, mark: 'line' }],
      options: ({ first, muted, faint }, width) => ({
        height: 240,
        marginLeft: 60,
        marginRight: 14,
        x: { domain: [1, Math.max(2, learningRates.length)] },
        y: { domain: [0, 1.05 * (most || 1)] },
        marks: [
          gridY(ticks, { stroke: faint, strokeOpacity: 1 }),
          axisY(ticks, { color: muted, label: 'learning rate', labelArrow: 'none', tickSize: 0, text: shortNumber }),
          axisX(countingTicks(learningRates.length, width / 90), {
            color: muted,
            label: 'step',
            labelArrow: 'none',
            labelAnchor: 'center',
            tickFormat: grouped,
          }),
          lineY(shown, { x: 'step', y: 'rate', stroke: first, strokeWidth: 2 }),
        ],
      }),
    },
    options,
  )
}
