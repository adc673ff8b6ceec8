import { columnPartials } from './column-sums'
import { defineKernel } from './kernel'

/** Kernel: `assembly/batch-norm.ts`; contract: `batchNorm` of @digitlab/ops. */
export const batchNorm = defineKernel(
  'DigitlabBatchNorm',
  (
    instance,
    { x, weight, bias, runningMean, runningVariance, batches },
    { momentum, epsilon },
    { count: rows, channels: columns },
  ) => {
    const { address, output, kernels, share, took } = instance
    took('batchNorm')
    const y = output(x.shape, 'float32')
    const [mean, inverseDeviation] = [output([columns], 'float32'), output([columns], 'float32')]
    const byChannel = { items: columns, grain: 4 }
    const sums = columnPartials(instance, 'plain', { x, rows, columns })
    const means = [rows, columns, address(mean), address(runningMean), momentum] as const
    share('batchNormMeans', byChannel, sums.address, sums.shards, ...means)
    const squares = columnPartials(instance, 'squares', { x, rows, columns, mean })
    const deviations = [rows, columns, address(inverseDeviation), address(runningVariance), momentum, epsilon] as const
    share('batchNormDeviations', byChannel, squares.address, squares.shards, ...deviations)
    kernels.countBatch(address(batches))
    const tensors = [address(x), address(y), address(weight), address(bias)] as const
    const byRow = { items: rows, room: kernels.batchNormRoom(columns) }
    share('batchNormValues', byRow, ...tensors, address(mean), address(inverseDeviation), columns)
    return { y, mean, inverseDeviation }
  },
)

/** Kernel: `assembly/batch-norm.ts`; contract: `batchNormGrad` of @digitlab/ops. */
export const batchNormGrad = defineKernel(
  'DigitlabBatchNormGrad',
  (instance, { dy, x, weight, mean, inverseDeviation }, { needsInputGradient }, { count: rows, channels: columns }) => {
    const { address, output, kernels, share, took } = instance
    took('batchNormGrad')
    const [dWeight, dBias] = [output([columns], 'float32'), output([columns], 'float32')]
    const dx = needsInputGradient ? output(x.shape, 'float32') : undefined
    const { address: partials, shards } = columnPartials(instance, 'products', { x, rows, columns, mean, dy })
    const gradients = [address(dWeight), address(dBias)] as const
    const byChannel = { items: columns, grain: 4 }
    share('batchNormSums', byChannel, partials, shards, columns, address(inverseDeviation), ...gradients)
    const byRow = { items: rows, room: kernels.batchNormRoom(columns) }
    const tensors = [address(dy), address(x), dx ? address(dx) : 0, address(weight)] as const
    const statistics = [address(mean), address(inverseDeviation)] as const
    if (dx) share('batchNormGrad', byRow, ...tensors, ...statistics, ...gradients, rows, columns)
    return { dWeight, dBias, dx }
  },
)
