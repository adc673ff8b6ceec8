// Training images as an epoch sees them. What an image becomes depends on the seed, the epoch and the image alone (a mixed one's share on
// its batch as well): not on who makes it, or when. Arrays have the lengths that their makers gave them: each `!` is in range.
import type { ImageShape } from '@digitlab/data'
import { Philox } from '@digitlab/random'
import type { Coordinates, ImageSize, Mix, Paint, Warp } from './augmentation-type'
import { augmentationsOf, type Experiment } from './complete-experiment'
import type { Extensions } from './extensions'
import { TrainError } from './train-error'

/** What images are made from. */
export interface ImageSource {
  /** Bytes, [count, height, width] or [count, height, width, 3]. */
  readonly images: Uint8Array
  readonly imageShape: ImageShape
  /** Those that are trained on, which mixed images are made of: indices into the images. */
  readonly trained: Int32Array
}

/** Makes training images. */
export interface Augmenter {
  /**
   * Writes the images at positions start, start + 1 ... of an epoch's order.
   *
   * @param epoch from 1
   * @param indices which images are there
   * @param into as many bytes as they have
   */
  render(epoch: number, start: number, indices: Int32Array, into: Uint8Array): void
  /** Where images are mixed: with which, and how much of a batch's images is their own, in 255ths. */
  readonly mixing?: {
    readonly partner: (epoch: number, index: number) => number
    readonly share: (epoch: number, batch: number) => number
  }
}

/** What a stream of random numbers is for: the third word of its counter. */
const purposes = { image: 0, partner: 1, batch: 2 } as const

/**
 * The augmentation of an experiment. Random numbers are those of Philox4x32-10, its key the experiment's seed and the epoch (from 1), its
 * counter the image's index (of a batch, its number in the epoch), the augmentation's place in the list, and what is drawn: 0 for an
 * image, 1 for the image that it is mixed with, 2 for a batch's share.
 *
 * @returns undefined if an experiment has none
 * @throws TrainError if options do not fit images of this size
 */
export const createAugmenter = (
  experiment: Experiment,
  { images, imageShape, trained }: ImageSource,
  extensions: Extensions,
): Augmenter | undefined => {
  const [height, width, channels = 1] = imageShape
  const size = [height, width] as const
  const stages = stagesOf(experiment, size, extensions)
  if (stages.length === 0) return undefined
  const pixels = height * width
  const draws = new Philox()
  const at: Coordinates = { x: new Float64Array(pixels), y: new Float64Array(pixels) }
  const streamOf = (epoch: number, number: number, place: number, purpose: number) =>
    draws.seek([experiment.seed, epoch], [number, place, purpose])
  const place = stages.findIndex(({ mix }) => mix !== undefined)
  const mix = stages[place]?.mix
  const partner = (epoch: number, index: number): number =>
    trained[Math.floor(streamOf(epoch, index, place, purposes.partner).uniform(0, trained.length))]!
  const share = (epoch: number, batch: number): number =>
    Math.round(255 * (mix as Mix)(streamOf(epoch, batch, place, purposes.batch)))

  /** The stages `from` to `to` - 1 of an image; neighbouring warps are one, so that it is interpolated once. */
  const pass = (epoch: number, index: number, from: number, to: number, image: Uint8Array, room: Uint8Array) => {
    for (let first = from; first < to;) {
      const { paint } = stages[first]!
      if (paint) {
        paint(streamOf(epoch, index, first, purposes.image), image)
        first++
        continue
      }
      let end = first + 1
      while (end < to && stages[end]?.warp) end++
      identity(at, width)
      // The last one says where in the image before it a pixel is, and so on to the first.
      for (let stage = end - 1; stage >= first; stage--)
        (stages[stage]!.warp as Warp)(streamOf(epoch, index, stage, purposes.image), at)
      room.set(image)
      sample(room, image, at, size)
      first = end
    }
  }
  const [room, other] = [new Uint8Array(pixels), new Uint8Array(pixels)]
  const take = (index: number, channel: number, image: Uint8Array) => {
    if (channels === 1) return image.set(images.subarray(index * pixels, (index + 1) * pixels))
    for (let p = 0; p < pixels; p++) image[p] = images[(index * pixels + p) * channels + channel]!
  }
  /** A channel of an image as the epoch has it. @param batch its number in the epoch */
  const make = (epoch: number, batch: number, index: number, channel: number, image: Uint8Array) => {
    take(index, channel, image)
    pass(epoch, index, 0, mix ? place : stages.length, image, room)
    if (!mix) return
    const own = share(epoch, batch)
    if (own < 255) {
      const with_ = partner(epoch, index)
      take(with_, channel, other)
      pass(epoch, with_, 0, place, other, room)
      for (let p = 0; p < pixels; p++) image[p] = Math.floor((own * image[p]! + (255 - own) * other[p]! + 127) / 255)
    }
    pass(epoch, index, place + 1, stages.length, image, room)
  }
  const plane = new Uint8Array(pixels)
  return {
    render(epoch, start, indices, into) {
      for (let i = 0; i < indices.length; i++) {
        const batch = Math.floor((start + i) / experiment.batchSize)
        if (channels === 1) {
          make(epoch, batch, indices[i]!, 0, into.subarray(i * pixels, (i + 1) * pixels))
          continue
        }
        // Streams of random numbers begin anew for each channel: what is drawn for an image is the same for all of them.
        for (let channel = 0; channel < channels; channel++) {
          make(epoch, batch, indices[i]!, channel, plane)
          for (let p = 0; p < pixels; p++) into[(i * pixels + p) * channels + channel] = plane[p]!
        }
      }
    },
    ...(mix ? { mixing: { partner, share } } : {}),
  }
}

/** An augmentation that is prepared for images of a size: it has one of the three. */
interface Stage {
  readonly warp?: Warp | undefined
  readonly paint?: Paint | undefined
  readonly mix?: Mix | undefined
}

const stagesOf = (experiment: Experiment, size: ImageSize, extensions: Extensions): Stage[] =>
  augmentationsOf(experiment, extensions).map(({ type, options }) => {
    const refused = type.refuses?.(options, size)
    if (refused !== undefined) throw new TrainError(`the augmentation ${type.name} ${refused}`)
    return {
      warp: type.warp?.(options, size),
      paint: type.paint?.(options, size),
      mix: type.mix?.(options, size),
    }
  })

/** Refuses an augmentation whose options do not fit the images. @throws TrainError with both values */
export const checkAugmentation = (experiment: Experiment, size: ImageSize, extensions: Extensions): void => {
  stagesOf(experiment, size, extensions)
}

/** Every pixel where it is. */
const identity = ({ x, y }: Coordinates, width: number): void => {
  for (let i = 0, row = 0, column = 0; i < x.length; i++) {
    x[i] = column
    y[i] = row
    if (++column === width) [column, row] = [0, row + 1]
  }
}

/**
 * Bytes at coordinates between pixels: bilinear, black beyond the image, rounded to the nearest byte, halves up. As PyTorch's
 * `grid_sample(mode='bilinear', padding_mode='zeros', align_corners=False)`.
 */
const sample = (from: Uint8Array, to: Uint8Array, { x, y }: Coordinates, [height, width]: ImageSize): void => {
  for (let i = 0; i < to.length; i++) {
    // Plain variables: this is done for every pixel of an epoch.
    const column = x[i]!
    const row = y[i]!
    const left = Math.floor(column)
    const top = Math.floor(row)
    const u = column - left
    const v = row - top
    const at = top * width + left
    if (left >= 0 && top >= 0 && left < width - 1 && top < height - 1) {
      const a = from[at]!
      const b = from[at + 1]!
      const c = from[at + width]!
      const d = from[at + width + 1]!
      // Most of a digit is black.
      to[i] = (a | b | c | d) === 0 ? 0 : Math.floor((1 - v) * ((1 - u) * a + u * b) + v * ((1 - u) * c + u * d) + 0.5)
      continue
    }
    const [inLeft, inRight] = [left >= 0 && left < width, left >= -1 && left < width - 1]
    const [inTop, inBottom] = [top >= 0 && top < height, top >= -1 && top < height - 1]
    const upper = inTop ? (1 - u) * (inLeft ? from[at]! : 0) + u * (inRight ? from[at + 1]! : 0) : 0
    const lower = inBottom ? (1 - u) * (inLeft ? from[at + width]! : 0) + u * (inRight ? from[at + width + 1]! : 0) : 0
    to[i] = Math.floor((1 - v) * upper + v * lower + 0.5)
  }
}
