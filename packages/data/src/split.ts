// A data set of training images alone: some of them are set aside to test on, where that is asked for.
import { MersenneTwister, randperm } from '@digitlab/random'
import { DataError } from './data-error'
import type { DatasetFiles } from './dataset'
import type { NumericData } from './numbers'
import type { StoredArray } from './stored-array'

/**
 * Sets a part of the images aside to test on: the first of `torch.randperm(count)` from seed 0. Both parts stay in their order.
 *
 * @param part how much of them, between 0 and 1
 * @throws DataError if a part has no image
 */
export const splitArrays = (images: StoredArray, labels: StoredArray, part: number): DatasetFiles<StoredArray> => {
  const [count = 0] = images.shape
  const aside = Math.round(count * part)
  if (aside < 1 || aside >= count)
    throw new DataError(
      `expected a part that sets at least one of ${count} images aside and leaves one, found ${part} (${images.name}): choose another`,
    )
  const drawn = randperm(new MersenneTwister(0), count)
  const [test, train] = [drawn.slice(0, aside).sort(), drawn.slice(aside).sort()]
  const parts = (array: StoredArray) => {
    let whole: Promise<NumericData> | undefined
    const take = (indices: Int32Array, name: string): StoredArray => ({
      ...array,
      name: `${array.name} (${name})`,
      shape: [indices.length, ...array.shape.slice(1)],
      read: async () => rowsOf(await (whole ??= array.read()), indices, array.shape),
    })
    return [take(train, 'to train on'), take(test, 'set aside')] as const
  }
  const [[trainImages, testImages], [trainLabels, testLabels]] = [parts(images), parts(labels)]
  return { trainImages, trainLabels, testImages, testLabels }
}

/** Some records of an array, in the order of their indices. */
export const rowsOf = <T extends NumericData>(data: T, indices: Int32Array, shape: readonly number[]): T => {
  const values = shape.slice(1).reduce((product, size) => product * size, 1)
  const rows = new (data.constructor as new (length: number) => T)(indices.length * values)
  indices.forEach((index, i) => rows.set(data.subarray(index * values, (index + 1) * values), i * values))
  return rows
}
