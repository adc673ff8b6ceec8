import { blocksFor, defineKernel, elementThreads } from './kernel'

/** Kernels: `cuda/dropout.cu`; contract: `dropout` of @digitlab/ops. */
export const dropout = defineKernel(
  'DigitlabDropout',
  (tensors, { x }, { p, generator, channels }, { batch, positions }) => {
    const [y, mask] = [tensors.output(x.shape, 'float32'), tensors.output(x.shape, 'float32')]
    const size = batch * positions * channels
    if (size === 0) return { y, mask }
    const drawn = tensors.output([size, 2], 'int32')
    const [from, words] = [tensors.generators.take(generator), tensors.address(drawn)]
    // The draws depend on the generator alone: a repeated step makes them while it computes what to drop.
    tensors.device.launch({
      kernel: 'drawWords',
      blocks: [1],
      threads: 448,
      arguments: [from, words, size],
      aside: true,
    })
    // A value stays where 53 random bits are below (1 - p) 2^53, which a float64 holds exactly.
    const threshold = Math.ceil((1 - p) * 2 ** 53)
    tensors.device.launch({
      kernel: 'dropout',
      blocks: blocksFor(size),
      threads: elementThreads,
      arguments: [
        ...[tensors.address(x), words, tensors.address(y), tensors.address(mask)],
        ...[size, positions, channels, threshold, 1 / (1 - p)],
      ],
    })
    tensors.disposeData(drawn.dataId)
    return { y, mask }
  },
)
