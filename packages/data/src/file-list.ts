// A data set from files that somebody dropped onto a page or chose there.
import { streamIdx } from '@digitlab/idx'
import { DataError } from './data-error'
import { fileRoles, type Dataset, type DatasetFiles } from './dataset'
import { datasetFromOwnFiles } from './own-files'
import { longest } from './transfer'

/** What files that were given are to be called. */
export interface FileListOptions {
  /** What the data set is called: the folder's name unless given, or 'files'. An experiment's id has it in it. */
  readonly name?: string
}

type Role = keyof DatasetFiles<unknown>

interface Read {
  readonly name: string
  /** As they were given. */
  readonly bytes: Uint8Array
}

const wordsOf: DatasetFiles<string> = {
  trainImages: 'images to train on (train-images-idx3-ubyte)',
  trainLabels: 'their labels (train-labels-idx1-ubyte)',
  testImages: 'images to test on (t10k-images-idx3-ubyte)',
  testLabels: 'their labels (t10k-labels-idx1-ubyte)',
}

/**
 * Makes a data set of four IDX files, packed or not: which is which their names tell (`train-images...`, `t10k-labels...`,
 * `qmnist-test-images...`), else what they hold (images and labels of equal number; the larger pair is to train on). Files of a
 * known data set, recognised by their hashes, take its name, and no others do. Other files among them are left alone.
 *
 * @throws DataError where a file is missing, is there twice, or does not fit the others; IdxError where one is damaged
 */
export const datasetFromFileList = async (files: readonly File[], options: FileListOptions = {}): Promise<Dataset> => {
  const chosen = byName(files) ?? (await byContent(files))
  const read = await Promise.all(fileRoles.map(async (role) => [role, await readFile(chosen[role])] as const))
  const parts = Object.fromEntries(read) as Readonly<Record<Role, Read>> // one entry for each role
  const name = options.name ?? folderOf(files) ?? 'files'
  return datasetFromOwnFiles({ name, origin: 'files given to this page' }, parts)
}

/** The files by their names, where each role has exactly one; undefined where no name tells a role. */
const byName = (files: readonly File[]): DatasetFiles<File> | undefined => {
  const found = new Map<Role, File>()
  for (const file of files) {
    const role = roleOf(file.name)
    if (!role) continue
    const other = found.get(role)
    if (other)
      throw new DataError(
        `expected one file with ${wordsOf[role]}, found ${other.name} and ${file.name}: give the four files of one data set`,
      )
    found.set(role, file)
  }
  if (found.size === 0) return undefined
  const missing = fileRoles.filter((role) => !found.has(role))
  if (missing.length > 0)
    throw new DataError(
      `there are no ${missing.map((role) => wordsOf[role]).join(', no ')} among ${listed(files)}: give all four files at once`,
    )
  return Object.fromEntries(found) as unknown as DatasetFiles<File> // none is missing
}

const roleOf = (name: string): Role | undefined => {
  const words = name.toLowerCase()
  const images = /images|idx3/.test(words)
  const labels = /labels|idx1|idx2/.test(words)
  const train = /train/.test(words)
  const test = /t10k|test/.test(words)
  if (images === labels || train === test) return undefined
  return train ? (images ? 'trainImages' : 'trainLabels') : images ? 'testImages' : 'testLabels'
}

/** The files by what they hold. */
const byContent = async (files: readonly File[]): Promise<DatasetFiles<File>> => {
  const images: { readonly file: File; readonly count: number }[] = []
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
      `expected four IDX files, two with images and two with as many labels, found ${images.length} with images and ${labels.length} with labels among ${listed(files)}: call them train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte`,
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
const shapeOf = async (file: File): Promise<readonly number[] | undefined> => {
  try {
    const stream = await streamIdx(file.stream())
    await stream.cancel()
    return stream.shape
  } catch {
    return undefined
  }
}

const readFile = async (file: File): Promise<Read> => {
  const { name, size } = file
  if (size > longest)
    throw new DataError(
      `expected a file of at most ${longest} bytes, ${name} has ${size}: give the files of a smaller set`,
    )
  try {
    return { name, bytes: new Uint8Array(await file.arrayBuffer()) }
  } catch (cause) {
    throw new DataError(`could not read ${name} (${(cause as Error).message}): give it again`, { code: 'disk', cause })
  }
}

/** The folder that was chosen, where it was one. */
const folderOf = (files: readonly File[]): string | undefined =>
  files[0]?.webkitRelativePath?.split('/').at(-2) || undefined

const listed = (files: readonly File[]): string =>
  files.length === 0
    ? 'no files'
    : `${files
        .slice(0, 6)
        .map(({ name }) => name)
        .join(', ')}${files.length > 6 ? ', ...' : ''}`
