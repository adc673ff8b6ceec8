import { readIdx, streamIdx, unpackIdx, type IdxArray, type IdxType } from '@digitlab/idx'
import { DataError } from './data-error'
import { readLabels } from './labels'
import { sha256 } from './sha256'

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
  /** The classes' names; as many as the labels ask for, named by their numbers, where they are not given. */
  readonly classNames?: readonly string[]
}

/** The longest side of an image. */
const longestSide = 4096

/**
 * Makes a data set of four IDX files: images of uint8, [count, height, width] or with one channel [count, height, width, 1];
 * labels of any integer type, [count] or [count, 1], or [count, n] of int32 with the class first, as QMNIST has them. All four
 * headers are held against each other before memory is taken for what they announce.
 *
 * Without class names there are as many classes as the labels ask for; labels that begin at 1 are counted from there. What looks
 * wrong with them (classes without an image, one class alone) stands in the data set's notice.
 *
 * @throws DataError where counts or shapes differ, a label is outside the classes or a split is empty; IdxError where a
 * file is damaged
 */
export const datasetFromFiles = async (
  names: DatasetNames,
  files: DatasetFiles<{ readonly name: string; readonly bytes: Uint8Array }>,
): Promise<Dataset> => {
  const headers = {
    trainImages: await headerOf(files.trainImages),
    trainLabels: await headerOf(files.trainLabels),
    testImages: await headerOf(files.testImages),
    testLabels: await headerOf(files.testLabels),
  }
  const imageShape = sidesOf(headers.trainImages)
  const testShape = sidesOf(headers.testImages)
  if (imageShape.join() !== testShape.join())
    throw new DataError(
      `expected test images of the training images' size [${imageShape.join(', ')}], found [${testShape.join(', ')}] (${headers.testImages.name}): give files of one data set`,
    )
  checkCounts(headers.trainImages, headers.trainLabels)
  checkCounts(headers.testImages, headers.testLabels)

  const read = async (role: keyof DatasetFiles<unknown>): Promise<Part> => {
    const { name, bytes } = files[role]
    const unpacked = await unpackIdx(bytes, { name })
    return { name: plain(name), array: readIdx(unpacked, { name }), unpacked }
  }
  const parts = (await Promise.all(fileRoles.map(read))) as [Part, Part, Part, Part] // one for each role
  const [trainImages, trainLabels, testImages, testLabels] = parts
  const { classNames, train, test, notice } = readLabels(trainLabels, testLabels, names.classNames)
  return {
    name: names.name,
    title: names.title,
    origin: names.origin,
    imageShape,
    classes: classNames.length,
    classNames,
    // sidesOf saw the type of the images
    train: { images: trainImages.array.data as Uint8Array, labels: train, count: train.length },
    test: { images: testImages.array.data as Uint8Array, labels: test, count: test.length },
    files: await Promise.all(
      parts.map(async ({ name, unpacked }) => ({ name, bytes: unpacked.length, sha256: await sha256(unpacked) })),
    ),
    ...(notice === undefined ? {} : { notice }),
  }
}

interface Header {
  readonly name: string
  readonly type: IdxType
  readonly shape: readonly number[]
}

interface Part {
  readonly name: string
  readonly array: IdxArray
  readonly unpacked: Uint8Array
}

/** A file's name without that of its compression. */
const plain = (name: string): string => name.replace(/\.gz$/, '')

const headerOf = async ({ name, bytes }: { readonly name: string; readonly bytes: Uint8Array }): Promise<Header> => {
  const stream = await streamIdx(
    (async function* () {
      yield bytes
    })(),
    { name },
  )
  await stream.cancel()
  return { name: plain(name), type: stream.type, shape: stream.shape }
}

const sidesOf = ({ name, type, shape }: Header): [number, number] => {
  const [, height = 0, width = 0, channels = 1] = shape
  const fits = type === 'uint8' && (shape.length === 3 || shape.length === 4) && channels === 1
  if (!fits || height < 1 || width < 1 || height > longestSide || width > longestSide)
    throw new DataError(
      `expected images as uint8 [count, height, width] of 1 to ${longestSide} pixels a side, found ${type} [${shape.join(', ')}] (${name}): give an images file`,
    )
  return [height, width]
}

const checkCounts = (images: Header, labels: Header): void => {
  const [imageCount = 0] = images.shape
  const { type, shape } = labels
  const [labelCount = 0, columns = 1] = shape
  const flat = shape.length === 1 || (shape.length === 2 && columns === 1)
  const table = type === 'int32' && shape.length === 2 && columns > 1
  if (type.startsWith('float') || (!flat && !table))
    throw new DataError(
      `expected labels as integers [count], found ${type} [${shape.join(', ')}] (${labels.name}): give a labels file`,
    )
  if (imageCount !== labelCount)
    throw new DataError(
      `expected as many labels as images, found ${imageCount} images (${images.name}) and ${labelCount} labels (${labels.name}): give files of one data set`,
    )
  if (imageCount === 0) throw new DataError(`expected at least one image, found none (${images.name})`)
}
