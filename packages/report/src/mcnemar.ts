import { ReportError } from './report-error'

/** Two models on the same images: how often one is right and the other wrong. */
export interface McNemar {
  readonly bothRight: number
  readonly onlyFirst: number
  readonly onlySecond: number
  readonly bothWrong: number
  /** The p-value: how likely a difference this large is if both are equally good. Exact, two-sided, over the images they disagree on. */
  readonly pValue: number
}

/**
 * McNemar's test of two models on the same images, by the exact binomial distribution.
 *
 * Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
 * Psychometrika 12(2), 1947; exact form as in A. Agresti, "Categorical data analysis".
 *
 * @param labels true classes, [count]; @param first predictions of one model, [count]; @param second of the other
 * @throws ReportError if the lengths differ
 */
export const mcNemar = (labels: ArrayLike<number>, first: ArrayLike<number>, second: ArrayLike<number>): McNemar => {
  for (const { length } of [first, second])
    if (length !== labels.length)
      throw new ReportError(
        `expected a prediction for each of ${labels.length} labels, found ${length}: compare models on the same images`,
      )
  let [bothRight, onlyFirst, onlySecond, bothWrong] = [0, 0, 0, 0]
  for (let i = 0; i < labels.length; i++) {
    const [one, other] = [first[i] === labels[i], second[i] === labels[i]]
    if (one && other) bothRight++
    else if (one) onlyFirst++
    else if (other) onlySecond++
    else bothWrong++
  }
  return { bothRight, onlyFirst, onlySecond, bothWrong, pValue: signTest(onlyFirst, onlySecond) }
}

/** Twice the chance of at most min(a, b) heads in a + b throws of a fair coin, at most 1. */
const signTest = (a: number, b: number): number => {
  const throws = a + b
  // In logarithms: 2^-throws is below the smallest number from 1,075 throws on.
  let logTerm = -throws * Math.LN2
  let tail = 0
  for (let heads = 0; heads <= Math.min(a, b); heads++) {
    tail += Math.exp(logTerm)
    logTerm += Math.log((throws - heads) / (heads + 1))
  }
  return Math.min(1, 2 * tail)
}
