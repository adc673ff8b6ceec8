// Images as they are stored on their way to bytes: floats are scaled where that was asked for, colours made grey unless they are to be kept.
import { DataError } from './data-error'
import { greyOf } from './picture-pixels'
import type { Preparation } from './preparation'
import type { StoredArray } from './stored-array'

/**
 * The images as uint8 [count, height, width] or, where three channels are asked for, [count, height, width, 3]; what the preparation does
 * not say how to make bytes of stays as it is, to be refused with what to say.
 *
 * @param onNotice told where colours were made grey and nobody had asked for it
 */
export const asBytes = (
  images: StoredArray,
  { range, channels }: Preparation,
  onNotice: (sentence: string) => void = () => {},
): StoredArray => {
  const scaled = range && /^(float|bool|u?int)/.test(images.type) ? scaledBy(images, range) : images
  if (channels === 3 || !isColour(scaled) || scaled.type !== 'uint8') return scaled
  if (channels === undefined)
    onNotice(`the images of ${images.name} have colours, which were made grey: ask for three channels to keep them`)
  return grey(scaled)
}

/** Whether images have three channels. */
export const isColour = ({ shape }: Pick<StoredArray, 'shape'>): boolean => shape.length === 4 && shape[3] === 3

const scaledBy = (images: StoredArray, [low, high]: readonly [number, number]): StoredArray => ({
  ...images,
  type: 'uint8',
  async read() {
    const values = await images.read()
    const bytes = new Uint8Array(values.length)
    const [, ...sides] = images.shape
    const pixels = sides.reduce((product, size) => product * size, 1)
    values.forEach((value, i) => {
      if (!(value >= low && value <= high))
        throw new DataError(
          `expected pixels from ${low} to ${high}, found ${value} in image ${Math.floor(i / pixels)} (${images.name}): give the range that they have`,
        )
      bytes[i] = Math.round((255 * (value - low)) / (high - low))
    })
    return bytes
  },
})

const grey = (images: StoredArray): StoredArray => {
  const [count = 0, height = 0, width = 0] = images.shape
  return {
    ...images,
    shape: [count, height, width],
    read: async () =>
      greyOf({ data: (await images.read()) as Uint8Array, height: count * height, width, channels: 3 }).data, // uint8 as the shape was judged for
  }
}
