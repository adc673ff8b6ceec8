// The accuracy of the weights that training began with: the first point of every curve of accuracies.
import { dot, link, text } from '@observablehq/plot'
import type { ReportInput } from './drawn-run'
import { percent } from './number-text'
import type { Palette } from './theme'

/** The share of the test images that the initial weights got right; undefined where nobody wrote it down. */
export const accuracyBefore = ({ predictions }: ReportInput): number | undefined => {
  if (!predictions || predictions.labels.length === 0) return undefined
  const { labels, before } = predictions
  let right = 0
  for (let i = 0; i < labels.length; i++) if (labels[i] === before[i]) right++
  return right / labels.length
}

/** A curve's first two points: before training, and after the first epoch. */
export interface Beginning {
  readonly before: number
  readonly first: number
  readonly colour: string
}

/** The part of the line from epoch 0 to epoch 1 that lies above the lower edge. */
const visiblePart = ({ before, first }: Pick<Beginning, 'before' | 'first'>, low: number) =>
  before >= low || first <= before
    ? { x: 0, y: Math.max(before, low) }
    : { x: Math.min(1, (low - before) / (first - before)), y: low }

/**
 * Epoch 0 of each curve: where it lies below what is drawn, at the lower edge, with its number in words below the axis, whose label then
 * stands at the right.
 */
export const beginningMarks = (
  beginnings: readonly Beginning[],
  [low]: readonly [number, number],
  { muted }: Pick<Palette, 'muted'>,
) => {
  const [least, most] = [
    Math.min(...beginnings.map(({ before }) => before)),
    Math.max(...beginnings.map(({ before }) => before)),
  ]
  const words = `${least === most ? percent(least, 1) : `${percent(least, 1)} to ${percent(most, 1)}`} before training`
  return [
    link(beginnings, {
      x1: (each: Beginning) => visiblePart(each, low).x,
      y1: (each: Beginning) => visiblePart(each, low).y,
      x2: 1,
      y2: 'first',
      stroke: 'colour',
      strokeWidth: 1.6,
      strokeOpacity: 0.7,
    }),
    dot(beginnings, {
      x: 0,
      y: ({ before }: Beginning) => Math.max(before, low),
      fill: 'colour',
      symbol: ({ before }: Beginning) => (before < low ? 'triangle2' : 'circle'),
      rotate: 180,
      r: 4.5,
      title: ({ before }: Beginning) => `before training: ${percent(before)}`,
    }),
    ...(most < low
      ? [
          // Below the axis, where no line comes: beside its label, which stands at the right.
          text([0], {
            x: 0,
            y: low,
            text: () => words,
            textAnchor: 'start',
            dx: -5,
            dy: 34,
            fill: muted,
          }),
        ]
      : []),
  ]
}
