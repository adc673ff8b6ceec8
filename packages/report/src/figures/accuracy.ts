import { axisX, axisY, dot, gridY, lineY } from '@observablehq/plot'
import { beginningMarks } from '../before-training'
import { chart } from '../chart'
import type { DrawnRun } from '../drawn-run'
import { emptyFigure, textWidth, type Figure, type FigureOptions } from '../figure'
import { grouped, percent } from '../number-text'
import { watchedEpochs, type WatchedEpoch } from '../watched-epochs'
import { countingTicks, linearTicks } from '../ticks'

/** The accuracy after each epoch: on the training images as they were seen, and on the validation or test images. */
export const accuracyFigure = (
  { history }: DrawnRun,
  options: FigureOptions & {
    /** The accuracy on the test images before training, where it is known: the curve begins there. */
    readonly before?: number | undefined
  } = {},
): Figure => {
  const [id, title] = ['accuracy', 'Accuracy per epoch']
  const { words, short, epochs } = watchedEpochs(history.epochs)
  const last = epochs.at(-1)
  if (!last) return emptyFigure({ id, title, sentence: 'Accuracy appears after the first epoch.' }, options)
  const best = epochs.reduce((most, epoch) => (epoch.accuracy > most.accuracy ? epoch : most))
  const domain = rateDomain(epochs.flatMap(({ trainAccuracy, accuracy }) => [trainAccuracy, accuracy]))
  const radius = epochs.length > 60 ? 0 : 4
  const before = words === 'test images' && epochs[0]?.epoch === 1 ? options.before : undefined
  return chart(
    {
      id,
      title,
      alt: `After epoch ${last.epoch}: ${percent(last.accuracy)} of the ${words} and ${percent(last.trainAccuracy)} of the training images; best on the ${words} after epoch ${best.epoch} with ${percent(best.accuracy)}.`,
      legend: ({ first, second }) => [
        { words: 'training images, while learning', colour: first, mark: 'circle', dash: '5 3' },
        { words, colour: second, mark: 'square', dash: '' },
      ],
      options: ({ first, second, muted, faint }, width) => {
        const line = (key: 'trainAccuracy' | 'accuracy', stroke: string, more: { strokeDasharray?: string }) =>
          lineY(epochs, { x: 'epoch', y: key, stroke, strokeWidth: 2.2, ...more })
        const points = (key: 'trainAccuracy' | 'accuracy', fill: string, symbol: 'circle' | 'square') =>
          dot(epochs, {
            x: 'epoch',
            y: key,
            fill,
            symbol,
            r: radius,
            title: (record: WatchedEpoch) =>
              `epoch ${record.epoch}: ${percent(record[key])} of the ${key === 'accuracy' ? short : 'training'} images`,
          })
        return {
          height: 310,
          marginLeft: 54,
          marginRight: 20,
          x: {
            domain:
              before !== undefined
                ? [0, last.epoch]
                : epochs.length === 1
                  ? [last.epoch - 0.5, last.epoch + 0.5]
                  : [1, last.epoch],
          },
          y: { domain },
          marks: [
            ...rateAxis(domain, { muted, faint }, 'accuracy'),
            axisX(
              [
                ...(before === undefined ? [] : [0]),
                ...(epochs.length === 1 ? [last.epoch] : countingTicks(last.epoch, width / 60)),
              ],
              {
                color: muted,
                label: 'epoch',
                tickFormat: grouped,
                labelArrow: 'none',
                labelAnchor: before === undefined ? 'center' : 'right',
              },
            ),
            ...(before === undefined
              ? []
              : beginningMarks([{ before, first: epochs[0]?.accuracy ?? NaN, colour: second }], domain, { muted })),
            line('trainAccuracy', first, { strokeDasharray: '5 3' }),
            line('accuracy', second, {}),
            ...(radius > 0 ? [points('trainAccuracy', first, 'circle'), points('accuracy', second, 'square')] : []),
          ],
        }
      },
    },
    options,
  )
}

/** A little more than the rates take, never more than from 0 to 1. */
export const rateDomain = (rates: readonly number[]): [low: number, high: number] => {
  const [least, most] = [Math.min(...rates), Math.max(...rates)]
  const room = Math.max(0.002, 0.08 * (most - least))
  const low = Math.max(0, Math.min(least - room, most - 0.01))
  return [low, Math.min(1, Math.max(most + room, low + 0.01))]
}

/** A vertical axis of rates in percent, with its lines. */
export const rateAxis = (
  [low, high]: readonly [number, number],
  { muted, faint }: { readonly muted: string; readonly faint: string },
  label: string,
) => {
  const ticks = linearTicks(100 * low, 100 * high, 5).map((tick) => tick / 100)
  return [
    gridY(ticks, { stroke: faint, strokeOpacity: 1 }),
    axisY(ticks, { color: muted, label, labelArrow: 'none', tickSize: 0, tickFormat: percentTick }),
  ]
}

/** Round rates for a horizontal axis of so many pixels, no closer than their words are long. */
export const rateTicks = ([low, high]: readonly [number, number], room: number): number[] => {
  for (let about = Math.max(2, Math.floor(room / 40)); about > 1; about--) {
    const ticks = linearTicks(100 * low, 100 * high, about).map((tick) => tick / 100)
    const widest = Math.max(...ticks.map((tick) => textWidth(percentTick(tick), 12)))
    const [first = 0, second = high] = ticks
    if (((second - first) / (high - low)) * room >= widest + 10) return ticks
  }
  return linearTicks(100 * low, 100 * high, 2)
    .slice(0, 1)
    .map((tick) => tick / 100) // one says at least where this is
}

/** 97.5 % of 0.975: only the digits that it needs. */
export const percentTick = (rate: number): string => `${Number((100 * rate).toFixed(3))} %`
