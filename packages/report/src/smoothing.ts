// Indices run within the list they are of: each `!` is in range.
import type { DrawnLoss } from './drawn-run'

const isNumber = (loss: DrawnLoss | undefined): loss is number => Number.isFinite(loss)

/** Of the steps `from` to `to` (counted from 1, both taken), the smallest and the largest loss. */
export interface LossSpan {
  readonly from: number
  readonly to: number
  readonly low: number
  readonly high: number
}

/** A value at a step, counted from 1. */
export interface StepValue {
  readonly step: number
  readonly loss: number
}

/**
 * A list of losses as at most so many spans of equal length, each with its smallest and largest finite value: no peak is lost
 * by drawing a million steps on a few hundred pixels. A span without a finite loss is left out.
 */
export const lossSpans = (losses: readonly DrawnLoss[], most: number): LossSpan[] => {
  const length = Math.max(1, Math.ceil(losses.length / most))
  const spans: LossSpan[] = []
  for (let from = 0; from < losses.length; from += length) {
    const to = Math.min(losses.length, from + length)
    let [low, high] = [Infinity, -Infinity]
    for (let i = from; i < to; i++) {
      const loss = losses[i]
      if (!isNumber(loss)) continue
      low = Math.min(low, loss)
      high = Math.max(high, loss)
    }
    if (low <= high) spans.push({ from: from + 1, to, low, high })
  }
  return spans
}

/**
 * The mean of the finite losses in a window around each of at most so many steps; NaN where the window holds none. The window
 * is cut off at the ends, so that the first value is the mean of the first half window.
 *
 * @param window steps in all, odd
 */
export const smoothedLosses = (losses: readonly DrawnLoss[], window: number, most: number): StepValue[] => {
  const sums = new Float64Array(losses.length + 1)
  const counts = new Float64Array(losses.length + 1)
  losses.forEach((loss, i) => {
    sums[i + 1] = sums[i]! + (isNumber(loss) ? loss : 0)
    counts[i + 1] = counts[i]! + (isNumber(loss) ? 1 : 0)
  })
  const half = Math.floor(window / 2)
  const stride = Math.max(1, Math.ceil(losses.length / most))
  const smooth: StepValue[] = []
  for (let i = 0; i < losses.length; i += stride) {
    const [from, to] = [Math.max(0, i - half), Math.min(losses.length, i + half + 1)]
    smooth.push({ step: i + 1, loss: (sums[to]! - sums[from]!) / (counts[to]! - counts[from]!) })
  }
  return smooth
}

/** The window that a curve of so many steps is smoothed with: about a fiftieth of it, odd, at most 501. */
export const smoothingWindow = (steps: number): number => 2 * Math.min(250, Math.floor(steps / 100)) + 1
