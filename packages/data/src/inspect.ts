// What can be seen of a data set without training on it: how many of each class there are, and what looks wrong.
import type { Dataset, Split } from './dataset'
import { bytesOfImage, channelsOf } from './image-shape'
import { greyOf } from './picture-pixels'
import { sentence, shownName } from './shown'

/** What was found in a data set. */
export interface Inspection {
  /** Images of each class, in the order of the classes. */
  readonly counts: { readonly train: readonly number[]; readonly test: readonly number[] }
  /** How many test images are among the training images, to the byte. */
  readonly duplicates: number
  /** What looks wrong, each a sentence. */
  readonly findings: readonly string[]
}

/** As many images as an average is taken of. */
const sampled = 2000

/**
 * Looks a data set over: classes without images, images of the test set among those to train on, dark ink on a light ground, letters
 * that lie on their side, empty images, pixels that go no further than 1.
 */
export const inspectDataset = (data: Dataset): Inspection => {
  const { train, test, classNames, notice } = data
  const counts = { train: countsOf(train, data.classes), test: countsOf(test, data.classes) }
  const { duplicates, otherwise } = duplicatesIn(data)
  const looks = looksOf(data)
  const named = (classes: readonly number[]) =>
    sentence(listed(classes.map((i) => shownName(classNames[i] ?? String(i)))))
  const without = (counts: readonly number[]) => counts.flatMap((count, i) => (count === 0 ? [i] : []))
  const [untrained, untested] = [without(counts.train), without(counts.test)]
  const share = (count: number) => `${count} of ${test.count} test images`
  return {
    counts,
    duplicates,
    findings: [
      ...(notice === undefined ? [] : [notice]),
      ...(untrained.length > 0 ? [`no image to train on of class ${named(untrained)}`] : []),
      ...(untested.length > 0 ? [`no image to test on of class ${named(untested)}`] : []),
      ...(duplicates > 0
        ? [`${share(duplicates)} are also among the training images: a test on them says too much`]
        : []),
      ...(otherwise > 0 ? [`${share(otherwise)} are among the training images with another label`] : []),
      ...(looks.highest <= 1
        ? [`no pixel is above ${looks.highest}: were they from 0 to 1 before they became bytes?`]
        : []),
      ...(looks.empty > 0
        ? [`${looks.empty} of the first ${looks.seen} training images are of one value throughout`]
        : []),
      ...(looks.border > 127 ? ['the ground is light and the ink dark: "invert" turns that round'] : []),
      ...(looks.aspect > 1.2
        ? [
            `what is drawn is ${looks.aspect.toFixed(2)} times as wide as high on average, as letters that lie on their side: "transpose" turns rows into columns, as EMNIST needs it`,
          ]
        : []),
    ],
  }
}

const listed = (names: readonly string[]): string =>
  names.length > 12 ? `${names.slice(0, 12).join(', ')} and ${names.length - 12} more` : names.join(', ')

const countsOf = ({ labels }: Split, classes: number): readonly number[] => {
  const counts = new Array<number>(classes).fill(0)
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1
  return counts
}

/** FNV-1a over the bytes of an image. */
const hashOf = (image: Uint8Array): number => {
  let hash = 0x811c9dc5
  for (const byte of image) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

const duplicatesIn = ({ train, test, imageShape }: Dataset) => {
  const pixels = bytesOfImage(imageShape)
  const image = ({ images }: Split, i: number) => images.subarray(i * pixels, (i + 1) * pixels)
  const known = new Map<number, number[]>()
  for (let i = 0; i < test.count; i++) {
    const hash = hashOf(image(test, i))
    known.set(hash, [...(known.get(hash) ?? []), i])
  }
  const [same, other] = [new Set<number>(), new Set<number>()]
  for (let i = 0; i < train.count; i++) {
    const own = image(train, i)
    for (const candidate of known.get(hashOf(own)) ?? []) {
      const its = image(test, candidate)
      if (!own.every((byte, p) => byte === its[p])) continue
      same.add(candidate)
      if (train.labels[i] !== test.labels[candidate]) other.add(candidate)
    }
  }
  return { duplicates: same.size, otherwise: other.size }
}

const looksOf = ({ train: { images, count }, imageShape }: Dataset) => {
  const [height, width] = imageShape
  const channels = channelsOf(imageShape)
  const pixels = bytesOfImage(imageShape)
  const seen = Math.min(count, sampled)
  let [border, highest, empty, across, down] = [0, 0, 0, 0, 0]
  for (let i = 0; i < seen; i++) {
    const data = images.subarray(i * pixels, (i + 1) * pixels)
    const image = greyOf({ data, width, height, channels }).data
    const [first] = image
    if (image.every((pixel) => pixel === first)) empty++
    let [left, right, top, bottom] = [width, -1, height, -1]
    const edge = edgeOf(image, height, width)
    border += edge
    image.forEach((pixel, p) => {
      if (pixel > highest) highest = pixel
      // Ink is what is far from the ground, whichever of both is light.
      if (Math.abs(pixel - edge) < 96) return
      const [x, y] = [p % width, Math.floor(p / width)]
      left = Math.min(left, x)
      right = Math.max(right, x)
      top = Math.min(top, y)
      bottom = Math.max(bottom, y)
    })
    if (right < left) continue
    across += right - left + 1
    down += bottom - top + 1
  }
  return { seen, empty, highest, border: border / seen, aspect: down === 0 ? 1 : across / down }
}

/** The mean of the pixels at the border. */
const edgeOf = (image: Uint8Array, height: number, width: number): number => {
  let [sum, count] = [0, 0]
  image.forEach((pixel, p) => {
    const [x, y] = [p % width, Math.floor(p / width)]
    if (x > 0 && y > 0 && x < width - 1 && y < height - 1) return
    sum += pixel
    count++
  })
  return sum / count
}
