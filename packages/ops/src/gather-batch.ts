import { keep, tensor, tensor1d, tensor4d, type Tensor, type Tensor1D, type Tensor4D } from '@tensorflow/tfjs-core'
import type { Normalization } from './contracts'
import { OpsError } from './expect'
import { hasKernel, runKernel } from './kernels'
import { writeImages } from './write-images'

/** Some images of a data set with their labels, as tensors. */
export interface Batch {
  /** [batch, height, width, channels] float32: byte / 255, rounded once, as torchvision's ToTensor, and normalized as its Normalize does. */
  readonly images: Tensor4D
  /** [batch] int32 */
  readonly labels: Tensor1D
}

/** Images and labels where the backend can take batches from them. Not bound to a tidy: `dispose` frees it. */
export interface BatchSource {
  readonly count: number
  /** Sets the order in which batches are taken: indices into the images. Their natural order until it is called. */
  setOrder(order: Int32Array): void
  /**
   * Overwrites images from the `start`-th on where they lie: recorded steps gather the new ones.
   *
   * @param images bytes of whole images
   */
  write(start: number, images: Uint8Array): void
  /** Gives the images other labels. A batch that was recorded before has the old ones. */
  relabel(labels: Uint8Array): void
  /**
   * Sees to it that a batch is where the backend can take it; absent where all of them are.
   *
   * @returns where it begins among what is there now; `moved` where other tensors hold it than before, so that what was recorded on
   * those is of no use
   */
  readonly locate?: (start: number, size: number) => { readonly position: number; readonly moved: boolean }
  /** The images and labels at positions start .. start + size - 1 of the order. */
  batch(start: number, size: number): Batch
  /** Frees images, labels and order. */
  dispose(): void
}

/** No normalization. */
const asTheyAre: Normalization = { mean: 0, std: 1 }

/** byte / 255 as float32, the nearest there is, normalized in float32 as torchvision does: 256 values. */
export const scaledBytes = ({ mean, std }: Normalization): Float32Array => {
  const [from, by] = [Math.fround(mean), Math.fround(std)]
  return Float32Array.from({ length: 256 }, (_, byte) => Math.fround(Math.fround(byte / 255) - from) / by)
}

/**
 * Makes images and labels resident on the current backend.
 *
 * Kernel `DigitlabGatherBatch`: inputs images [count, height, width, channels] (bytes, carried as dtype bool), labels [count]
 * int32, order [n] int32; outputs batchImages [size, height, width, channels] float32, batchLabels [size] int32. Where the order points past
 * the images, a batch has NaN and the label -1. A backend
 * without it, or without the one that `write` needs, gets each batch gathered by the host.
 *
 * @param images bytes, [count, height, width] or [count, height, width, channels]: where `write` is used, the source's own from now on
 * @param labels classes, [count]
 * @param normalization (pixel - mean) / std in float32, of pixels from 0 to 1; they stay as they are without it
 * @throws OpsError if the bytes do not make `labels.length` images of that shape, or an order points past them
 */
export const batchSource = (
  images: Uint8Array,
  labels: Uint8Array,
  [height, width, channels = 1]: readonly [height: number, width: number, channels?: number],
  normalization: Normalization = asTheyAre,
): BatchSource => {
  const pixels = height * width * channels
  const count = labels.length
  if (images.length !== count * pixels)
    throw new OpsError(
      `expected ${count * pixels} bytes for ${count} images of ${height} x ${width}${channels === 1 ? '' : ` x ${channels}`}, there are ${images.length}`,
    )
  const natural = Int32Array.from({ length: count }, (_, i) => i)
  const make = hasKernel('gatherBatch') && hasKernel('writeImages') ? residentSource : hostSource
  return checked(make(images, labels, [count, height, width, channels], normalization), natural, pixels)
}

type Shape = [count: number, height: number, width: number, channels: number]

const residentSource = (
  images: Uint8Array,
  labels: Uint8Array,
  shape: Shape,
  { mean, std }: Normalization,
): BatchSource => {
  const residentImages = keep(tensor(images, shape, 'bool')) // [count, height, width, channels], the bytes themselves
  const keepLabels = (labels: Uint8Array) => keep(tensor(Int32Array.from(labels), [shape[0]], 'int32')) // [count]
  let residentLabels = keepLabels(labels)
  let order: Tensor | undefined
  return {
    count: shape[0],
    setOrder(indices) {
      order?.dispose()
      order = keep(tensor(indices, [indices.length], 'int32'))
    },
    write: (start, images) => writeImages(residentImages, start, images),
    relabel(labels) {
      residentLabels.dispose()
      residentLabels = keepLabels(labels)
    },
    batch(start, size) {
      const inputs = { images: residentImages, labels: residentLabels, order: order as Tensor }
      const { batchImages, batchLabels } = runKernel('gatherBatch', inputs, { start, size, mean, std })
      return { images: batchImages as Tensor4D, labels: batchLabels as Tensor1D }
    },
    dispose() {
      for (const resident of [residentImages, residentLabels, order]) resident?.dispose()
    },
  }
}

const hostSource = (
  images: Uint8Array,
  given: Uint8Array,
  [count, height, width, channels]: Shape,
  normalization: Normalization,
): BatchSource => {
  const scaled = scaledBytes(normalization)
  const pixels = height * width * channels
  let labels = given
  let order = new Int32Array(0)
  return {
    count,
    setOrder(indices) {
      order = indices.slice()
    },
    write: (start, written) => images.set(written, start * pixels),
    relabel(others) {
      labels = others.slice()
    },
    batch(start, size) {
      const batchImages = new Float32Array(size * pixels)
      const batchLabels = new Int32Array(size)
      // Indices were checked by setOrder and the range by batch: each `!` is in range.
      for (let i = 0; i < size; i++) {
        const image = order[start + i]!
        batchLabels[i] = labels[image]!
        for (let p = 0; p < pixels; p++) batchImages[i * pixels + p] = scaled[images[image * pixels + p]!]!
      }
      return {
        images: tensor4d(batchImages, [size, height, width, channels]),
        labels: tensor1d(batchLabels, 'int32'),
      }
    },
    dispose() {},
  }
}

/** The same checks for either source: a kernel reads where it is told to. */
const checked = (source: BatchSource, natural: Int32Array, pixels: number): BatchSource => {
  let ordered = 0
  const setOrder = (order: Int32Array) => {
    const wrong = order.find((index) => index < 0 || index >= source.count)
    if (wrong !== undefined) throw new OpsError(`an order points at image ${wrong} of ${source.count}`)
    ordered = order.length
    source.setOrder(order)
  }
  setOrder(natural)
  const within = (start: number, size: number) => {
    if (!(Number.isInteger(start) && Number.isInteger(size) && start >= 0 && size > 0 && start + size <= ordered))
      throw new OpsError(`a batch of ${size} from position ${start} is not within an order of ${ordered}`)
  }
  const { locate } = source
  return {
    count: source.count,
    setOrder,
    ...(locate && {
      locate(start, size) {
        within(start, size)
        return locate(start, size)
      },
    }),
    write(start, images) {
      const last = start + images.length / pixels
      if (!(Number.isInteger(start) && Number.isInteger(last) && start >= 0 && last <= source.count))
        throw new OpsError(
          `${images.length} bytes from image ${start} on are not whole images of ${pixels} bytes within ${source.count} of them`,
        )
      source.write(start, images)
    },
    relabel(labels) {
      if (labels.length !== source.count)
        throw new OpsError(`expected ${source.count} labels, one for each image, there are ${labels.length}`)
      source.relabel(labels)
    },
    batch(start, size) {
      within(start, size)
      return source.batch(start, size)
    },
    dispose: () => source.dispose(),
  }
}

/** Images that are not held in memory: read as they are asked for, from a disk for example. */
export interface StreamedImages {
  /** Reads images one after another into `target`, [indices.length, height, width] or [..., channels] bytes. The indices ascend. */
  read(indices: Int32Array, target: Uint8Array): void
}

const bytesOf = ([height, width, channels = 1]: readonly [height: number, width: number, channels?: number]): number =>
  height * width * channels

/** How much of a stream is resident at once, in bytes: some thousand images, so that reading them in the order of the disk pays. */
const blockBytes = 8 * 2 ** 20

/**
 * Takes batches from images that are streamed: a block of the order at a time is read, in the order in which the images are stored, and
 * made resident on the current backend. The batches are those of {@link batchSource}, to the bit.
 *
 * @param labels classes, [count]
 * @param block images that are resident at once; a batch may be larger
 * @param normalization as of {@link batchSource}
 */
export const streamedSource = (
  stream: StreamedImages,
  labels: Uint8Array,
  imageShape: readonly [height: number, width: number, channels?: number],
  block = Math.max(1, Math.floor(blockBytes / bytesOf(imageShape))),
  normalization: Normalization = asTheyAre,
): BatchSource => {
  const count = labels.length
  const pixels = bytesOf(imageShape)
  let order = new Int32Array(0)
  let held: { readonly from: number; readonly to: number; readonly source: BatchSource } | undefined
  const release = () => {
    held?.source.dispose()
    held = undefined
  }
  const locate = (start: number, size: number) => {
    if (held && start >= held.from && start + size <= held.to) return { position: start - held.from, moved: false }
    release()
    const to = Math.min(order.length, start + Math.max(size, block))
    const wanted = order.subarray(start, to)
    const stored = wanted.slice().sort()
    const images = new Uint8Array(wanted.length * pixels)
    stream.read(stored, images)
    const source = batchSource(
      images,
      Uint8Array.from(stored, (index) => labels[index] ?? 0),
      imageShape,
      normalization,
    )
    source.setOrder(placesOf(wanted))
    held = { from: start, to, source }
    return { position: 0, moved: true }
  }
  const natural = Int32Array.from({ length: count }, (_, i) => i)
  const fixed = () => {
    throw new OpsError('images that are streamed cannot be written over: hold them in memory')
  }
  return checked(
    {
      count,
      locate,
      setOrder(indices) {
        release()
        order = indices.slice()
      },
      batch(start, size) {
        const { position } = locate(start, size)
        return (held as NonNullable<typeof held>).source.batch(position, size) // locate has seen to it
      },
      write: fixed,
      relabel: fixed,
      dispose: release,
    },
    natural,
    pixels,
  )
}

/** Where each element is among them all, sorted; an element that is there twice has a place for each. */
const placesOf = (wanted: Int32Array): Int32Array => {
  const bySize = Int32Array.from({ length: wanted.length }, (_, i) => i).sort(
    (a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0) || a - b,
  )
  const places = new Int32Array(wanted.length)
  bySize.forEach((at, place) => (places[at] = place))
  return places
}
