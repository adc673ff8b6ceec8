import type { LossFunction } from '@digitlab/models/compute'
import { add, argMax, cast, equal, mul, stack, sum, tidy, type Tensor1D } from '@tensorflow/tfjs-core'
import { lossOf, type Experiment } from './complete-experiment'
import type { Extensions } from './extensions'
import { kit } from './kit'
import type { Mixed } from './mixed-labels'

/** The loss of an experiment as a training step asks for it: with the number of images whose largest logit is their label's. */
export const trainingLoss = (experiment: Experiment, extensions: Extensions): LossFunction => {
  const { type, options } = lossOf(experiment, extensions)
  return (logits, labels, scale) => {
    const found = tidy(() => {
      const outputs = type.loss(kit, { logits, labels, scale, options })
      const { dLogits } = outputs
      if ('summary' in outputs) return { summary: outputs.summary, dLogits }
      const correct = sum(cast(equal(argMax(logits, 1), labels), 'float32'))
      return { summary: stack([outputs.loss, correct]) as Tensor1D, dLogits }
    })
    return found
  }
}

/**
 * The loss of images that are mixed with others': of either's label by its share, whatever the loss is. What is counted as right is the
 * label of the larger share, the images' own.
 */
export const mixedLoss =
  (loss: LossFunction, { labels: others, own, other }: Mixed): LossFunction =>
  (logits, labels, scale) =>
    tidy(() => {
      const [a, b] = [loss(logits, labels, scale), loss(logits, others, scale)]
      return {
        summary: add<Tensor1D>(mul(a.summary, own.summary), mul(b.summary, other.summary)),
        dLogits: add(mul(a.dLogits, own.dLogits), mul(b.dLogits, other.dLogits)),
      }
    })
