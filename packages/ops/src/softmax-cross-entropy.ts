import {
  argMax,
  cast,
  equal,
  exp,
  max,
  mul,
  neg,
  oneHot,
  scalar,
  stack,
  sub,
  sum,
  log,
  tidy,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
} from '@tensorflow/tfjs-core'
import { expectShape, hasKernel, runKernel } from './kernels'

/** What one pass over the logits gives: the loss and its gradient. */
export interface SoftmaxCrossEntropy {
  /** Shape [2]; scale x the sum of the losses, and how many of the batch were classified rightly. */
  readonly summary: Tensor1D
  /** Shape [batch, classes]; the gradient of the first element of `summary` with respect to the logits. */
  readonly dLogits: Tensor2D
}

/**
 * loss = scale x sum over the batch of (log sum exp(logits) - logits[label]), its gradient
 * scale x (softmax(logits) - oneHot(label)), and the number of images whose largest logit is the label's.
 *
 * Kernel `DigitlabSoftmaxCrossEntropy`: inputs logits, labels; attribute scale; outputs summary, dLogits.
 *
 * @param logits [batch, classes]
 * @param labels [batch] int32, each from 0 to classes - 1
 * @param scale 1 / batch for the mean loss of PyTorch's CrossEntropyLoss; 1 / (whole batch) for a share of one
 */
export const softmaxCrossEntropy = (logits: Tensor2D, labels: Tensor1D, scale: number): SoftmaxCrossEntropy => {
  const [batch, classes] = logits.shape
  expectShape('the labels of a batch', labels.shape, [batch])
  if (hasKernel('softmaxCrossEntropy')) {
    const [summary, dLogits] = runKernel('softmaxCrossEntropy', { logits, labels }, { scale })
    return { summary: summary as Tensor1D, dLogits: dLogits as Tensor2D }
  }
  const [summary, dLogits] = tidy((): Tensor[] => {
    const shifted = sub(logits, max(logits, 1, true))
    const exponentials = exp(shifted)
    const total = sum(exponentials, 1, true)
    const target = cast(oneHot(labels, classes), 'float32')
    const logProbabilities = sub(shifted, log(total))
    const loss = mul(neg(sum(mul(logProbabilities, target))), scalar(scale))
    const correct = sum(cast(equal(argMax(logits, 1), labels), 'float32'))
    return [stack([loss, correct]), mul(sub(exp(logProbabilities), target), scalar(scale))]
  })
  return { summary: summary as Tensor1D, dLogits: dLogits as Tensor2D }
}
