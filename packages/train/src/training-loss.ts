import type { LossFunction } from '@digitlab/models/compute'
import { argMax, cast, equal, stack, sum, tidy, type Tensor1D } from '@tensorflow/tfjs-core'
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
