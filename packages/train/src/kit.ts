// What optimizers and losses compute with.
import { adamStep, optimizerStep, sgdStep, softmaxCrossEntropy, tensorOperations } from '@digitlab/ops'
import type { LossKit } from './loss-type'
import type { OptimizerKit } from './optimizer-type'

/** What a layer computes with on the current backend. */
export const kit: OptimizerKit & LossKit = {
  ops: { adamStep, optimizerStep, sgdStep, softmaxCrossEntropy },
  tf: tensorOperations,
}
