import { OpsError } from '@digitlab/ops/backend'
import { defineKernel } from './kernel'

/** Kernel: `assembly/gather-batch.ts`; contract: `batchSource` of @digitlab/ops. */
export const gatherBatch = defineKernel(
  'DigitlabGatherBatch',
  (
    { address, output, vary, varyShared },
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
    const variables = { start, step: 0 }
    if (mean === 0 && std === 1)
      varyShared((share, { start }) => {
        share('gatherBatch', { items: size, grain: 4 }, ...inputs, from(start), pixels, ...outputs)
      }, variables)
    else
      vary(({ gatherNormalized }, { start }) => {
        gatherNormalized(...inputs, from(start), size, pixels, ...outputs, mean, std)
      }, variables)
    return { batchImages, batchLabels }
  },
)
