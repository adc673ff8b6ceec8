// Images that are set aside from those to train on, so that the test images need not be looked at before the end.
// Indices run over a permutation of the images: each `!` is in range.
import { bytesOfImage, type Dataset, type Split } from '@digitlab/data'
import { MersenneTwister, randperm } from '@digitlab/random'
import { type Experiment } from './complete-experiment'
import { TrainError } from './train-error'

/** A data set whose training images are those that are left, and those that were set aside; none where the experiment wants none. */
interface Divided {
  readonly data: Dataset
  readonly validation: Split | undefined
}

/**
 * Sets images aside as `torch.utils.data.random_split(images, [rest, size], generator=torch.Generator().manual_seed(seed))` does: the
 * last `size` of `torch.randperm`, which a generator of its own draws from the experiment's seed, so that initial weights and the order of
 * images stay those of the seed. A share is rounded down. Stratified, the last of each class, as many as its share (rounded down, the
 * classes with the largest rests one more).
 *
 * @throws TrainError if no image of a class would be left, or none at all
 */
export const divide = (data: Dataset, { validation, seed }: Pick<Experiment, 'validation' | 'seed'>): Divided => {
  if (validation === undefined) return { data, validation: undefined }
  const { size, stratified } = typeof validation === 'number' ? { size: validation, stratified: false } : validation
  const { train, classes, classNames } = data
  if (train.stream)
    throw new TrainError(
      `the training images of "${data.name}" are streamed from a disk, and what sets ${size} of them aside needs all of them at once: leave validation out, or hold them in memory`,
    )
  const count = size < 1 ? Math.floor(train.count * size) : size
  if (count < 1 || count >= train.count)
    throw new TrainError(
      `validation sets ${count} of ${train.count} training images aside: choose a number from 1 to ${train.count - 1}, or a share of it`,
    )
  const order = randperm(new MersenneTwister(seed), train.count)
  const aside = stratified ? lastOfEach(order, train.labels, classes, count) : order.subarray(train.count - count)
  const taken = new Uint8Array(train.count)
  for (const image of aside) taken[image] = 1
  const left = order.filter((image) => taken[image] === 0)
  const [before, after] = [countsOf(train.labels, classes), new Array<number>(classes).fill(0)]
  for (const image of left) after[train.labels[image]!]!++
  const empty = before.findIndex((had, c) => had > 0 && after[c] === 0)
  if (empty >= 0)
    throw new TrainError(
      `validation sets ${count} of ${train.count} training images aside, among them all ${before[empty]} of the class ${classNames[empty] ?? empty}: set fewer aside, or stratify`,
    )
  const pixels = bytesOfImage(data.imageShape)
  return { data: { ...data, train: subset(train, left, pixels) }, validation: subset(train, aside, pixels) }
}

const countsOf = (labels: Uint8Array, classes: number): number[] => {
  const counts = new Array<number>(classes).fill(0)
  for (const label of labels) counts[label]!++
  return counts
}

/** The last of each class in an order, `count` in all, each class in proportion. */
const lastOfEach = (order: Int32Array, labels: Uint8Array, classes: number, count: number): Int32Array => {
  const shares = countsOf(labels, classes).map((had) => (had * count) / labels.length)
  const wanted = shares.map(Math.floor)
  const rest = count - wanted.reduce((sum, n) => sum + n, 0)
  const byRest = shares
    .map((share, c) => [share - Math.floor(share), c] as const)
    .sort(([a, i], [b, j]) => b - a || i - j)
  for (const [, c] of byRest.slice(0, rest)) wanted[c]!++
  const aside: number[] = []
  for (let i = order.length - 1; i >= 0; i--) {
    const label = labels[order[i]!]!
    if (wanted[label]! === 0) continue
    wanted[label]!--
    aside.push(order[i]!)
  }
  return Int32Array.from(aside.reverse())
}

const subset = ({ images, labels }: Split, which: Int32Array, pixels: number): Split => {
  const chosen = { images: new Uint8Array(which.length * pixels), labels: new Uint8Array(which.length) }
  which.forEach((image, i) => {
    chosen.images.set(images.subarray(image * pixels, (image + 1) * pixels), i * pixels)
    chosen.labels[i] = labels[image]!
  })
  return { ...chosen, count: which.length }
}
