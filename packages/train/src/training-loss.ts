import type { LossFunction } from '@digitlab/models/compute'
import type { Batch } from '@digitlab/ops'
import {
  add,
  argMax,
  cast,
  equal,
  mul,
  reshape,
  slice,
  stack,
  sub,
  sum,
  tidy,
  type Tensor1D,
} from '@tensorflow/tfjs-core'
import { lossOf, type Experiment } from './complete-experiment'
import type { Extensions } from './extensions'
import { kit } from './kit'

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
 *
 * @param mixed the others' labels; its images hold the share of a batch, and 1: [batch, 1, 2, 1]
 */
export const mixedLoss =
  (loss: LossFunction, mixed: Batch): LossFunction =>
  (logits, labels, scale) =>
    tidy(() => {
      const [own, other] = [loss(logits, labels, scale), loss(logits, mixed.labels, scale)]
      const weights = reshape(slice(mixed.images, [0, 0, 0, 0], [1, 1, 2, 1]), [2]) // [share, 1]
      const share = slice(weights, [0], [1]) // [1]
      return {
        summary: add<Tensor1D>(other.summary, mul(sub(own.summary, other.summary), weights)),
        dLogits: add(other.dLogits, mul(sub(own.dLogits, other.dLogits), share)),
      }
    })
