import { kernelNames } from '@digitlab/ops'
import { variables } from './device'
import { defineKernel } from './kernel'

/** Kernel: `cuda/gather-batch.cu`; contract: `batchSource` of @digitlab/ops. */
export const gatherBatch = defineKernel(
  kernelNames.gatherBatch,
  ['images', 'labels', 'order'],
  (tensors, [images, labels, order], { start, size }: { readonly start: number; readonly size: number }) => {
    const shape = images.shape.slice(1) // [height, width, 1]
    const batchImages = tensors.output([size, ...shape], 'float32')
    const batchLabels = tensors.output([size], 'int32')
    const pixels = shape.reduce((product, side) => product * side, 1)
    const addresses = [images, labels, order, batchImages, batchLabels].map((tensor) => tensors.address(tensor))
    tensors.device.launch({
      kernel: 'gatherBatch',
      blocks: [size],
      threads: 256,
      arguments: [...addresses, pixels, start, variables],
    })
    return [batchImages, batchLabels]
  },
)
