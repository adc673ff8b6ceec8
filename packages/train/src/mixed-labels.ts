// The labels of images that are mixed with others', and how much either counts, where recorded steps gather them: a batch's share is in
// arrays of the shapes that it is multiplied with, so that a step needs no operation that cannot be repeated.
import { batchSource } from '@digitlab/ops'
import type { Split } from '@digitlab/data'
import { reshape, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core'
import type { Augmenter } from './augment-images'

/** By what one of two labels counts. */
interface Weights {
  /** [2]: of the loss, and of how many were right, which counts the images' own labels alone. */
  readonly summary: Tensor1D
  /** [batch, classes]: of the gradient */
  readonly dLogits: Tensor2D
}

/** What a batch is mixed with. */
export interface Mixed {
  /** [batch] int32: the other images' labels. */
  readonly labels: Tensor1D
  readonly own: Weights
  readonly other: Weights
}

/** Mixed labels of an epoch, at the positions of its order. */
export interface MixedLabels {
  setOrder(order: Int32Array): void
  /** @param others the other images' labels, by position */
  startEpoch(epoch: number, count: number, others: Uint8Array): void
  batch(start: number, size: number): Mixed
  dispose(): void
}

/** All of one, as a byte. */
const whole = 255

export const createMixedLabels = (
  { share }: NonNullable<Augmenter['mixing']>,
  { labels, count }: Split,
  { classes, batchSize }: { readonly classes: number; readonly batchSize: number },
): MixedLabels => {
  const source = (values: number) => batchSource(new Uint8Array(count * values), labels, [1, values])
  const [ownSummary, otherSummary, ownGradient, otherGradient] = [
    source(2),
    source(2),
    source(classes),
    source(classes),
  ]
  const sources = [ownSummary, otherSummary, ownGradient, otherGradient]
  return {
    setOrder(order) {
      for (const each of sources) each.setOrder(order)
    },
    startEpoch(epoch, trained, others) {
      ownSummary.relabel(others)
      const bytes = sources.map(({ count }, i) => new Uint8Array(count * (i < 2 ? 2 : classes))) as [
        Uint8Array,
        Uint8Array,
        Uint8Array,
        Uint8Array,
      ]
      for (let start = 0; start < trained; start += batchSize) {
        const end = Math.min(trained, start + batchSize)
        const own = share(epoch, start / batchSize)
        for (let i = start; i < end; i++) {
          bytes[0].set([own, whole], 2 * i)
          bytes[1].set([whole - own, 0], 2 * i)
        }
        bytes[2].fill(own, start * classes, end * classes)
        bytes[3].fill(whole - own, start * classes, end * classes)
      }
      sources.forEach((each, i) => each.write(0, bytes[i] as Uint8Array))
    },
    batch(start, size) {
      // One share for the batch: that of its first image.
      const first = ownSummary.batch(start, size)
      const summaryOf = (of: typeof ownSummary): Tensor1D => reshape(of.batch(start, 1).images, [2])
      const gradientOf = (of: typeof ownSummary): Tensor2D => reshape(of.batch(start, size).images, [size, classes])
      return {
        labels: first.labels,
        own: { summary: summaryOf(ownSummary), dLogits: gradientOf(ownGradient) },
        other: { summary: summaryOf(otherSummary), dLogits: gradientOf(otherGradient) },
      }
    },
    dispose() {
      for (const each of sources) each.dispose()
    },
  }
}
