import { kernelNames } from '@digitlab/ops'
import { defineKernel } from './kernel'

/** Kernel: `assembly/gather-batch.ts`; contract: `batchSource` of @digitlab/ops. */
export const gatherBatch = defineKernel(
  kernelNames.gatherBatch,
  ['images', 'labels', 'order'],
  (
    { address, output, kernels },
    [images, labels, order],
    { start, size }: { readonly start: number; readonly size: number },
  ) => {
    const shape = images.shape.slice(1) // [height, width, 1]
    const batchImages = output([size, ...shape], 'float32')
    const batchLabels = output([size], 'int32')
    const pixels = shape.reduce((product, side) => product * side, 1)
    const first = address(order) + 4 * start
    const outputs = [address(batchImages), address(batchLabels)] as const
    kernels.gatherBatch(address(images), address(labels), first, size, pixels, ...outputs)
    return [batchImages, batchLabels]
  },
)
