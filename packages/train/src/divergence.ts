// What to change where training leaves the numbers.
import { rateAdvice, shown } from './advice'
import { lossOf, optimizerOf, type Experiment } from './complete-experiment'
import type { Extensions } from './extensions'

/** What to try where a loss grew without bound: a value that is known to work, in the place of the one that is to blame. */
export const adviceOn = (experiment: Experiment, extensions: Extensions): string => {
  const { type, options } = optimizerOf(experiment, extensions)
  const rate = experiment.optimizer.learningRate
  return type.advice?.(options) ?? rateAdvice(rate, rate)
}

/** So many times the loss of a guess is no plateau: it has grown. */
const grown = 1.5

/**
 * A sentence where an epoch's losses are numbers, and larger than those of a guess: without it such a run ends as if nothing were wrong.
 *
 * @param before mean loss with the weights at the start
 */
export const divergenceOf = (
  experiment: Experiment,
  { epoch, trainLoss }: { readonly epoch: number; readonly trainLoss: number },
  before: number,
  classes: number,
  extensions: Extensions,
): string | undefined => {
  const { type, options } = lossOf(experiment, extensions)
  if (!(trainLoss > grown * Math.max(before, type.guess?.(classes, options) ?? 0))) return undefined
  return `the loss grew from ${shown(before)} to ${shown(trainLoss)} in epoch ${epoch}: the model is worse than a guess, ${adviceOn(experiment, extensions)}`
}
