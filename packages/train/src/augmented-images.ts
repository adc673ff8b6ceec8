import { bytesOfImage, imagesOf, type Dataset } from '@digitlab/data'
import { createAugmenter } from './augment-images'
import { augmentationTypes } from './augmentations'
import type { Experiment } from './complete-experiment'
import type { Extensions } from './extensions'
import { divide } from './validation'

/** Training images as an epoch sees them. */
export interface AugmentedImages {
  /** Bytes, [count, height, width] or [count, height, width, 3]. */
  readonly images: Uint8Array
  /** For each its class; where it is mixed with another one, that one's as well, and how much of it is its own, from 0 to 1. */
  readonly labels: readonly { readonly label: number; readonly other?: number; readonly share?: number }[]
}

/**
 * The training images that an experiment's epoch would begin with if these were its first: for looking at them.
 *
 * @param data what there is to train on
 * @param indices which of them
 * @param epoch from 1
 * @throws TrainError if options do not fit the images
 */
export const augmentedImages = (
  experiment: Experiment,
  { train, imageShape }: Pick<Dataset, 'train' | 'imageShape'>,
  indices: Int32Array,
  epoch = 1,
  extensions: Extensions = {},
): AugmentedImages => {
  const pixels = bytesOfImage(imageShape)
  const images = new Uint8Array(indices.length * pixels)
  const trained = Int32Array.from({ length: train.count }, (_, i) => i)
  const augmenter = createAugmenter(experiment, { images: train.images, imageShape, trained }, extensions)
  if (augmenter) augmenter.render(epoch, 0, indices, images)
  else images.set(imagesOf(train, imageShape, indices))
  const { mixing } = augmenter ?? {}
  const labels = Array.from(indices, (index, i) => {
    const label = train.labels[index] ?? 0
    if (!mixing) return { label }
    const share = mixing.share(epoch, Math.floor(i / experiment.batchSize)) / 255
    return share === 1 ? { label } : { label, other: train.labels[mixing.partner(epoch, index)] ?? 0, share }
  })
  return { images, labels }
}

/** What stands below each image: its class, or those of the two that are mixed, the larger share first: '7', '7 + 3'. */
export const augmentedCaptions = ({ labels }: AugmentedImages, classNames: readonly string[]): string[] => {
  const nameOf = (label: number) => classNames[label] ?? String(label)
  return labels.map(({ label, other }) => (other === undefined ? nameOf(label) : `${nameOf(label)} + ${nameOf(other)}`))
}

/** How many training images a report shows as they were changed. */
const sampled = 64

/** Training images as the first epoch saw them, for a report. */
export interface AugmentedSample {
  readonly height: number
  readonly width: number
  /** 3 where the images have colours. */
  readonly channels?: 3
  /** [count, height, width] or [count, height, width, 3] */
  readonly pixels: Uint8Array
  readonly captions: readonly string[]
}

/**
 * The first 64 images that a run trains on as its first epoch saw them: none that was set aside.
 *
 * @param given the data set, with all of its training images
 * @returns undefined if they stayed as they are, or an augmentation is not known here
 */
export const augmentedSample = (
  experiment: Experiment,
  given: Dataset,
  extensions: Extensions = {},
): AugmentedSample | undefined => {
  const known: readonly { readonly name: string }[] = [...augmentationTypes, ...(extensions.augmentations ?? [])]
  if (!experiment.augment?.every(({ name }) => known.some((type) => type.name === name))) return undefined
  const { data } = divide(given, experiment)
  const [height, width, channels] = data.imageShape
  const first = Int32Array.from({ length: Math.min(sampled, data.train.count) }, (_, i) => i)
  const found = augmentedImages(experiment, data, first, 1, extensions)
  return {
    height,
    width,
    ...(channels ? { channels } : {}),
    pixels: found.images,
    captions: augmentedCaptions(found, data.classNames),
  }
}
