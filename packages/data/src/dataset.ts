import { readIdx, unpackIdx, type IdxArray } from '@digitlab/idx'

/** Data that can't be had, or are not what they should be. */
export class DataError extends Error {
  readonly mendable = true
  override name = 'DataError'
}

/** Images with their labels. */
export interface Split {
  /** Shape [count, height, width]; 0 is background, 255 is ink */
  readonly images: Uint8Array
  /** [count] */
  readonly labels: Uint8Array
  readonly count: number
}

/** A file that a data set was read from. */
export interface DataFile {
  readonly name: string
  /** Length of the content, unpacked. */
  readonly bytes: number
  /** SHA-256 of the content, unpacked: a packed and an unpacked copy agree in it. */
  readonly sha256: string
}

/** Images and labels for training and for testing, and where they came from. */
export interface Dataset {
  /** 'mnist', 'strokes', or the folder's own name for a folder of IDX files. */
  readonly name: string
  /** 'MNIST' */
  readonly title: string
  /** A phrase: 'the folder digits', 'the cache', 'strokes drawn by digitlab'. */
  readonly origin: string
  readonly imageShape: readonly [height: number, width: number]
  readonly classes: number
  readonly classNames: readonly string[]
  readonly train: Split
  readonly test: Split
  readonly files: readonly DataFile[]
  /** Set where the data are not what was hoped for: a sentence to be said loudly. */
  readonly notice?: string
}

/** The four files of a data set, unpacked or gzip. */
export interface DatasetFiles<T> {
  readonly trainImages: T
  readonly trainLabels: T
  readonly testImages: T
  readonly testLabels: T
}

export const fileRoles = ['trainImages', 'trainLabels', 'testImages', 'testLabels'] as const

/** How a data set made of files is to be called. */
export interface DatasetNames {
  readonly name: string
  readonly title: string
  readonly origin: string
  /** The classes' names; as many as the largest label asks for, named by their numbers, where they are not given. */
  readonly classNames?: readonly string[]
}

const limits = { classes: 256, side: 4096 }

/**
 * Makes a data set of four IDX files: images [count, height, width] of uint8; labels [count] of uint8, or [count, n] of
 * int32 with the class first, as QMNIST has them.
 *
 * @throws DataError where counts or shapes differ, a label is outside the classes or a split is empty; IdxError where a
 * file is damaged
 */
export const datasetFromFiles = async (
  names: DatasetNames,
  files: DatasetFiles<{ readonly name: string; readonly bytes: Uint8Array }>,
): Promise<Dataset> => {
  const read = async (role: keyof DatasetFiles<unknown>) => {
    const { name, bytes } = files[role]
    const unpacked = await unpackIdx(bytes, { name })
    return { name: name.replace(/\.gz$/, ''), array: readIdx(unpacked, { name }), unpacked }
  }
  const [trainImages, trainLabels, testImages, testLabels] = (await Promise.all(fileRoles.map(read))) as [
    Part,
    Part,
    Part,
    Part,
  ]
  const imageShape = sidesOf(trainImages)
  const testShape = sidesOf(testImages)
  if (imageShape.join() !== testShape.join())
    throw new DataError(
      `expected test images of the training images' size [${imageShape.join(', ')}], found [${testShape.join(', ')}] (${testImages.name}): give files of one data set`,
    )
  const train = splitOf(trainImages, trainLabels)
  const test = splitOf(testImages, testLabels)
  const largest = (labels: Uint8Array) => labels.reduce((most, label) => Math.max(most, label), 1)
  const most = Math.max(largest(train.labels), largest(test.labels))
  const classNames = names.classNames ?? Array.from({ length: most + 1 }, (_, label) => String(label))
  for (const [{ labels }, { name }] of [
    [train, trainLabels],
    [test, testLabels],
  ] as const) {
    const at = labels.findIndex((label) => label >= classNames.length)
    if (at >= 0)
      throw new DataError(
        `expected labels from 0 to ${classNames.length - 1}, found ${labels[at]} at position ${at} (${name}): give files of this data set`,
      )
  }
  const parts = [trainImages, trainLabels, testImages, testLabels]
  return {
    name: names.name,
    title: names.title,
    origin: names.origin,
    imageShape,
    classes: classNames.length,
    classNames,
    train,
    test,
    files: await Promise.all(
      parts.map(async ({ name, unpacked }) => ({ name, bytes: unpacked.length, sha256: await sha256(unpacked) })),
    ),
  }
}

interface Part {
  readonly name: string
  readonly array: IdxArray
  readonly unpacked: Uint8Array
}

const sidesOf = ({ name, array: { type, shape } }: Part): [number, number] => {
  const [, height = 0, width = 0] = shape
  if (type !== 'uint8' || shape.length !== 3 || height < 1 || width < 1 || height > limits.side || width > limits.side)
    throw new DataError(
      `expected images as uint8 [count, height, width], found ${type} [${shape.join(', ')}] (${name}): give an images file`,
    )
  return [height, width]
}

const splitOf = (images: Part, labels: Part): Split => {
  const count = images.array.shape[0] ?? 0
  const { type, shape, data } = labels.array
  const [labelCount = 0, columns = 1] = shape
  const flat = type === 'uint8' && shape.length === 1
  const table = type === 'int32' && shape.length === 2 && columns > 0
  if (!flat && !table)
    throw new DataError(
      `expected labels as uint8 [count], found ${type} [${shape.join(', ')}] (${labels.name}): give a labels file`,
    )
  if (count !== labelCount)
    throw new DataError(
      `expected as many labels as images, found ${count} images (${images.name}) and ${labelCount} labels (${labels.name}): give files of one data set`,
    )
  if (count === 0) throw new DataError(`expected at least one image, found none (${images.name})`)
  const classes = new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    const label = data[i * columns] ?? -1
    if (label < 0 || label >= limits.classes)
      throw new DataError(
        `expected labels from 0 to ${limits.classes - 1}, found ${label} at position ${i} (${labels.name})`,
      )
    classes[i] = label
  }
  return { images: images.array.data as Uint8Array, labels: classes, count } // sidesOf saw its type
}

/** SHA-256 in hexadecimal, by the platform. */
export const sha256 = async (bytes: Uint8Array): Promise<string> => {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
