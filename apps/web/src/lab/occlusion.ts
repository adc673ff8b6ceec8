// Which ink speaks for the class that a net sees in a drawing: parts of it are erased one by one, and the net is asked again. Source: Zeiler
// and Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2.
import type { Model } from '@digitlab/models'
import { logits, type Weights } from '@digitlab/models/compute'
import type { NormalizeOptions } from '@digitlab/train'
import { tensor4d } from '@tensorflow/tfjs-core'
import type { Evidence } from '../protocol'
import { scaled } from './activations'

/** Larger images take longer than somebody who draws would wait. */
const mostPixels = 64 * 64
/** So many are asked at a time: their activations have to fit into memory. */
const batch = 64

/** A square of the image that is erased. */
interface Patch {
  readonly top: number
  readonly left: number
  readonly size: number
}

/** Squares that overlap by half and reach over the edges, so that every pixel is in four of them. */
const patchesOf = (height: number, width: number): Patch[] => {
  const half = Math.max(1, Math.round(Math.min(height, width) / 14))
  const starts = (side: number) => Array.from({ length: Math.ceil(side / half) + 1 }, (_, i) => (i - 1) * half)
  return starts(height).flatMap((top) => starts(width).map((left) => ({ top, left, size: 2 * half })))
}

/** Calls back with the place of each pixel of a patch that is in the image. */
const eachPixel = ({ top, left, size }: Patch, height: number, width: number, visit: (pixel: number) => void): void => {
  for (let y = Math.max(0, top); y < Math.min(height, top + size); y++)
    for (let x = Math.max(0, left); x < Math.min(width, left + size); x++) visit(y * width + x)
}

/** The image without what a patch covers: paper, or of a coloured image its mean colour. Undefined where that changes nothing. */
const erased = (image: Uint8Array, paper: readonly number[], patch: Patch, height: number, width: number) => {
  const result = image.slice()
  const channels = paper.length
  let changed = false
  eachPixel(patch, height, width, (pixel) => {
    for (let channel = 0; channel < channels; channel++) {
      const at = pixel * channels + channel
      changed ||= result[at] !== paper[channel]
      result[at] = paper[channel] ?? 0
    }
  })
  return changed ? result : undefined
}

const paperOf = (image: Uint8Array, channels: number): number[] => {
  if (channels === 1) return [0]
  const sums = Array<number>(channels).fill(0)
  image.forEach((value, i) => (sums[i % channels] = (sums[i % channels] ?? 0) + value))
  return sums.map((sum) => Math.round((sum * channels) / image.length))
}

/** The logarithm of how many times likelier a class is than all the others together. */
const logOdds = (row: Float32Array, label: number): number => {
  const others = row.filter((_, other) => other !== label)
  const most = Math.max(...others)
  return (row[label] ?? 0) - most - Math.log(others.reduce((sum, value) => sum + Math.exp(value - most), 0))
}

/**
 * What of an image speaks for the class that the model sees in it, and what against.
 *
 * @param image bytes in the model's own shape, [height, width, channels]
 * @returns the class, and for each pixel how much the class's log odds fall where the ink around it is erased, from -127 to 127;
 * undefined for an image that is too large
 */
export const occlusion = async (
  model: Model,
  weights: Weights,
  image: Uint8Array,
  { mean, std }: NormalizeOptions = { mean: 0, std: 1 },
): Promise<Pick<Evidence, 'label' | 'values'> | undefined> => {
  const [height, width, channels] = model.definition.input
  if (height * width > mostPixels || model.classes < 2) return undefined
  const rowsOf = async (images: readonly Uint8Array[]): Promise<Float32Array[]> => {
    const pixels = new Float32Array(images.length * image.length)
    images.forEach((one, n) => one.forEach((shade, i) => (pixels[n * image.length + i] = (shade / 255 - mean) / std)))
    const input = tensor4d(pixels, [images.length, height, width, channels])
    const output = logits(model, weights, input)
    try {
      const values = (await output.data()) as Float32Array // [images, classes]
      return images.map((_, n) => values.slice(n * model.classes, (n + 1) * model.classes))
    } finally {
      output.dispose()
      input.dispose()
    }
  }
  const [whole = new Float32Array(model.classes)] = await rowsOf([image])
  const label = whole.indexOf(Math.max(...whole))
  const paper = paperOf(image, channels)
  const tried = patchesOf(height, width).flatMap((patch) => {
    const without = erased(image, paper, patch, height, width)
    return without ? [{ patch, without }] : []
  })
  const sums = new Float64Array(height * width)
  const before = logOdds(whole, label)
  for (let from = 0; from < tried.length; from += batch) {
    const some = tried.slice(from, from + batch)
    const rows = await rowsOf(some.map(({ without }) => without))
    some.forEach(({ patch }, n) => {
      const lost = before - logOdds(rows[n] ?? whole, label)
      if (Number.isFinite(lost)) eachPixel(patch, height, width, (pixel) => (sums[pixel] = (sums[pixel] ?? 0) + lost))
    })
  }
  return { label, values: scaled(sums) }
}
