import { kernelNames } from '@digitlab/ops'
import { defineKernel } from './kernel'

/** Kernel: `assembly/gather-batch.ts`; contract: `batchSource` of @digitlab/ops. */
export const gatherBatch = defineKernel(
  kernelNames.gatherBatch,
  ['images', 'labels', 'order'],
  (
    { address, output, vary },
    [images, labels, order],
    { start, size }: { readonly start: number; readonly size: number },
  ) => {
    const shape = images.shape.slice(1) // [height, width, 1]
    const batchImages = output([size, ...shape], 'float32')
    const batchLabels = output([size], 'int32')
    const pixels = shape.reduce((product, side) => product * side, 1)
    const inputs = [address(images), address(labels)] as const
    const first = address(order)
    const outputs = [address(batchImages), address(batchLabels)] as const
    vary(({ gatherBatch }, { start }) => void gatherBatch(...inputs, first + 4 * start, size, pixels, ...outputs), {
      start,
      step: 0,
    })
    return [batchImages, batchLabels]
  },
)
