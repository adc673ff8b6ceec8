import { defineKernel } from './kernel'

/** Kernel: `assembly/batch-norm.ts`; contract: `batchNorm` of @digitlab/ops. */
export const batchNorm = defineKernel(
  'DigitlabBatchNorm',
  (
    { address, output, kernels, share, took },
    { x, weight, bias, runningMean, runningVariance, batches },
    { momentum, epsilon },
    { count, channels },
  ) => {
    took('batchNorm')
    const y = output(x.shape, 'float32')
    const [mean, inverseDeviation] = [output([channels], 'float32'), output([channels], 'float32')]
    const room = kernels.batchNormScratch(channels)
    const byChannel = { items: channels, grain: 4, room }
    const byRow = { items: count, room }
    const statistics = [address(mean), address(inverseDeviation)] as const
    const running = [address(runningMean), address(runningVariance), momentum, epsilon] as const
    share('batchNormStatistics', byChannel, address(x), count, channels, ...statistics, ...running)
    kernels.countBatch(address(batches))
    const tensors = [address(x), address(y), address(weight), address(bias)] as const
    share('batchNormValues', byRow, ...tensors, ...statistics, channels)
    return { y, mean, inverseDeviation }
  },
)

/** Kernel: `assembly/batch-norm.ts`; contract: `batchNormGrad` of @digitlab/ops. */
export const batchNormGrad = defineKernel(
  'DigitlabBatchNormGrad',
  (
    { address, output, kernels, share, took },
    { dy, x, weight, mean, inverseDeviation },
    { needsInputGradient },
    { count, channels },
  ) => {
    took('batchNormGrad')
    const [dWeight, dBias] = [output([channels], 'float32'), output([channels], 'float32')]
    const dx = needsInputGradient ? output(x.shape, 'float32') : undefined
    const room = kernels.batchNormScratch(channels)
    const byChannel = { items: channels, grain: 4, room }
    const byRow = { items: count, room }
    const statistics = [address(mean), address(inverseDeviation)] as const
    const sums = [address(dWeight), address(dBias)] as const
    share('batchNormSums', byChannel, address(dy), address(x), count, channels, ...statistics, ...sums)
    if (dx)
      share(
        ...(['batchNormGrad', byRow, address(dy), address(x), address(dx), address(weight)] as const),
        ...[...statistics, ...sums, count, channels],
      )
    return { dWeight, dBias, dx }
  },
)
