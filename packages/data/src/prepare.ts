// What is made of a data set once it is read: sizes, MNIST's form, transposed, inverted, fewer classes, fewer images.
import { writeIdx } from '@digitlab/idx'
import { DataError } from './data-error'
import type { DataFile, Dataset, Split } from './dataset'
import { bytesOfImage, channelsOf, inputShape, resizedShape } from './image-shape'
import { colouredOf, formed, greyOf, type PictureForm } from './picture-pixels'
import { isPlain, preparedName, type Preparation } from './preparation'
import { sha256 } from './sha256'
import { rowsOf } from './split'

/**
 * Prepares a data set, in this order: channels, size or MNIST's form, transposed,
 * inverted, classes, limit. The name
 * says it, and the hashes of `files` are those of the IDX files that the images and labels would be now.
 *
 * @param formed the images are pictures that have their size or MNIST's form already
 * @throws DataError if a class is not there, or a split has no image of those that are
 */
export const prepareDataset = async (data: Dataset, preparation: Preparation, formed = false): Promise<Dataset> => {
  const { asMnist, ...others } = preparation
  const images = imagesOf(data, formed || asMnist === undefined ? others : { ...others, asMnist })
  const made = limited(chosen(images, preparation.classes), preparation.limit)
  const name = preparedName(data.name, preparation)
  const title = preparedName(data.title, preparation)
  return { ...made, name, title, files: made === data ? data.files : await filesOf(made) }
}

/** The same of a data set that has its name from the catalogue: images of bytes, and some of them to test on. */
export const prepareKnown = (data: Dataset, preparation: Preparation): Promise<Dataset> | Dataset => {
  if (isPlain(preparation)) return data
  const useless = preparation.test !== undefined ? 'test' : preparation.range ? 'range' : undefined
  if (useless)
    throw new DataError(
      `${data.title} has images to test on, of bytes, and nothing for "${useless}" to do: leave it out of ${preparedName(data.name, preparation)}`,
    )
  return prepareDataset(data, preparation)
}

const imagesOf = (data: Dataset, { size, asMnist, transpose, invert, channels }: Preparation): Dataset => {
  let made = channels === undefined ? data : withChannels(data, channels)
  const form: PictureForm = {
    ...(size ? { size } : {}),
    ...(asMnist ? { asMnist } : {}),
    channels: channelsOf(made.imageShape),
  }
  const [height, width] = data.imageShape
  const otherSize = size && (size[0] !== height || size[1] !== width)
  if (otherSize || asMnist) made = reshaped(made, form)
  if (transpose) made = transposed(made)
  if (invert) made = mapped(made, (images) => images.map((pixel) => 255 - pixel))
  return made
}

const withChannels = (data: Dataset, wanted: 1 | 3): Dataset => {
  const [height, width] = data.imageShape
  const channels = channelsOf(data.imageShape)
  if (channels === wanted) return data
  const form = wanted === 1 ? greyOf : colouredOf
  const made = mapped(data, (images, count) => form({ data: images, height: count * height, width, channels }).data)
  return { ...made, imageShape: wanted === 1 ? [height, width] : [height, width, 3] }
}

const mapped = (data: Dataset, map: (images: Uint8Array, count: number) => Uint8Array): Dataset => ({
  ...data,
  train: { ...data.train, images: map(data.train.images, data.train.count) },
  test: { ...data.test, images: map(data.test.images, data.test.count) },
})

const reshaped = (data: Dataset, form: PictureForm): Dataset => {
  const [height, width] = data.imageShape
  const channels = channelsOf(data.imageShape)
  const [rows, columns] = form.asMnist ? [28, 28] : (form.size ?? data.imageShape)
  const imageShape = resizedShape(data.imageShape, rows, columns)
  const [before, after] = [bytesOfImage(data.imageShape), bytesOfImage(imageShape)]
  const map = (split: string) => (images: Uint8Array, count: number) => {
    const out = new Uint8Array(count * after)
    for (let i = 0; i < count; i++) {
      const pixels = {
        data: images.subarray(i * before, (i + 1) * before),
        height,
        width,
        channels,
      }
      out.set(formed(pixels, form, `image ${i} of ${split}`).data, i * after)
    }
    return out
  }
  return {
    ...data,
    imageShape,
    train: { ...data.train, images: map('training')(data.train.images, data.train.count) },
    test: { ...data.test, images: map('testing')(data.test.images, data.test.count) },
  }
}

const transposed = (data: Dataset): Dataset => {
  const [height, width] = data.imageShape
  const channels = channelsOf(data.imageShape)
  const pixels = bytesOfImage(data.imageShape)
  const turned = mapped(data, (images, count) => {
    const out = new Uint8Array(images.length)
    for (let i = 0; i < count; i++) {
      const start = i * pixels
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (let c = 0; c < channels; c++)
            out[start + (x * height + y) * channels + c] = images[start + (y * width + x) * channels + c] ?? 0
    }
    return out
  })
  return { ...turned, imageShape: resizedShape(data.imageShape, width, height) }
}

const chosen = (data: Dataset, classes: readonly string[] | undefined): Dataset => {
  if (!classes) return data
  const numbers = classes.map((name) => {
    const at = data.classNames.indexOf(name)
    if (at >= 0) return at
    throw new DataError(
      `there is no class "${name}" in ${data.title}: choose among ${data.classNames.slice(0, 62).join(', ')}`,
    )
  })
  const select = (split: Split, which: string): Split => {
    const indices = Int32Array.from(split.labels.keys()).filter((i) => numbers.includes(split.labels[i] ?? -1))
    if (indices.length === 0)
      throw new DataError(`${data.title} has no image of ${classes.join(', ')} to ${which}: choose other classes`)
    const kept = taken(split, indices, data)
    return { ...kept, labels: kept.labels.map((label) => numbers.indexOf(label)) }
  }
  return {
    ...data,
    classes: classes.length,
    classNames: classes,
    train: select(data.train, 'train on'),
    test: select(data.test, 'test on'),
  }
}

const taken = (split: Split, indices: Int32Array, { imageShape }: Dataset): Split => ({
  images: rowsOf(split.images, indices, [split.count, ...inputShape(imageShape)]),
  labels: rowsOf(split.labels, indices, [split.count]),
  count: indices.length,
})

const limited = (data: Dataset, limit: number | undefined): Dataset => {
  if (limit === undefined || (limit >= data.train.count && limit >= data.test.count)) return data
  const pixels = bytesOfImage(data.imageShape)
  const first = ({ images, labels, count }: Split): Split => {
    const kept = Math.min(count, limit)
    return { images: images.slice(0, kept * pixels), labels: labels.slice(0, kept), count: kept }
  }
  return { ...data, train: first(data.train), test: first(data.test) }
}

const filesOf = ({ imageShape, train, test, files }: Dataset): Promise<DataFile[]> => {
  const shape = imageShape.filter((size) => size !== undefined)
  return Promise.all(
    [
      [[train.count, ...shape], train.images],
      [[train.count], train.labels],
      [[test.count, ...shape], test.images],
      [[test.count], test.labels],
    ].map(async ([shape, content], i) => {
      const idx = writeIdx({ type: 'uint8', shape: shape as number[], data: content as Uint8Array })
      return { name: files[i]?.name ?? `file ${i}`, bytes: idx.length, sha256: await sha256(idx) }
    }),
  )
}
