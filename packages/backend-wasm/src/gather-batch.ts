import { OpsError } from '@digitlab/ops/backend'
import { defineKernel } from './kernel'

/** Kernel: `assembly/gather-batch.ts`; contract: `batchSource` of @digitlab/ops. */
export const gatherBatch = defineKernel(
  'DigitlabGatherBatch',
  (
    { address, output, varyShared },
    { images, labels, order },
    { start, size, mean, std },
    { count, pixels, shape, length },
  ) => {
    const batchImages = output(shape, 'float32')
    const batchLabels = output([size], 'int32')
    const inputs = [address(images), address(labels), count] as const
    const first = address(order)
    const outputs = [address(batchImages), address(batchLabels)] as const
    /** A repetition brings a start of its own. */
    const from = (start: number): number => {
      if (start >= 0 && start + size <= length) return first + 4 * start
      throw new OpsError(`a batch of ${size} from position ${start} is not within an order of ${length}`)
    }
    const split = { items: size, grain: 4 }
    varyShared(
      (share, { start }) => {
        const tensors = [...inputs, from(start), pixels, ...outputs] as const
        if (mean === 0 && std === 1) share('gatherBatch', split, ...tensors)
        else share('gatherNormalized', split, ...tensors, mean, std)
      },
      { start, step: 0 },
    )
    return { batchImages, batchLabels }
  },
)
