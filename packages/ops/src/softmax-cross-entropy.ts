import {
  add,
  argMax,
  cast,
  customGrad,
  engine,
  equal,
  exp,
  greater,
  less,
  log,
  logicalAnd,
  max,
  mul,
  neg,
  oneHot,
  reshape,
  scalar,
  stack,
  sub,
  sum,
  tidy,
  where,
  zerosLike,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
} from '@tensorflow/tfjs-core'
import { kernelContracts } from './contracts'
import { hasKernel, runKernel } from './kernels'

/** What one pass over the logits gives: the loss and its gradient. */
export interface SoftmaxCrossEntropy {
  /** Shape [2]; scale x the sum of the losses, and how many of the batch were classified rightly. */
  readonly summary: Tensor1D
  /** Shape [batch, classes]; the gradient of the first element of `summary` with respect to the logits. */
  readonly dLogits: Tensor2D
}

/**
 * loss = scale x sum over the batch of (log sum exp(logits) - logits[label]), its gradient
 * scale x (softmax(logits) - oneHot(label)), and the number of images whose largest logit is the label's. With a label out of range
 * the loss is NaN, and so is that image's row of the gradient.
 *
 * With smoothing, the label's class has 1 - smoothing + smoothing / classes instead of 1 and every other smoothing / classes instead of 0
 * (Szegedy et al., "Rethinking the inception architecture for computer vision", CVPR 2016).
 *
 * Kernel `DigitlabSoftmaxCrossEntropy`.
 *
 * @param logits [batch, classes]
 * @param labels [batch] int32, each from 0 to classes - 1
 * @param scale 1 / batch for the mean loss of PyTorch's CrossEntropyLoss; 1 / (whole batch) for a share of one
 * @param smoothing from 0 to 1
 */
export const softmaxCrossEntropy = (
  logits: Tensor2D,
  labels: Tensor1D,
  scale: number,
  smoothing = 0,
): SoftmaxCrossEntropy => {
  // To tfjs's autograd the kernel's two results would be one operation without a gradient of its gradient.
  if (hasKernel('softmaxCrossEntropy') && !engine().isTapeOn()) {
    const { summary, dLogits } = runKernel('softmaxCrossEntropy', { logits, labels }, { scale, smoothing })
    return { summary: summary as Tensor1D, dLogits: dLogits as Tensor2D }
  }
  const { classes } = kernelContracts.DigitlabSoftmaxCrossEntropy.sizes({ logits, labels }, { scale, smoothing })
  const [summary, dLogits] = tidy((): Tensor[] => {
    const shifted = sub(logits, max(logits, 1, true))
    const exponentials = exp(shifted)
    const total = sum(exponentials, 1, true)
    const inRange = reshape(logicalAnd(greater(labels, -1), less(labels, classes)), [-1, 1]) // [batch, 1]
    const sharp = where(inRange, cast(oneHot(labels, classes), 'float32'), scalar(NaN)) // [batch, classes]
    const target = smoothing === 0 ? sharp : add(mul(sharp, 1 - smoothing), smoothing / classes)
    const logProbabilities = sub(shifted, log(total))
    const loss = mul(neg(sum(mul(logProbabilities, target))), scalar(scale))
    return [stack([loss, countOfRight(logits, labels)]), mul(sub(exp(logProbabilities), target), scalar(scale))]
  })
  return { summary: summary as Tensor1D, dLogits: dLogits as Tensor2D }
}

/** How many of a batch are classified rightly: does not change with the logits but in steps, so that its gradient is 0. */
const countOfRight = (logits: Tensor2D, labels: Tensor1D): Tensor => {
  const count = (x: Tensor) => sum(cast(equal(argMax(x, 1), labels), 'float32'))
  if (!engine().isTapeOn()) return count(logits)
  return customGrad((x) => ({ value: count(x as Tensor), gradFunc: () => zerosLike(x as Tensor) }))(logits)
}
