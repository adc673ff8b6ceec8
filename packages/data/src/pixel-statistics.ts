/**
 * Mean and standard deviation of pixels from 0 to 1, to four digits, as they are written for torchvision's `Normalize`: of MNIST's
 * training images 0.1307 and 0.3081.
 *
 * @param images bytes of any number of images
 */
export const pixelStatistics = (images: Uint8Array): { readonly mean: number; readonly std: number } => {
  const counts = new Float64Array(256)
  for (const byte of images) counts[byte] = (counts[byte] as number) + 1
  const mean = counts.reduce((sum, count, byte) => sum + count * byte, 0) / images.length / 255
  const variance = counts.reduce((sum, count, byte) => sum + count * (byte / 255 - mean) ** 2, 0) / images.length
  const rounded = (value: number) => Number(value.toFixed(4))
  return { mean: rounded(mean), std: rounded(Math.sqrt(variance)) }
}
