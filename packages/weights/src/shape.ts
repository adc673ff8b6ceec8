import type { StateDict } from '@digitlab/models'
import { quoted, shownShape } from './shown'
import { WeightsError } from './weights-error'

/**
 * How many values an array of this shape holds.
 *
 * @throws WeightsError if the sizes multiply past 2^53
 */
export const sizeOf = (name: string, shape: readonly number[]): number => {
  const count = shape.reduce((product, size) => product * size, 1)
  const most = shape.reduce((product, size) => product * Math.max(1, size), 1)
  if (!Number.isSafeInteger(most * 8))
    throw new WeightsError(
      `the shape ${shownShape(shape)} of ${quoted(name)} multiplies past 2^53: the file is damaged or hostile`,
    )
  return count
}

/** Throws a {@link WeightsError} where an entry has not as many values as its shape has places. */
export const checkSizes = (weights: StateDict): void => {
  for (const [name, { shape, data }] of weights)
    if (sizeOf(name, shape) !== data.length)
      throw new WeightsError(
        `${quoted(name)} has shape ${shownShape(shape)} and so ${sizeOf(name, shape)} values, found ${data.length}: give it one for each place`,
      )
}

/** A size, an offset or a count as a file may hold it. */
export const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

/** The most entries: more than any model has, and few enough for what each takes beside its values. */
export const mostEntries = 100_000

/** PyTorch's own limit. */
export const mostAxes = 64
