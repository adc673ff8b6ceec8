// The contract has checked the range against the order: each `!` is in range.
import { scaledBytes } from '@digitlab/ops/backend'
import { defineKernel } from './kernel'

/** Images and labels at positions start .. start + size - 1 of the order, the images as floats from 0 to 1. */
export const gatherBatch = defineKernel(
  'DigitlabGatherBatch',
  ({ values, output }, { images, labels, order }, { start, size, mean, std }, { count, pixels, shape }) => {
    const scaled = scaledBytes({ mean, std })
    const [bytes, targets, indices] = [
      values<Uint8Array>(images),
      values<Int32Array>(labels),
      values<Int32Array>(order),
    ]
    const batchImages = new Float32Array(size * pixels)
    const batchLabels = new Int32Array(size)
    // Four of five pixels are zero, and zeros are there already: four bytes at a time where they lie on words.
    const words =
      scaled[0] === 0 && pixels % 4 === 0 && bytes.byteOffset % 4 === 0
        ? new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
        : undefined
    for (let i = 0; i < size; i++) {
      const image = indices[start + i]!
      const [from, to] = [image * pixels, i * pixels]
      if (image < 0 || image >= count) {
        batchLabels[i] = -1
        batchImages.fill(NaN, to, to + pixels)
        continue
      }
      batchLabels[i] = targets[image]!
      if (words) {
        for (let p = 0; p < pixels; p += 4) {
          if (words[(from + p) >> 2] === 0) continue
          for (let q = p; q < p + 4; q++) batchImages[to + q] = scaled[bytes[from + q]!]!
        }
      } else for (let p = 0; p < pixels; p++) batchImages[to + p] = scaled[bytes[from + p]!]!
    }
    return { batchImages: output(shape, batchImages), batchLabels: output([size], batchLabels, 'int32') }
  },
)
