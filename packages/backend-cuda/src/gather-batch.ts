import { variables } from './device'
import { defineKernel } from './kernel'

/** Kernel: `cuda/gather-batch.cu`; contract: `batchSource` of @digitlab/ops. */
export const gatherBatch = defineKernel(
  'DigitlabGatherBatch',
  (tensors, { images, labels, order }, { start, size, mean, std }, { count, pixels, shape, length }) => {
    const batchImages = tensors.output(shape, 'float32')
    const batchLabels = tensors.output([size], 'int32')
    const addresses = [images, labels, order, batchImages, batchLabels].map((tensor) => tensors.address(tensor))
    tensors.device.launch({
      kernel: 'gatherBatch',
      blocks: [size],
      threads: 256,
      arguments: [...addresses, pixels, count, length, mean, std, start, variables],
    })
    return { batchImages, batchLabels }
  },
)
