import type { Split } from './dataset'
import { bytesOfImage, type ImageShape } from './image-shape'

/**
 * Some images of a split, whether they are in memory or streamed.
 *
 * @returns [indices.length, height, width] or [..., 3] bytes, in the order of the indices
 */
export const imagesOf = (
  { images, stream }: Pick<Split, 'images' | 'stream'>,
  imageShape: ImageShape,
  indices: ArrayLike<number>,
): Uint8Array => {
  const pixels = bytesOfImage(imageShape)
  const wanted = Int32Array.from(indices)
  const found = new Uint8Array(wanted.length * pixels)
  const one = (from: Uint8Array, at: number, to: number) =>
    found.set(from.subarray(at * pixels, (at + 1) * pixels), to * pixels)
  if (!stream) {
    wanted.forEach((index, i) => one(images, index, i))
    return found
  }
  const stored = [...new Set(wanted)].sort((a, b) => a - b)
  const read = new Uint8Array(stored.length * pixels)
  stream.read(Int32Array.from(stored), read)
  const places = new Map(stored.map((index, place) => [index, place]))
  wanted.forEach((index, i) => one(read, places.get(index) ?? 0, i))
  return found
}
