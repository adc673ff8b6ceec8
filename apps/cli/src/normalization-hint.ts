import { bytesOfImage, pixelStatistics, type Dataset, type Split } from '@digitlab/data'
import type { Model } from '@digitlab/models'
import type { Weights } from '@digitlab/models/compute'
import { mcNemar } from '@digitlab/report'
import { evaluate } from '@digitlab/train'

/** Images that are tried both ways: a few tenths of a second. */
const tried = 2000
/** By accident as many more would be right once in a thousand files. */
const rare = 0.001

/**
 * Whether weights from elsewhere seem to be of normalized images, as most public ones for MNIST are: whether they are right more
 * often where the images are normalized by the mean and the standard deviation of the training images.
 *
 * @returns a sentence; undefined if they do not, and of images that are streamed from a disk
 */
export const normalizationHint = async (
  model: Model,
  weights: Weights,
  { train, imageShape }: Dataset,
  split: Split,
): Promise<string | undefined> => {
  if (train.stream || split.stream) return undefined // images that are not in memory are not read for a hint
  const labels = split.labels.subarray(0, tried)
  const images = split.images.subarray(0, labels.length * bytesOfImage(imageShape))
  const { mean, std } = pixelStatistics(train.images)
  if (!(std > 0)) return undefined
  const plain = await evaluate(model, weights, { images, labels }, imageShape)
  const normalized = await evaluate(model, weights, { images, labels }, imageShape, { mean, std })
  const { onlyFirst, onlySecond, bothRight, pValue } = mcNemar(
    labels,
    plain.predictions.classes,
    normalized.predictions.classes,
  )
  if (onlySecond <= onlyFirst || pValue > rare) return undefined
  return `of the first ${labels.length} images they take ${bothRight + onlyFirst} right, and ${bothRight + onlySecond} where images are normalized: were they trained so, give --normalize ${mean},${std}`
}
