import { readIdx, streamIdx, unpackIdx, type IdxStream } from '@digitlab/idx'
import type { ImageShape } from './image-shape'
import { sha256 } from './sha256'
import { datasetFromArrays, type StoredArray } from './stored-array'

/** Images with their labels. */
export interface Split {
  /** Shape [count, height, width] or, in colour, [count, height, width, 3]; of drawings 0 is background, 255 is ink */
  readonly images: Uint8Array
  /** [count] */
  readonly labels: Uint8Array
  readonly count: number
  /** What reads the images where they are streamed from a disk: `images` is empty then. */
  readonly stream?: SplitStream
}

/** Images on a disk. */
export interface SplitStream {
  /** Reads images one after another into `target`, [indices.length, height, width] or [..., 3] bytes. The indices ascend. */
  read(indices: Int32Array, target: Uint8Array): void
  /** Closes the file. */
  close(): void
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
  readonly imageShape: ImageShape
  readonly classes: number
  readonly classNames: readonly string[]
  readonly train: Split
  readonly test: Split
  readonly files: readonly DataFile[]
  /** What its files are: 'IDX', 'CSV'. Absent where it has none. */
  readonly format?: string
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

/** What to call a data set made of files. */
export interface DatasetNames {
  readonly name: string
  readonly title: string
  readonly origin: string
  /**
   * The classes' names, as a list of all; or by label, of those that have one. As many as the labels ask for, named by their numbers,
   * where they are not given.
   */
  readonly classNames?: readonly string[] | ReadonlyMap<number, string>
}

/**
 * Makes a data set of four IDX files: images of uint8, [count, height, width] or with one or three channels [count, height,
 * width, channels]; labels of any integer type, [count] or [count, 1], or [count, n] of int32 with the class first, as QMNIST has them. All four
 * headers are held against each other before memory is allocated for what they announce.
 *
 * Without class names there are as many classes as the labels ask for; labels that begin at 1 are counted from there. What looks
 * wrong with them (classes without an image, one class alone) stands in the data set's notice.
 *
 * @throws DataError if counts or shapes differ, a label is outside the classes or a split is empty; IdxError if a
 * file is damaged
 */
export const datasetFromFiles = async (
  names: DatasetNames,
  files: DatasetFiles<{ readonly name: string; readonly bytes: Uint8Array }>,
): Promise<Dataset> => {
  const unpacked = new Map<string, Uint8Array>()
  const stored = (role: keyof DatasetFiles<unknown>) => storedIdx(files[role], (content) => unpacked.set(role, content))
  const arrays = {
    trainImages: await stored('trainImages'),
    trainLabels: await stored('trainLabels'),
    testImages: await stored('testImages'),
    testLabels: await stored('testLabels'),
  }
  return datasetFromArrays(names, arrays, () =>
    Promise.all(
      fileRoles.map(async (role) => {
        const content = unpacked.get(role) ?? new Uint8Array(0) // each was read
        return { name: arrays[role].name, bytes: content.length, sha256: await sha256(content) }
      }),
    ),
  )
}

/**
 * An IDX file as an array whose elements are not yet unpacked.
 *
 * @param onContent told of the file's bytes, unpacked, when they are read
 */
export const storedIdx = async (
  { name, bytes }: { readonly name: string; readonly bytes: Uint8Array },
  onContent: (content: Uint8Array) => void = () => {},
): Promise<StoredArray> => {
  const { type, shape } = await headerOf(bytes, name)
  return {
    name: name.replace(/\.gz$/, ''),
    type,
    shape,
    async read() {
      const content = await unpackIdx(bytes, { name })
      onContent(content)
      return readIdx(content, { name }).data
    },
  }
}

const headerOf = async (bytes: Uint8Array, name: string): Promise<Pick<IdxStream, 'type' | 'shape'>> => {
  const stream = await streamIdx(
    (async function* () {
      yield bytes
    })(),
    { name },
  )
  await stream.cancel()
  return stream
}
