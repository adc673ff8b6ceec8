/**
 * Mean and standard deviation of pixels from 0 to 1, to four digits, as they are written for torchvision's `Normalize`: of MNIST's
 * training images 0.1307 and 0.3081.
 *
 * @param images bytes of any number of images
 */
export const pixelStatistics = (images: Uint8Array): { readonly mean: number; readonly std: number } => {
  const counts = countsOf(images)
  const mean = counts.reduce((sum, count, byte) => sum + count * byte, 0) / images.length / 255
  const variance = counts.reduce((sum, count, byte) => sum + count * (byte / 255 - mean) ** 2, 0) / images.length
  const rounded = (value: number) => Number(value.toFixed(4))
  return { mean: rounded(mean), std: rounded(Math.sqrt(variance)) }
}

/** How often each byte occurs. Most are background, which is skipped four at a time. */
const countsOf = (bytes: Uint8Array): Float64Array => {
  const counts = new Float64Array(256)
  const count = (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      const byte = bytes[i] as number
      counts[byte] = (counts[byte] as number) + 1
    }
  }
  const first = Math.min(bytes.length, (4 - (bytes.byteOffset % 4)) % 4)
  const fours = Math.floor((bytes.length - first) / 4)
  const words = fours > 0 ? new Uint32Array(bytes.buffer, bytes.byteOffset + first, fours) : new Uint32Array(0)
  count(0, first)
  let empty = 0
  for (let i = 0; i < fours; i++)
    if (words[i] === 0) empty += 4
    else count(first + 4 * i, first + 4 * i + 4)
  count(first + 4 * fours, bytes.length)
  counts[0] = (counts[0] as number) + empty
  return counts
}
