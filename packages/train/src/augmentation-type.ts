// What an augmentation is: how the training images are changed each time that they are seen, in one object of one file.
import type { CompletedOptions, OptionTable } from '@digitlab/models'

/** Where an augmentation's random numbers come from: a stream of its own for each image of each epoch. */
export interface Draws {
  /** 32 random bits, as an integer. */
  next(): number
  /** A number at least `low` and below `high`. */
  uniform(low: number, high: number): number
}

/** Height and width of the images, in pixels. */
export type ImageSize = readonly [height: number, width: number]

/** For each pixel of an image, row by row, where in the image before it is taken from: a pixel's centre is at its column and row. */
export interface Coordinates {
  readonly x: Float64Array
  readonly y: Float64Array
}

/** Changes where the pixels of one image are taken from, in place. */
export type Warp = (draws: Draws, at: Coordinates) => void

/** Changes the bytes of one image, in place. */
export type Paint = (draws: Draws, image: Uint8Array) => void

/** Draws how much each image of a batch keeps of itself, from 0 to 1; the rest is another image's. */
export type Mix = (draws: Draws) => number

/**
 * An augmentation. It does one of three things: it moves pixels (`warp`), changes them (`paint`), or mixes images and their labels (`mix`).
 * Each is prepared once for images of a size, and then called for one image after another.
 *
 * @typeParam N its name in an experiment
 * @typeParam T its options
 */
export interface AugmentationType<N extends string = string, T extends OptionTable = OptionTable> {
  readonly name: N
  /** What it does, in a line of a command's help or a page's form. */
  readonly says?: string
  readonly options: T
  /** Options that are worth a try, which a page's form begins with: the defaults by default. */
  readonly example?: Partial<CompletedOptions<T>>
  /** Where options do not fit images of a size: the end of a sentence that begins with its name, with both values. */
  refuses?(options: CompletedOptions<T>, size: ImageSize): string | undefined
  /** Where each pixel of a changed image comes from, for one that moves pixels. */
  warp?(options: CompletedOptions<T>, size: ImageSize): Warp
  /** What is written over an image, for one that does. */
  paint?(options: CompletedOptions<T>, size: ImageSize): Paint
  /** How much of another image is in each, for one that mixes them. */
  mix?(options: CompletedOptions<T>, size: ImageSize): Mix
}

/**
 * Defines an augmentation, which can be passed to `runExperiment`.
 *
 * ```js
 * const mirror = defineAugmentation({
 *   name: 'mirror',
 *   options: { probability: number({ from: 0, to: 1, default: 0.5 }) },
 *   warp: ({ probability }, [, width]) => (draws, { x }) => {
 *     if (draws.uniform(0, 1) < probability) x.forEach((column, i) => (x[i] = width - 1 - column))
 *   },
 * })
 * ```
 *
 * @throws Error if it does none of the three, or several
 */
export const defineAugmentation = <const N extends string, const T extends OptionTable>(
  type: AugmentationType<N, T>,
): AugmentationType<N, T> => {
  const does = (['warp', 'paint', 'mix'] as const).filter((part) => type[part] !== undefined)
  if (does.length !== 1)
    throw new Error(
      `the augmentation "${type.name}" has ${does.join(' and ') || 'none'} of warp, paint, mix: one is needed`,
    )
  return type
}
