import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { CudaTensors } from './cuda-tensors'
import { defineKernel, struct } from './kernel'

/** Threads of a block, as in `cuda/batch-norm.cu`, and rows of a thread where there are blocks enough. */
const threads = 1024
const summedRows = 8
const storedRows = 4
/** Bytes of the two sums of a channel, float64. */
const sumsBytes = 16

/** Blocks of a launch, at most: enough for every processor of the largest GPUs, few enough to add up what they leave. */
const mostBlocks = 128

/**
 * How a call is divided. By the shape alone and not by the GPU, so that sums are added in the same order everywhere.
 *
 * @returns the channels of a block, blocks that lie across the channels, shards of the rows, blocks that share the rows of a result
 */
export const normPlan = (count: number, channels: number) => {
  const width = channels < 32 ? channels : 16
  const across = Math.ceil(channels / width)
  const down = (rowsOfThread: number) =>
    Math.max(1, Math.min(Math.ceil((count * width) / (threads * rowsOfThread)), Math.floor(mostBlocks / across)))
  const shards = down(summedRows)
  // One shard's sums are made by the block that needs them.
  return { width, across, shards, parts: shards === 1 ? 1 : down(storedRows) }
}

interface Division {
  /** The struct `Normalized` of the kernel that makes the results, and its blocks. */
  readonly of: ArrayBuffer
  readonly blocks: readonly [number, number]
  /** Null where there are none; to be disposed of by {@link dispose}. */
  readonly partials: number
  readonly dispose: () => void
}

/**
 * Sums up the shards where there are several.
 *
 * @param kernel takes the addresses, that of the partial sums and the struct
 */
const summed = (
  tensors: CudaTensors,
  kernel: 'batchNormSums' | 'batchNormGradSums',
  inputs: readonly TensorInfo[],
  { count, channels }: { readonly count: number; readonly channels: number },
): Division => {
  const { width, across, shards, parts } = normPlan(count, channels)
  const blocks = [across, parts] as const
  if (shards === 1) return { of: struct(count, channels, width, 0, count), blocks, partials: 0, dispose: () => {} }
  const partials = tensors.output([shards, channels, sumsBytes / 4], 'float32')
  const address = tensors.address(partials)
  tensors.device.launch({
    kernel,
    blocks: [across, shards],
    threads,
    arguments: [
      ...inputs.map((tensor) => tensors.address(tensor)),
      ...[address, struct(count, channels, width, shards, Math.ceil(count / shards))],
    ],
  })
  return {
    of: struct(count, channels, width, shards, Math.ceil(count / parts)),
    ...{ blocks, partials: address, dispose: () => void tensors.disposeData(partials.dataId) },
  }
}

/** Kernel: `cuda/batch-norm.cu`; contract: `batchNorm` of @digitlab/ops. */
export const batchNorm = defineKernel(
  'DigitlabBatchNorm',
  (tensors, { x, weight, bias, runningMean, runningVariance, batches }, { momentum, epsilon }, sizes) => {
    const y = tensors.output(x.shape, 'float32')
    const [mean, inverseDeviation] = [0, 1].map(() => tensors.output([sizes.channels], 'float32')) as [
      TensorInfo,
      TensorInfo,
    ]
    const { of, blocks, partials, dispose } = summed(tensors, 'batchNormSums', [x], sizes)
    tensors.device.launch({
      kernel: 'batchNorm',
      blocks,
      threads,
      arguments: [
        ...[tensors.address(x), partials],
        ...[weight, bias, runningMean, runningVariance, batches, y, mean, inverseDeviation].map((tensor) =>
          tensors.address(tensor),
        ),
        ...[of, momentum, epsilon],
      ],
    })
    dispose()
    return { y, mean, inverseDeviation }
  },
)

/** Kernel: `cuda/batch-norm.cu`; contract: `batchNormGrad` of @digitlab/ops. */
export const batchNormGrad = defineKernel(
  'DigitlabBatchNormGrad',
  (tensors, { dy, x, weight, mean, inverseDeviation }, { needsInputGradient }, sizes) => {
    const dWeight = tensors.output([sizes.channels], 'float32')
    const dBias = tensors.output([sizes.channels], 'float32')
    const dx = needsInputGradient ? tensors.output(x.shape, 'float32') : undefined
    const { of, blocks, partials, dispose } = summed(tensors, 'batchNormGradSums', [dy, x, mean], sizes)
    tensors.device.launch({
      kernel: 'batchNormGrad',
      blocks: dx ? blocks : [blocks[0], 1],
      threads,
      arguments: [
        ...[tensors.address(dy), tensors.address(x), partials],
        ...[weight, mean, inverseDeviation, dWeight, dBias].map((tensor) => tensors.address(tensor)),
        ...[dx ? tensors.address(dx) : 0, of],
      ],
    })
    dispose()
    return { dWeight, dBias, dx }
  },
)
