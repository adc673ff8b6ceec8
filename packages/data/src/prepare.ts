// What is made of a data set once it is read: sizes, MNIST's form, transposed, inverted, fewer classes, fewer images.
import { writeIdx } from '@digitlab/idx'
import { DataError } from './data-error'
import type { DataFile, Dataset, Split } from './dataset'
import { formed, type PictureForm } from './picture-pixels'
import { isPlain, preparedName, type Preparation } from './preparation'
import { sha256 } from './sha256'
import { rowsOf } from './split'

/**
 * Makes of a data set what its preparation says, in this order: size or MNIST's form, transposed, inverted, classes, limit. The name
 * says it, and the hashes of `files` are those of the IDX files that the images and labels would be now.
 *
 * @param formed the images are pictures that have their size or MNIST's form already
 * @throws DataError where a class is not there, or a split has no image of those that are
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

const imagesOf = (data: Dataset, { size, asMnist, transpose, invert }: Preparation): Dataset => {
  let made = data
  const form: PictureForm = { ...(size ? { size } : {}), ...(asMnist ? { asMnist } : {}) }
  const [height, width] = data.imageShape
  const otherSize = size && (size[0] !== height || size[1] !== width)
  if (otherSize || asMnist) made = reshaped(made, form)
  if (transpose) made = transposed(made)
  if (invert) made = mapped(made, (images) => images.map((pixel) => 255 - pixel))
  return made
}

const mapped = (data: Dataset, map: (images: Uint8Array, count: number) => Uint8Array): Dataset => ({
  ...data,
  train: { ...data.train, images: map(data.train.images, data.train.count) },
  test: { ...data.test, images: map(data.test.images, data.test.count) },
})

const reshaped = (data: Dataset, form: PictureForm): Dataset => {
  const [height, width] = data.imageShape
  const sides: readonly [number, number] = form.asMnist ? [28, 28] : (form.size ?? data.imageShape)
  const map = (split: string) => (images: Uint8Array, count: number) => {
    const out = new Uint8Array(count * sides[0] * sides[1])
    for (let i = 0; i < count; i++) {
      const pixels = {
        data: images.subarray(i * height * width, (i + 1) * height * width),
        height,
        width,
        channels: 1,
      } as const
      out.set(formed(pixels, form, `image ${i} of ${split}`).data, i * sides[0] * sides[1])
    }
    return out
  }
  return {
    ...data,
    imageShape: [sides[0], sides[1]],
    train: { ...data.train, images: map('training')(data.train.images, data.train.count) },
    test: { ...data.test, images: map('testing')(data.test.images, data.test.count) },
  }
}

const transposed = (data: Dataset): Dataset => {
  const [height, width] = data.imageShape
  const turned = mapped(data, (images, count) => {
    const out = new Uint8Array(images.length)
    for (let i = 0; i < count; i++) {
      const start = i * height * width
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) out[start + x * height + y] = images[start + y * width + x] ?? 0
    }
    return out
  })
  return { ...turned, imageShape: [width, height] }
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

const taken = (split: Split, indices: Int32Array, { imageShape: [height, width] }: Dataset): Split => ({
  images: rowsOf(split.images, indices, [split.count, height, width]),
  labels: rowsOf(split.labels, indices, [split.count]),
  count: indices.length,
})

const limited = (data: Dataset, limit: number | undefined): Dataset => {
  if (limit === undefined || (limit >= data.train.count && limit >= data.test.count)) return data
  const [height, width] = data.imageShape
  const first = ({ images, labels, count }: Split): Split => {
    const kept = Math.min(count, limit)
    return { images: images.slice(0, kept * height * width), labels: labels.slice(0, kept), count: kept }
  }
  return { ...data, train: first(data.train), test: first(data.test) }
}

const filesOf = ({ imageShape: [height, width], train, test, files }: Dataset): Promise<DataFile[]> =>
  Promise.all(
    [
      [[train.count, height, width], train.images],
      [[train.count], train.labels],
      [[test.count, height, width], test.images],
      [[test.count], test.labels],
    ].map(async ([shape, content], i) => {
      const idx = writeIdx({ type: 'uint8', shape: shape as number[], data: content as Uint8Array })
      return { name: files[i]?.name ?? `file ${i}`, bytes: idx.length, sha256: await sha256(idx) }
    }),
  )
