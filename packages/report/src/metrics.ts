// Rows and columns run over the classes checked on entry: each `!` is in range.
import { ReportError } from './report-error'
import { grouped } from './number-text'

/** How well one class is told from the others. A ratio is null if there is nothing to divide by. */
export interface ClassMetrics {
  readonly class: number
  /** Images of this class. */
  readonly count: number
  /** How many of these were classified correctly. */
  readonly correct: number
  /** correct / count, which is the recall too. */
  readonly accuracy: number | null
  /** Of the images predicted as this class, the share that is of it. */
  readonly precision: number | null
  readonly recall: number | null
  /** The harmonic mean of precision and recall. */
  readonly f1: number | null
}

/** How good predictions are, overall and class by class. */
export interface Metrics {
  readonly count: number
  readonly correct: number
  readonly accuracy: number
  /** Wilson's 95 % interval of the accuracy. */
  readonly interval: readonly [low: number, high: number]
  /** Mean cross-entropy in nats, if it was given. */
  readonly meanLoss: number | null
  readonly perClass: readonly ClassMetrics[]
  /** Means over the classes that have a value, each weighing the same. */
  readonly macro: { readonly precision: number | null; readonly recall: number | null; readonly f1: number | null }
  /** The mean of F1, each class weighted by its images. */
  readonly weightedF1: number
  /** Rows are true classes, columns predicted ones. */
  readonly confusion: readonly (readonly number[])[]
}

/**
 * Counts which classes are confused.
 *
 * @param labels true classes, [count]; @param predictions predicted classes, [count]
 * @returns [classes][classes]: rows are true classes, columns predicted ones
 * @throws ReportError if the lengths differ, a class is out of range or the number of classes is not a positive integer
 */
export const confusionMatrix = (
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  classes: number,
): number[][] => {
  if (!(Number.isSafeInteger(classes) && classes >= 1))
    throw new ReportError(
      `expected a whole number of classes from 1 up, found ${classes}: give as many as the labels have`,
    )
  if (labels.length !== predictions.length)
    throw new ReportError(
      `expected a prediction for each of ${labels.length} labels, found ${predictions.length}: give one for each`,
    )
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
  for (let i = 0; i < labels.length; i++) {
    const [label, predicted] = [labels[i]!, predictions[i]!]
    for (const value of [label, predicted])
      if (!(Number.isInteger(value) && value >= 0 && value < classes))
        throw new ReportError(
          `expected classes from 0 to ${classes - 1}, found ${value} at position ${i}: mend that value or give more classes`,
        )
    confusion[label]![predicted]!++
  }
  return confusion
}

/**
 * Accuracy, and precision, recall and F1 of each class, from a confusion matrix.
 *
 * @param confusion [classes][classes], rows are true classes
 * @throws ReportError if it is not square, has an entry that is not a count, or counts nothing
 */
export const classificationMetrics = (
  confusion: readonly (readonly number[])[],
  { meanLoss = null }: { readonly meanLoss?: number | null } = {},
): Metrics => {
  const classes = confusion.length
  const ragged = confusion.find((row) => row.length !== classes)
  if (ragged)
    throw new ReportError(
      `expected ${classes} columns for ${classes} classes, found ${ragged.length}: give a square matrix`,
    )
  // Row by row: of a thousand classes there are a million entries.
  const takenFor = new Array<number>(classes).fill(0)
  for (const row of confusion)
    row.forEach((n, predicted) => {
      if (!(Number.isSafeInteger(n) && n >= 0))
        throw new ReportError(`expected whole numbers from 0 up in a confusion matrix, found ${n}: count again`)
      takenFor[predicted]! += n
    })
  const count = takenFor.reduce((sum, n) => sum + n, 0)
  if (count === 0) throw new ReportError('expected at least one prediction, found none: give labels and predictions')
  const perClass = confusion.map((row, label): ClassMetrics => {
    const ofClass = row.reduce((sum, n) => sum + n, 0)
    const correct = row[label]!
    const recall = ratio(correct, ofClass)
    return {
      class: label,
      count: ofClass,
      correct,
      accuracy: recall,
      precision: ratio(correct, takenFor[label]!),
      recall,
      f1: ratio(2 * correct, ofClass + takenFor[label]!),
    }
  })
  const correct = perClass.reduce((sum, row) => sum + row.correct, 0)
  const macro = (key: 'precision' | 'recall' | 'f1') => {
    const values = perClass.map((row) => row[key]).filter((value) => value !== null)
    return ratio(
      values.reduce((sum, value) => sum + value, 0),
      values.length,
    )
  }
  return {
    count,
    correct,
    accuracy: correct / count,
    interval: wilsonInterval(correct, count),
    meanLoss,
    perClass,
    macro: { precision: macro('precision'), recall: macro('recall'), f1: macro('f1') },
    weightedF1: perClass.reduce((sum, row) => sum + row.count * (row.f1 ?? 0), 0) / count,
    confusion,
  }
}

/** How many classes a table or a figure shows: EMNIST's 62 fit on a page. */
const mostClasses = 64

/**
 * The classes to show if there may be too many: all of them, or the ones most often confused.
 *
 * @param confusion [classes][classes], rows are true classes
 * @returns their numbers, in their order
 */
export const shownClasses = (confusion: readonly (readonly number[])[], most = mostClasses): number[] => {
  const all = confusion.map((_, label) => label)
  if (all.length <= most) return all
  const involved = new Float64Array(all.length)
  const mistakes = new Float64Array(all.length)
  confusion.forEach((row, label) =>
    row.forEach((n, predicted) => {
      for (const one of [label, predicted]) {
        involved[one]! += n
        if (label !== predicted) mistakes[one]! += n
      }
    }),
  )
  return all
    .filter((label) => involved[label]! > 0)
    .sort((a, b) => mistakes[b]! - mistakes[a]! || a - b)
    .slice(0, most)
    .sort((a, b) => a - b)
}

/** A sentence about the classes that are left out; empty where none is. */
export const classesLeftOut = (shown: readonly number[], classes: number): string =>
  shown.length === classes
    ? ''
    : `${shown.length} of ${grouped(classes)} classes are shown, those that are confused most often.`

const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole)

/**
 * The interval in which the true rate lies with the confidence of z (1.96 for 95 %), given the counts. If nothing
 * was counted, that is all of [0, 1], the limit of the formula.
 *
 * Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22(158), 1927.
 *
 * @throws ReportError if correct is not between 0 and count
 */
export const wilsonInterval = (correct: number, count: number, z = 1.96): readonly [low: number, high: number] => {
  if (!(correct >= 0 && correct <= count))
    throw new ReportError(`expected from 0 to ${count} correct, found ${correct}: count again`)
  if (count === 0) return [0, 1]
  const rate = correct / count
  const shrink = 1 + (z * z) / count
  const centre = (rate + (z * z) / (2 * count)) / shrink
  const reach = (z / shrink) * Math.sqrt((rate * (1 - rate)) / count + (z * z) / (4 * count * count))
  // At the ends the formula gives 0 and 1 but for rounding.
  return [correct === 0 ? 0 : centre - reach, correct === count ? 1 : centre + reach]
}
