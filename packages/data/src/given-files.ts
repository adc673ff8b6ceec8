// A data set from whatever files somebody gives: a folder's, or those dropped onto a page. What they are is told by what they hold
// first, then by their names.
import { readIdx, streamIdx, unpackIdx } from '@digitlab/idx'
import { formatOf } from './array-formats'
import { chooseArrays } from './array-names'
import { DataError } from './data-error'
import type { Dataset, DatasetFiles } from './dataset'
import { chooseSet } from './idx-names'
import { datasetFromOwnArrays, datasetFromOwnFiles } from './own-files'
import type { StoredArray } from './stored-array'

/** A file, on a disk or of a page. */
export interface GivenFile {
  readonly name: string
  /** A stream of it, for who looks at its beginning alone. */
  open(): AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>
  read(): Promise<Uint8Array>
}

/** What files that were given are to be called, and where they are. */
export interface GivenOptions {
  readonly name: string
  /** A phrase: 'the folder digits'. */
  readonly origin: string
  /** For who reads an error: 'in digits', 'among a, b'. */
  readonly where: string
  /** Which set, where the files of several lie together: 'emnist-letters'. */
  readonly set?: string
  /** Told of files that were passed over because they are damaged. */
  readonly onNotice?: (sentence: string) => void
}

/**
 * Makes a data set of the files among those given that are one: four IDX files under any of the usual spellings, packed or not, or,
 * where their names say nothing, told apart by what they hold; or arrays of NumPy.
 *
 * @throws DataError where a file is missing, is there twice, or does not fit the others; IdxError where an IDX file is damaged
 */
export const datasetFromGiven = async (files: readonly GivenFile[], options: GivenOptions): Promise<Dataset> => {
  const arrays: StoredArray[] = []
  const others: GivenFile[] = []
  for (const file of files) {
    const format = await formatOf(await beginningOf(file))
    if (format) arrays.push(...(await format({ name: file.name, bytes: await file.read() })))
    else others.push(file)
  }
  if (arrays.length > 0) return datasetFromOwnArrays(options, chooseArrays(arrays, options.where))
  const named = chooseSet(others, options.where, options.set)
  const chosen = named
    ? await eachRole((role) => soundOf(named[role], options))
    : await byContent(others, options.where)
  return datasetFromOwnFiles(
    options,
    await eachRole(async (role) => ({ name: chosen[role].name, bytes: await chosen[role].read() })),
  )
}

const eachRole = async <T>(make: (role: keyof DatasetFiles<unknown>) => Promise<T>): Promise<DatasetFiles<T>> => ({
  trainImages: await make('trainImages'),
  trainLabels: await make('trainLabels'),
  testImages: await make('testImages'),
  testLabels: await make('testLabels'),
})

/** The first bytes of a file, as many as tell what it is. */
const beginningOf = async (file: GivenFile): Promise<Uint8Array> => {
  const stream = file.open()
  if ('getReader' in stream) {
    const reader = stream.getReader()
    const { value } = await reader.read()
    await reader.cancel()
    return value ?? new Uint8Array(0)
  }
  for await (const piece of stream) return piece
  return new Uint8Array(0)
}

/** Of a file that is there packed and unpacked the one that is sound, the unpacked one where both are. */
const soundOf = async (files: readonly GivenFile[], { onNotice = () => {} }: GivenOptions): Promise<GivenFile> => {
  const [first, ...more] = [...files].sort((a, b) => Number(a.name.endsWith('.gz')) - Number(b.name.endsWith('.gz')))
  if (!first) throw new Error('a role without a file was chosen')
  if (more.length === 0) return first
  let failure: unknown
  for (const file of [first, ...more]) {
    const { name } = file
    const bytes = await file.read()
    try {
      readIdx(await unpackIdx(bytes, { name }), { name })
    } catch (error) {
      onNotice(`${name} is passed over: ${(error as Error).message}`)
      failure ??= error
      continue
    }
    return { name, open: () => file.open(), read: async () => bytes }
  }
  throw failure
}

/** Which is which by what they hold: images and labels of equal number; the larger pair is to train on. */
const byContent = async (files: readonly GivenFile[], where: string): Promise<DatasetFiles<GivenFile>> => {
  const images: { readonly file: GivenFile; readonly count: number }[] = []
  const labels: typeof images = []
  for (const file of files) {
    const shape = await shapeOf(file)
    const entry = { file, count: shape?.[0] ?? 0 }
    if (shape && shape.length > 2) images.push(entry)
    else if (shape) labels.push(entry)
  }
  const [small, large] = images.sort((a, b) => a.count - b.count)
  const labelsOf = (count: number | undefined) => labels.filter((entry) => entry.count === count)
  const [trainLabels, testLabels] = [labelsOf(large?.count), labelsOf(small?.count)]
  if (images.length !== 2 || small?.count === large?.count || trainLabels.length !== 1 || testLabels.length !== 1)
    throw new DataError(
      `expected four IDX files, two with images and two with as many labels, found ${images.length} with images and ${labels.length} with labels ${where}: call them train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte`,
      { code: 'not-in-folder' },
    )
  // The lengths were looked at: each is there.
  return {
    trainImages: large!.file,
    trainLabels: trainLabels[0]!.file,
    testImages: small!.file,
    testLabels: testLabels[0]!.file,
  }
}

/** What an IDX file announces; undefined where it is none. */
const shapeOf = async (file: GivenFile): Promise<readonly number[] | undefined> => {
  try {
    const stream = await streamIdx(file.open())
    await stream.cancel()
    return stream.shape
  } catch {
    return undefined
  }
}

/** Some of the names, for an error. */
export const listed = (files: readonly { readonly name: string }[]): string =>
  files.length === 0
    ? 'no files'
    : `${files
        .slice(0, 6)
        .map(({ name }) => name)
        .join(', ')}${files.length > 6 ? ', ...' : ''}`
