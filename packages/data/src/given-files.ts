// A data set from whatever files somebody gives: a folder's, or those dropped onto a page. What they are is told by what they hold
// first, then by their names.
import { gunzipped, readIdx, streamIdx, unpackIdx, type ByteSource } from '@digitlab/idx'
import { formatOf, isZip, type ReadContext } from './array-formats'
import { chooseArrays, type ChosenArrays } from './array-names'
import { isMappingName, parseClassNames } from './class-names'
import { DataError } from './data-error'
import { storedIdx, type Dataset, type DatasetFiles } from './dataset'
import { chooseSet, chooseTraining } from './idx-names'
import { asBytes, isColour } from './image-bytes'
import { datasetFromOwnArrays, datasetFromOwnFiles } from './own-files'
import { isPicture, isPictureName, type DecodePicture } from './picture-pixels'
import { prepareDataset } from './prepare'
import { isPlain, type Preparation } from './preparation'
import { sentence, shownName } from './shown'
import { splitArrays } from './split'
import type { StoredArray } from './stored-array'

/** A file, on a disk or of a page. */
export interface GivenFile {
  readonly name: string
  /** Where it lies below what was given, with slashes; its name unless said. */
  readonly path?: string
  /** A stream of it, for who looks at its beginning alone. */
  readonly open: () => ByteSource
  readonly read: () => Promise<Uint8Array>
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
  /** Names of classes by label, instead of those that lie beside the data. */
  readonly classNames?: ReadonlyMap<number, string>
  /** What is made of it. */
  readonly preparation?: Preparation
  /** What reads pictures other than PNG. */
  readonly decodePicture?: DecodePicture
  /** Told of files that were skipped because they are damaged. */
  readonly onNotice?: (sentence: string) => void
}

/**
 * Makes a data set of the files among those given that are one: four IDX files under any of the usual spellings, packed or not, or,
 * where their names say nothing, told apart by what they hold; arrays of NumPy or safetensors; tables (CSV, Parquet); pictures in a
 * folder for each class; or a zip archive of one of these.
 *
 * @throws DataError if a file is missing, is there twice, or does not fit the others; IdxError if an IDX file is damaged
 */
export const datasetFromGiven = async (files: readonly GivenFile[], given: GivenOptions): Promise<Dataset> => {
  const { where, set } = given
  const onNotice = (text: string) => given.onNotice?.(sentence(text))
  const options = { ...given, onNotice }
  const { arrays, formats, pictures, others, mappings } = await sorted(await unzipped(files), contextOf(options))
  const classNames = options.classNames ?? (await namesIn(mappings, options))
  if (arrays.length > 0) {
    const own = set === undefined ? arrays : ofSet(arrays, set)
    const data = await fromArrays(chooseArrays(own, where, onNotice), classNames, options)
    return { ...data, format: [...formats].join(', ') }
  }
  const areFolders = pictures.some(({ path }) => path?.includes('/'))
  if (areFolders || (pictures.length > 1 && others.length === 0)) {
    const { arraysOfPictures } = await import('./pictures')
    const placed = pictures.map((file) => ({ name: file.name, path: file.path ?? file.name, read: () => file.read() }))
    const made = await arraysOfPictures(placed, where, contextOf(options))
    const data = await fromArrays(chooseArrays(made, where, onNotice), undefined, options)
    return { ...data, format: 'pictures in a folder for each class' }
  }
  return { ...(await fromIdx([...others, ...pictures], classNames, options)), format: 'IDX' }
}

/** The arrays in the folder of an archive that has the set's name; all where none is. */
const ofSet = (arrays: readonly StoredArray[], set: string): readonly StoredArray[] => {
  const own = arrays.filter(({ name }) => name.split(/[/ ]/).includes(set))
  return own.length > 0 ? own : arrays
}

const fromIdx = async (
  files: readonly GivenFile[],
  classNames: ReadonlyMap<number, string> | undefined,
  options: GivenOptions,
): Promise<Dataset> => {
  const { where, set, preparation = {} } = options
  const training = preparation.test === undefined ? undefined : chooseTraining(files, where, set)
  if (training) {
    const stored = async (files: readonly GivenFile[]) => {
      const { name, read } = await soundOf(files, options)
      return storedIdx({ name, bytes: await read() })
    }
    const [trainImages, trainLabels] = [await stored(training.trainImages), await stored(training.trainLabels)]
    return fromArrays({ trainImages, trainLabels }, classNames, options)
  }
  const named = chooseSet(files, where, set)
  const chosen = named ? await eachRole((role) => soundOf(named[role], options)) : await byContent(files, where)
  const read = await eachRole(async (role) => ({ name: chosen[role].name, bytes: await chosen[role].read() }))
  if (isColour(await storedIdx(read.trainImages)))
    return fromArrays(await eachRole((role) => storedIdx(read[role])), classNames, options)
  const data = await datasetFromOwnFiles(
    { name: options.name, origin: options.origin, ...(classNames ? { classNames } : {}) },
    read,
  )
  return prepared(data, options)
}

const prepared = async (data: Dataset, { preparation = {} }: GivenOptions, formed = false): Promise<Dataset> =>
  isPlain(preparation) ? data : prepareDataset(data, preparation, formed)

const contextOf = ({ preparation = {}, decodePicture, onNotice }: GivenOptions): ReadContext => ({
  ...(preparation.size ? { size: preparation.size } : {}),
  ...(preparation.asMnist ? { asMnist: true } : {}),
  ...(preparation.channels ? { channels: preparation.channels } : {}),
  ...(decodePicture ? { decodePicture } : {}),
  ...(onNotice ? { onNotice } : {}),
})

const fromArrays = async (
  arrays: ChosenArrays,
  names: ReadonlyMap<number, string> | undefined,
  options: GivenOptions,
): Promise<Dataset> => {
  const { name, origin, where, preparation = {} } = options
  const { trainImages, trainLabels, testImages, testLabels } = arrays
  const classNames = names ?? (trainLabels.classNames && new Map(trainLabels.classNames.entries()))
  const bytes = (images: StoredArray) =>
    asBytes(images, preparation, images === trainImages ? options.onNotice : undefined)
  const own = { name, origin, ...(classNames ? { classNames } : {}) }
  const part = preparation.test
  const four = async (): Promise<DatasetFiles<StoredArray>> => {
    if (testImages && testLabels) {
      if (part === undefined)
        return { trainImages: bytes(trainImages), trainLabels, testImages: bytes(testImages), testLabels }
      throw new DataError(
        `there are images to test on ${where} (${testImages.name}): leave them out to set a part of the others aside`,
      )
    }
    if (part !== undefined) return splitArrays(bytes(trainImages), trainLabels, part)
    throw new DataError(
      `there are no images to test on ${where}, only ${trainImages.name}: give them too, or say what part of those to train on is set aside (test=0.1)`,
      { code: 'no-test-images' },
    )
  }
  return prepared(await datasetFromOwnArrays(own, await four()), options, trainImages.formed)
}

/** The names of classes in the one file among those that has them; undefined if none is, or none can be read, which is said. */
export const namesIn = async (
  files: readonly GivenFile[],
  { set, onNotice = () => {} }: Pick<GivenOptions, 'set' | 'onNotice'>,
): Promise<ReadonlyMap<number, string> | undefined> => {
  const [file, ...more] = set === undefined ? files : files.filter(({ name }) => name.toLowerCase().startsWith(set))
  if (!file) return undefined
  if (more.length > 0) {
    onNotice(sentence(`${file.name} and ${more.length} more files name classes: none of them is taken`))
    return undefined
  }
  try {
    const names = parseClassNames(await file.read(), file.name)
    onNotice(sentence(`the classes have the names in ${file.name}`))
    return names
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    onNotice(sentence(`${file.name} is skipped: ${error.message}`))
    return undefined
  }
}

/** Files by what they are. */
interface Sorted {
  /** The formats of the arrays. */
  readonly formats: ReadonlySet<string>
  readonly arrays: readonly StoredArray[]
  readonly pictures: readonly GivenFile[]
  readonly mappings: readonly GivenFile[]
  readonly others: readonly GivenFile[]
}

const sorted = async (files: readonly GivenFile[], context: ReadContext): Promise<Sorted> => {
  const arrays: StoredArray[] = []
  const formats = new Set<string>()
  const [pictures, mappings, others]: [GivenFile[], GivenFile[], GivenFile[]] = [[], [], []]
  for (const file of files) {
    if (isMappingName(file.name)) mappings.push(file)
    // A folder may have 70,000 of them: what each holds is seen when it is read.
    else if (isPictureName(file.name)) pictures.push(file)
    else {
      const beginning = await beginningOf(file)
      const format = await formatOf(beginning)
      if (format) {
        formats.add(format.name)
        arrays.push(...(await format.read(file, context)))
      } else if (isPicture(beginning) && file.path?.includes('/')) pictures.push(file)
      else others.push(file)
    }
  }
  return { formats, arrays, pictures, mappings, others }
}

/** Archives yield to what is in them, but for NumPy's, whose arrays are read as one file. */
const unzipped = async (files: readonly GivenFile[]): Promise<readonly GivenFile[]> => {
  const all: GivenFile[] = []
  for (const file of files) {
    if (isPictureName(file.name) || isMappingName(file.name) || !isZip(await firstBytes(file))) {
      all.push(file)
      continue
    }
    const { filesInZip } = await import('./zip-files')
    all.push(...(await filesInZip(file)))
  }
  return all
}

const eachRole = async <T>(make: (role: keyof DatasetFiles<unknown>) => Promise<T>): Promise<DatasetFiles<T>> => ({
  trainImages: await make('trainImages'),
  trainLabels: await make('trainLabels'),
  testImages: await make('testImages'),
  testLabels: await make('testLabels'),
})

/** The first bytes of a file, as many as come at once. */
const firstBytes = async (file: GivenFile): Promise<Uint8Array> => {
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

/** The first bytes of what a file holds, unpacked. */
export const beginningOf = async (file: GivenFile): Promise<Uint8Array> => {
  try {
    for await (const piece of gunzipped(file.open())) return piece.subarray(0, 512)
  } catch {
    // Who reads the file says what is wrong with it.
  }
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
      onNotice(`${name} is skipped: ${(error as Error).message}`)
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

/** What an IDX file announces; undefined if it is not one. */
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
        .map(({ name }) => shownName(name))
        .join(', ')}${files.length > 6 ? ', ...' : ''}`
