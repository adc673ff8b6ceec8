// The augmented images of an epoch, written to where its steps gather them, some blocks ahead of the step that is taken.
import { bytesOfImage, type ImageShape, type Split } from '@digitlab/data'
import { batchSource, type Batch, type BatchSource } from '@digitlab/ops'
import type { Augmenter, ImageSource } from './augment-images'
import { createAugmenter } from './augment-images'
import type { Experiment } from './complete-experiment'
import type { Extensions } from './extensions'
import { yieldToEvents } from './yield-to-events'
import { createMixedLabels, type Mixed } from './mixed-labels'
import { createImageWorker, type Block, type ImageWorker, type ImageWorkerOptions } from './image-workers'

/** A batch whose images may be mixed with others'. */
interface TrainingBatch extends Batch {
  readonly mixed?: Mixed
}

/** What steps take their batches from. */
export interface TrainingSource extends Omit<BatchSource, 'batch'> {
  batch(start: number, size: number): TrainingBatch
}

/** Images that are another's every epoch. */
export interface ImageStream {
  /** Has the images of the epoch at their positions in its order: it is to be taken in the natural order. */
  readonly source: TrainingSource
  /** Begins an epoch. @param from the position of the first image that is needed */
  startEpoch(epoch: number, order: Int32Array, from: number): void
  /** Has the images before the position `end` in the source. @returns a promise where they must be waited for */
  reach(end: number): Promise<void> | undefined
  /** Ends its threads, and frees what is on the backend. */
  close(): Promise<void>
}

/** Images that are prepared at once: some steps', and a tenth of a second's of elastic distortions at most. */
export const blockImages = 512
/** Blocks that may be ready, or be made, before they are needed: 6 MB of MNIST. */
const ahead = 16
/** Blocks that a thread has in hand: one that it makes, one that it goes on with. */
const inHand = 2

/** What a stream is made of. */
export interface StreamOptions {
  readonly experiment: Experiment
  readonly train: Split
  readonly imageShape: ImageShape
  readonly classes: number
  readonly extensions: Extensions
  readonly workers: ImageWorkerOptions | undefined
  /** Told where threads were asked for and none could be started. */
  readonly notice: (sentence: string) => void
}

/**
 * The images of an experiment with augmentation; undefined if it has none.
 *
 * @throws TrainError if options do not fit the images
 */
export const createImageStream = async (options: StreamOptions): Promise<ImageStream | undefined> => {
  const { experiment, train, imageShape, classes, extensions } = options
  const { batchSize } = experiment
  const trained = Int32Array.from({ length: train.count }, (_, i) => i)
  const from: ImageSource = { images: train.images, imageShape, trained }
  const augmenter = createAugmenter(experiment, from, extensions)
  if (!augmenter) return undefined
  const workers = await startWorkers(options, from)
  // Its bytes are written over, and the data set's stay as they are.
  const images = batchSource(train.images.slice(), train.labels, imageShape, experiment.normalize)
  const { mixing } = augmenter
  const mixed = mixing && createMixedLabels(mixing, train, { classes, batchSize })
  const pixels = bytesOfImage(imageShape)
  const making = workers.length > 0 ? aheadOf(workers, images, pixels) : hereAndNow(augmenter, images, pixels)
  return {
    source: {
      ...images,
      setOrder(order) {
        images.setOrder(order)
        mixed?.setOrder(order)
      },
      batch: (start, size) => ({
        ...images.batch(start, size),
        ...(mixed ? { mixed: mixed.batch(start, size) } : {}),
      }),
      dispose() {
        images.dispose()
        mixed?.dispose()
      },
    },
    startEpoch(epoch, order, from) {
      const inOrder = (indexOf: (index: number) => number) =>
        padded(
          train.count,
          Uint8Array.from(order, (index) => train.labels[indexOf(index)] ?? 0),
        )
      images.relabel(inOrder((index) => index))
      if (mixing)
        mixed?.startEpoch(
          epoch,
          order.length,
          inOrder((index) => mixing.partner(epoch, index)),
        )
      making.start(epoch, order, from)
    },
    reach: (end) => making.reach(end),
    async close() {
      await Promise.all(workers.map((worker) => worker.end()))
    },
  }
}

/** As many labels as a source has images. */
const padded = (count: number, labels: Uint8Array): Uint8Array => {
  if (labels.length === count) return labels
  const all = new Uint8Array(count)
  all.set(labels)
  return all
}

/** The threads that could be started, with the images. */
const startWorkers = async (
  { experiment, workers, notice }: StreamOptions,
  from: ImageSource,
): Promise<readonly ImageWorker[]> => {
  if (!workers || workers.count === 0) return []
  const source = { ...from, images: shared(from.images), trained: shared(from.trained) }
  let why = ''
  const started = await Promise.all(
    Array.from({ length: workers.count }, async (_, i) => {
      let worker: ImageWorker | undefined
      try {
        worker = createImageWorker(workers.spawn(), i + 1, workers.patience ?? 60_000)
        await worker.load(experiment, source)
        return worker
      } catch (error) {
        why ||= (error as Error).message
        await worker?.end()
        return undefined
      }
    }),
  )
  const usable = started.filter((worker) => worker !== undefined)
  if (usable.length === 0)
    notice(`the images are prepared by the thread that trains, no other could be started: ${why}`)
  return usable
}

/** Where every thread sees it, if there may be such memory; else each gets a copy. */
const shared = <T extends Uint8Array | Int32Array>(values: T): T => {
  if (
    typeof SharedArrayBuffer === 'undefined' ||
    (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === false
  )
    return values
  if (values.buffer instanceof SharedArrayBuffer) return values
  const room = new SharedArrayBuffer(values.byteLength)
  const copy = (values instanceof Uint8Array ? new Uint8Array(room) : new Int32Array(room)) as T
  copy.set(values)
  return copy
}

/** Who makes the images of an epoch. */
interface Making {
  start(epoch: number, order: Int32Array, from: number): void
  reach(end: number): Promise<void> | undefined
}

/** The calling thread makes what is needed when it is needed. */
const hereAndNow = (augmenter: Augmenter, images: BatchSource, pixels: number): Making => {
  const room = new Uint8Array(blockImages * pixels)
  let epoch = 0
  let order: Int32Array = new Int32Array(0)
  let made = 0
  const make = (end: number) => {
    const indices = order.subarray(made, end)
    const bytes = room.subarray(0, indices.length * pixels)
    augmenter.render(epoch, made, indices, bytes)
    images.write(made, bytes)
    made = end
  }
  const makeMany = async (end: number) => {
    while (made < end) {
      make(Math.min(made + blockImages, end))
      await yieldToEvents()
    }
  }
  return {
    start(...begun) {
      ;[epoch, order, made] = begun
    },
    reach(end) {
      if (end - made > blockImages) return makeMany(end)
      if (made < end) make(end)
      return undefined
    },
  }
}

/** Threads make block after block; the calling one writes them in their order. */
const aheadOf = (workers: readonly ImageWorker[], images: BatchSource, pixels: number): Making => {
  const rooms: ArrayBuffer[] = []
  let epoch = 0
  let order: Int32Array = new Int32Array(0)
  let [asked, written] = [0, 0]
  /** Blocks by their first position. */
  const blocks = new Map<number, { readonly made: Promise<Block>; block?: Block }>()
  const ask = () => {
    while (asked < order.length && blocks.size < ahead) {
      const worker = workers.reduce((least, other) => (other.busy < least.busy ? other : least))
      if (worker.busy >= inHand) return
      const indices = order.slice(asked, asked + blockImages)
      const room = rooms.pop() ?? new ArrayBuffer(blockImages * pixels)
      const made = worker.make({ epoch, start: asked, room }, indices)
      const waiting: { readonly made: Promise<Block>; block?: Block } = { made }
      const [blocksEpoch, start] = [epoch, asked]
      blocks.set(start, waiting)
      asked += indices.length
      made.then(
        (block) => {
          waiting.block = block
          if (blocksEpoch === epoch) ask()
        },
        () => {}, // told where the block is waited for
      )
    }
  }
  const write = ({ start, room }: Block) => {
    const count = Math.min(blockImages, order.length - start)
    images.write(start, new Uint8Array(room, 0, count * pixels))
    rooms.push(room)
    blocks.delete(start)
    written = start + count
    ask()
  }
  const wait = async (end: number) => {
    while (written < end) {
      const next = blocks.get(written)
      if (!next) throw new Error(`the images from position ${written} on were not asked for`)
      write(await next.made)
    }
  }
  return {
    start(...begun) {
      ;[epoch, order, written] = begun
      asked = written
      blocks.clear()
      ask()
    },
    reach(end) {
      while (written < end) {
        const next = blocks.get(written)
        if (!next?.block) return wait(end)
        write(next.block)
      }
      return undefined
    },
  }
}
