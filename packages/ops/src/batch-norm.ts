import {
  add,
  div,
  mean as meanOf,
  mul,
  reshape,
  sqrt,
  square,
  sub,
  sum,
  tidy,
  type Tensor,
  type Tensor1D,
} from '@tensorflow/tfjs-core'
import { kernelContracts, type BatchNormOptions } from './contracts'
import { hasKernel, runKernel } from './kernels'

/** What batch normalization keeps from step to step: PyTorch's running_mean and running_var [channels], num_batches_tracked []. */
export interface RunningStatistics {
  readonly mean: Tensor1D
  readonly variance: Tensor1D
  readonly batches: Tensor
}

/** What batch normalization makes in training; its owner disposes of the tensors unless a tidy does. */
export interface BatchNormForward {
  /** In the shape of x. */
  readonly y: Tensor
  /** Of each channel of the batch, [channels]. */
  readonly mean: Tensor1D
  /** 1 / sqrt(variance + epsilon), [channels] */
  readonly inverseDeviation: Tensor1D
  /** The new running statistics; undefined if those given were updated in place. */
  readonly running: RunningStatistics | undefined
}

/**
 * y = (x - mean) / sqrt(variance + epsilon) weight + bias for each channel, with mean and biased variance of the batch, as
 * `nn.BatchNorm1d` and `nn.BatchNorm2d` in training. The running statistics become (1 - momentum) x themselves + momentum x the
 * batch's mean and unbiased variance, and the batches one more.
 *
 * Kernel `DigitlabBatchNorm`, which updates the running statistics **in place**.
 *
 * Source: Ioffe and Szegedy, "Batch normalization", ICML 2015.
 *
 * @param x [batch, ..., channels], at least two values a channel
 * @param weight [channels]; bias likewise
 */
export const batchNorm = (
  x: Tensor,
  weight: Tensor1D,
  bias: Tensor1D,
  running: RunningStatistics,
  options: BatchNormOptions,
): BatchNormForward => {
  const given = {
    x,
    weight,
    bias,
    runningMean: running.mean,
    runningVariance: running.variance,
    batches: running.batches,
  }
  if (hasKernel('batchNorm')) {
    const { y, mean, inverseDeviation } = runKernel('batchNorm', given, options)
    return { y, mean: mean as Tensor1D, inverseDeviation: inverseDeviation as Tensor1D, running: undefined }
  }
  const { count, channels } = kernelContracts.DigitlabBatchNorm.sizes(given, options)
  const { momentum, epsilon } = options
  const [y, mean, inverseDeviation, ...next] = tidy((): Tensor[] => {
    const rows = reshape(x, [count, channels])
    const mean = meanOf(rows, 0)
    const centered = sub(rows, mean)
    const variance = meanOf(square(centered), 0)
    const inverseDeviation = div(1, sqrt(add(variance, epsilon)))
    const y = add(mul(centered, mul(inverseDeviation, weight)), bias)
    const moved = (from: Tensor, to: Tensor) => add(mul(from, 1 - momentum), mul(to, momentum))
    return [
      ...[reshape(y, x.shape), mean, inverseDeviation, moved(running.mean, mean)],
      ...[moved(running.variance, mul(variance, count / (count - 1))), add(running.batches, 1)],
    ]
  })
  const [runningMean, variance, batches] = next as [Tensor1D, Tensor1D, Tensor]
  return {
    ...{ y: y as Tensor, mean: mean as Tensor1D, inverseDeviation: inverseDeviation as Tensor1D },
    running: { mean: runningMean, variance, batches },
  }
}

/** The gradients of batch normalization with respect to its inputs. */
export interface BatchNormGradients {
  /** The shape of x; undefined if it was not asked for. */
  readonly dx: Tensor | undefined
  readonly dWeight: Tensor1D // [channels]
  readonly dBias: Tensor1D // [channels]
}

/**
 * The gradient of {@link batchNorm}, through the statistics of the batch as well.
 *
 * Kernel `DigitlabBatchNormGrad`, whose output dx is there where it is asked for.
 *
 * @param dy in the shape of x; @param forward what `batchNorm` returned for x
 */
export const batchNormGrad = (
  dy: Tensor,
  x: Tensor,
  weight: Tensor1D,
  { mean, inverseDeviation }: Pick<BatchNormForward, 'mean' | 'inverseDeviation'>,
  needsInputGradient: boolean,
): BatchNormGradients => {
  const given = { dy, x, weight, mean, inverseDeviation }
  if (hasKernel('batchNormGrad')) {
    const { dx, dWeight, dBias } = runKernel('batchNormGrad', given, { needsInputGradient })
    return { dx, dWeight: dWeight as Tensor1D, dBias: dBias as Tensor1D }
  }
  const { count, channels } = kernelContracts.DigitlabBatchNormGrad.sizes(given, { needsInputGradient })
  const [dWeight, dBias, dx] = tidy((): Tensor[] => {
    const rows = reshape(dy, [count, channels])
    const normalized = mul(sub(reshape(x, [count, channels]), mean), inverseDeviation)
    const [dWeight, dBias] = [sum(mul(rows, normalized), 0), sum(rows, 0)]
    if (!needsInputGradient) return [dWeight, dBias]
    const centered = sub(sub(rows, div(dBias, count)), mul(normalized, div(dWeight, count)))
    return [dWeight, dBias, reshape(mul(centered, mul(inverseDeviation, weight)), x.shape)]
  })
  return { dx, dWeight: dWeight as Tensor1D, dBias: dBias as Tensor1D }
}
