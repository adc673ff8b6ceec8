// Indices run over [count, classes] checked on entry: each `!` is in range.
import type { RunPredictions } from './drawn-run'
import { ReportError } from './report-error'

/** The predictions whose confidence lies in one interval. */
export interface CalibrationBin {
  readonly from: number
  readonly to: number
  readonly count: number
  readonly correct: number
  /** Mean probability of the predicted class; null if the bin is empty. */
  readonly confidence: number | null
  /** correct / count; null if the bin is empty. */
  readonly accuracy: number | null
}

/** How well the probabilities of predictions are calibrated. */
export interface Calibration {
  readonly bins: readonly CalibrationBin[]
  /** The mean of |accuracy - confidence| over the bins, weighted by their predictions. */
  readonly expectedError: number
  /** Mean probability of the predicted class. */
  readonly meanConfidence: number
  readonly accuracy: number
}

/** Throws a {@link ReportError} if the predictions differ in length, or there are none. */
export const checkPredictions = ({ labels, before, after, probabilities }: RunPredictions): number => {
  const count = labels.length
  if (count === 0) throw new ReportError('expected predictions of at least one image, found none: give some')
  for (const [what, { length }] of Object.entries({ before, after }))
    if (length !== count)
      throw new ReportError(`expected a prediction ${what} for each of ${count} labels, found ${length}: give one each`)
  const classes = probabilities.length / count
  if (!(Number.isInteger(classes) && classes >= 1))
    throw new ReportError(
      `expected as many probabilities for each of ${count} images, found ${probabilities.length} in all: give one for each class`,
    )
  for (let i = 0; i < count; i++)
    for (const value of [labels[i]!, before[i]!, after[i]!])
      if (!(Number.isInteger(value) && value >= 0 && value < classes))
        throw new ReportError(
          `expected classes from 0 to ${classes - 1}, found ${value} at image ${i}: mend that value or give more probabilities`,
        )
  return classes
}

/** The probability that was given to the predicted class of an image. */
const confidenceOf = ({ after, probabilities }: RunPredictions, classes: number, image: number): number =>
  probabilities[image * classes + after[image]!]!

/**
 * The calibration of predictions: of those with a probability near p, how many are correct. They are put into bins of equal width by the
 * probability of the predicted class.
 *
 * Source: C. Guo and others, "On calibration of modern neural networks", ICML 2017.
 *
 * @throws ReportError if the predictions do not match each other
 */
export const calibration = (predictions: RunPredictions, { bins = 10 }: { bins?: number } = {}): Calibration => {
  const classes = checkPredictions(predictions)
  const { labels, after } = predictions
  const found = Array.from({ length: bins }, () => ({ count: 0, correct: 0, confidence: 0 }))
  for (let i = 0; i < labels.length; i++) {
    const confidence = confidenceOf(predictions, classes, i)
    // a probability of exactly 1 belongs to the last bin; one that is no number, of a run gone wrong, to the first
    const bin = found[Math.max(0, Math.min(bins - 1, Math.floor(confidence * bins))) || 0]!
    bin.count++
    bin.confidence += Number.isNaN(confidence) ? 0 : confidence
    if (labels[i] === after[i]) bin.correct++
  }
  const sum = (value: (bin: (typeof found)[number]) => number) =>
    found.reduce((total, bin) => total + value(bin), 0) / labels.length
  return {
    bins: found.map(({ count, correct, confidence }, n) => ({
      from: n / bins,
      to: (n + 1) / bins,
      count,
      correct,
      confidence: count === 0 ? null : confidence / count,
      accuracy: count === 0 ? null : correct / count,
    })),
    expectedError: sum(({ correct, confidence }) => Math.abs(correct - confidence)),
    meanConfidence: sum(({ confidence }) => confidence),
    accuracy: sum(({ correct }) => correct),
  }
}

/** A test image that was classified wrongly. */
export interface Mistake {
  /** Its place among the test images. */
  readonly image: number
  readonly label: number
  readonly predicted: number
  /** Given to the predicted class. */
  readonly confidence: number
  /** Given to the true class. */
  readonly labelProbability: number
}

/**
 * The most confident mistakes, in descending order of confidence; ties in the order of the images.
 *
 * @throws ReportError if the predictions do not match each other
 */
export const confidentMistakes = (predictions: RunPredictions, most = Infinity): Mistake[] => {
  const classes = checkPredictions(predictions)
  const { labels, after, probabilities } = predictions
  const mistakes: Mistake[] = []
  for (let i = 0; i < labels.length; i++)
    if (labels[i] !== after[i])
      mistakes.push({
        image: i,
        label: labels[i]!,
        predicted: after[i]!,
        confidence: confidenceOf(predictions, classes, i),
        labelProbability: probabilities[i * classes + labels[i]!]!,
      })
  return mistakes.sort((a, b) => b.confidence - a.confidence || a.image - b.image).slice(0, most)
}
