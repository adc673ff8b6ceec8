import { defineKernel } from './kernel'

/** Kernel: `assembly/batch-norm.ts`; contract: `batchNorm` of @digitlab/ops. */
export const batchNorm = defineKernel(
  'DigitlabBatchNorm',
  (
    { address, output, scratch, kernels, took },
    { x, weight, bias, runningMean, runningVariance, batches },
    { momentum, epsilon },
    { count, channels },
  ) => {
    took('batchNorm')
    const y = output(x.shape, 'float32')
    const [mean, inverseDeviation] = [output([channels], 'float32'), output([channels], 'float32')]
    const room = scratch(kernels.batchNormScratch(channels))
    const statistics = [address(mean), address(inverseDeviation)] as const
    kernels.batchNormStatistics(
      ...[address(x), count, channels, ...statistics, address(runningMean), address(runningVariance)],
      ...[momentum, epsilon, 0, channels, room],
    )
    kernels.countBatch(address(batches))
    kernels.batchNormValues(
      ...[address(x), address(y), address(weight), address(bias), ...statistics, channels, 0, count, room],
    )
    return { y, mean, inverseDeviation }
  },
)

/** Kernel: `assembly/batch-norm.ts`; contract: `batchNormGrad` of @digitlab/ops. */
export const batchNormGrad = defineKernel(
  'DigitlabBatchNormGrad',
  (
    { address, output, scratch, kernels, took },
    { dy, x, weight, mean, inverseDeviation },
    { needsInputGradient },
    { count, channels },
  ) => {
    took('batchNormGrad')
    const [dWeight, dBias] = [output([channels], 'float32'), output([channels], 'float32')]
    const dx = needsInputGradient ? output(x.shape, 'float32') : undefined
    const room = scratch(kernels.batchNormScratch(channels))
    const statistics = [address(mean), address(inverseDeviation)] as const
    const sums = [address(dWeight), address(dBias)] as const
    kernels.batchNormSums(address(dy), address(x), count, channels, ...statistics, ...sums, 0, channels, room)
    if (dx)
      kernels.batchNormGrad(
        ...[address(dy), address(x), address(dx), address(weight), ...statistics, ...sums],
        ...[count, channels, 0, count, room],
      )
    return { dWeight, dBias, dx }
  },
)
