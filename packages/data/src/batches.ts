import { DataError } from './data-error'

/**
 * Cuts an order of images into batches: views of `order`, each of `batchSize` indices, the last one of what is left.
 *
 * @throws DataError if batchSize is not an integer from 1
 */
export function* batches(order: Int32Array, batchSize: number): Generator<Int32Array> {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new DataError(`a batch holds at least 1 image, not ${batchSize}`)
  for (let start = 0; start < order.length; start += batchSize) yield order.subarray(start, start + batchSize)
}
