// Resident images that are written anew while batches are gathered from them.
import { batchSource, type Batch } from './gather-batch'

const pixels = 15

/** Whole images of 5 x 3 bytes. */
const bytes = (from: number, count: number): Uint8Array =>
  Uint8Array.from({ length: count * pixels }, (_, i) => (i * 41 + from) % 256)

const expectBatch = async (
  when: string,
  batch: Batch,
  images: Uint8Array,
  labels: readonly number[],
): Promise<void> => {
  const [found, classes] = [await batch.images.data(), await batch.labels.data()]
  // The order of the batch is from the last image to the first.
  const wanted = [4, 3, 2, 1, 0].flatMap((image) => Array.from(images.subarray(image * pixels, (image + 1) * pixels)))
  const wrong = wanted.findIndex((byte, i) => found[i] !== Math.fround(byte / 255))
  if (wrong >= 0) throw new Error(`pixel ${wrong} ${when} is ${found[wrong]} where ${wanted[wrong]} / 255 is right`)
  if (labels.some((label, i) => classes[i] !== label))
    throw new Error(`the labels ${when} are ${Array.from(classes).join(', ')} where ${labels.join(', ')} is right`)
}

/** What the current backend does with images that are written anew. */
export const writtenImages = (): { readonly name: string; readonly run: () => Promise<void> }[] => [
  {
    name: 'images of a batch that are written anew, under other labels',
    async run() {
      const source = batchSource(bytes(0, 5), Uint8Array.of(0, 1, 2, 3, 4), [5, 3])
      const held: Batch[] = []
      const batch = () => {
        const made = source.batch(0, 5)
        held.push(made)
        return made
      }
      try {
        source.setOrder(Int32Array.of(4, 3, 2, 1, 0))
        const before = batch()
        source.write(2, bytes(7, 2))
        source.relabel(Uint8Array.of(9, 8, 7, 6, 5))
        const after = batch()
        const written = bytes(0, 5)
        written.set(bytes(7, 2), 2 * pixels)
        await expectBatch('before', before, bytes(0, 5), [4, 3, 2, 1, 0])
        await expectBatch('after', after, written, [5, 6, 7, 8, 9])
      } finally {
        for (const { images, labels } of held) {
          images.dispose()
          labels.dispose()
        }
        source.dispose()
      }
    },
  },
]
