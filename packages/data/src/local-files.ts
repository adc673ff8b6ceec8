// Files on a disk that somebody names as a data set: a folder, a single file, torchvision's root, or one set of several in a folder.
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { formatOf, isZip } from './array-formats'
import { isMappingName } from './class-names'
import { DataError } from './data-error'
import type { Dataset } from './dataset'
import { beginningOf, datasetFromGiven, namesIn, type GivenFile, type GivenOptions } from './given-files'
import { chooseSet, roleOf, setOf } from './idx-names'
import { ownName } from './own-files'
import { isPictureName } from './picture-pixels'
import { readIfThere } from './read-file'
import { shownName } from './shown'
import { isLarge, streamedDataset } from './streamed'

/** How files on a disk are read. */
export interface LocalOptions extends Pick<GivenOptions, 'classNames' | 'preparation' | 'decodePicture' | 'onNotice'> {
  /** Whether images are read from the disk as they are asked for: where they take more than half of the memory, unless said. */
  readonly stream?: boolean
  readonly env?: Readonly<Record<string, string | undefined>>
}

/**
 * Makes a data set of what lies at a path: a folder of files, or of a folder `raw` of them, as torchvision has it; a folder of
 * pictures for each class; one file that holds all; or a folder or an archive and the name of one of the sets in it, as
 * `gzip/emnist-letters`.
 *
 * @returns undefined if nothing is there
 * @throws DataError and IdxError as `datasetFromGiven`
 */
export const datasetAt = async (path: string, options: LocalOptions): Promise<Dataset | undefined> => {
  const there = await stat(path).catch(() => undefined)
  if (there?.isDirectory()) {
    const { folder, names, called } = await dataFolder(path)
    const files = names.map((name) => fileAt(join(folder, name), name))
    const where = `in ${folder} (${names.slice(0, 8).map(shownName).join(', ') || 'it is empty'}${names.length > 8 ? ', ...' : ''})`
    const streamed = await streamedFrom(folder, names, { called, origin: `the folder ${path}`, where }, options)
    if (streamed) return streamed
    return datasetFromGiven(files, { ...options, name: called, origin: `the folder ${path}`, where })
  }
  if (there) {
    const name = basename(path)
    const names = { name: setNameOf(name), origin: `the file ${path}`, where: `in ${path}` }
    return datasetFromGiven([fileAt(path, name)], { ...options, ...names })
  }
  // One set of several: gzip/emnist-letters, gzip.zip/emnist-letters.
  const [parent, set] = [dirname(resolve(path)), basename(path)]
  const names = { name: set, set, where: `in ${parent}` }
  const above = await stat(parent).catch(() => undefined)
  if (above?.isFile())
    return datasetFromGiven([fileAt(parent, basename(parent))], {
      ...options,
      ...names,
      origin: `the file ${dirname(path)}`,
    })
  const own = (await filesIn(parent)).filter(
    (name) => (roleOf(name) && setOf(name) === set) || (isMappingName(name) && name.toLowerCase().startsWith(set)),
  )
  if (!own.some((name) => roleOf(name))) return undefined
  return datasetFromGiven(
    own.map((name) => fileAt(join(parent, name), name)),
    { ...options, ...names, origin: `the folder ${dirname(path)}` },
  )
}

/**
 * The data set of a folder's IDX files, its images streamed, where that is asked for or they are large.
 *
 * @throws DataError if it is asked for and they are not IDX files
 */
const streamedFrom = async (
  folder: string,
  names: readonly string[],
  { called, origin, where }: { readonly called: string; readonly origin: string; readonly where: string },
  options: LocalOptions,
): Promise<Dataset | undefined> => {
  const { stream, preparation = {}, env, onNotice = () => {} } = options
  if (stream === false) return undefined
  // Unless it is asked for, what needs the images in memory has them there.
  const needsAll = Object.keys(preparation).some((key) => !['transpose', 'invert', 'channels'].includes(key))
  if (stream === undefined && needsAll) return undefined
  const isIdx = names.some((name) => roleOf(name) && !dataEndings.test(name))
  if (stream === undefined && !isIdx) return undefined
  if (!isIdx)
    throw new DataError(`expected IDX files to stream images from ${where}: write them as such, or hold them in memory`)
  const files = names.filter((name) => !dataEndings.test(name)).map((name) => ({ name }))
  if (stream === undefined && (await stat(folder)) && !(await holdsLarge(folder, files))) return undefined
  const chosen = chooseSet(files, where)
  if (!chosen) return undefined
  // Of a packed file and an unpacked one the unpacked, which need not be unpacked again.
  const path = (role: keyof typeof chosen) =>
    join(folder, [...chosen[role]].sort((a, b) => a.name.length - b.name.length)[0]?.name ?? '')
  const paths = {
    trainImages: path('trainImages'),
    trainLabels: path('trainLabels'),
    testImages: path('testImages'),
    testLabels: path('testLabels'),
  }
  if (stream === undefined && !(await isLarge(paths.trainImages))) return undefined
  onNotice(`the images of ${called} are read from the disk as they are needed`)
  const name = ownName(called)
  const mappings = names.filter(isMappingName).map((one) => fileAt(join(folder, one), one))
  const classNames = options.classNames ?? (await namesIn(mappings, { onNotice }))
  return streamedDataset(paths, { name, title: name, origin, ...(classNames ? { classNames } : {}) }, preparation, env)
}

/** So small is no file that would be streamed: its header is not looked at. */
const small = 2 ** 22

const holdsLarge = async (folder: string, files: readonly { readonly name: string }[]): Promise<boolean> => {
  for (const { name } of files) {
    const found = await stat(join(folder, name)).catch(() => undefined)
    if (found?.isFile() && found.size > small) return true
  }
  return false
}

/** What a file is called without what says its format. */
const setNameOf = (file: string): string => file.replace(/\.gz$/i, '').replace(/\.[^.]+$/, '') || file

/** The files with data, at or below the folder that is named, their paths below it, and what the data set in them is called. */
const dataFolder = async (
  path: string,
): Promise<{ readonly folder: string; readonly names: readonly string[]; readonly called: string }> => {
  const called = basename(resolve(path))
  const own = await filesIn(path)
  const isRaw = called.toLowerCase() === 'raw'
  if (await hasData(path, own))
    return { folder: path, names: own, called: isRaw ? basename(dirname(resolve(path))) : called }
  const folders = (await readdir(path, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  const below: { folder: string; names: readonly string[]; called: string }[] = []
  for (const { name } of folders)
    for (const [within, set] of [
      [name === 'raw' || name === 'data' ? name : join(name, 'raw'), name === 'raw' || name === 'data' ? called : name],
    ] as const) {
      const folder = join(path, within)
      const names = await filesIn(folder)
      if (await hasData(folder, names)) below.push({ folder, names, called: set })
    }
  if (below.length > 1)
    throw new DataError(
      `expected one data set in ${path}, found ${below.map(({ folder }) => folder).join(', ')}: name one of these folders`,
      { code: 'not-in-folder' },
    )
  if (below[0]) return below[0]
  const pictures = await picturesBelow(path)
  return { folder: path, names: pictures.length > 0 ? pictures : own, called }
}

/** As many pictures as a data set may have. */
const mostPictures = 5_000_000

/** Pictures at class/picture and train/class/picture, as paths below the folder. */
const picturesBelow = async (folder: string, within = '', depth = 0): Promise<string[]> => {
  const found: string[] = []
  const entries = await readdir(join(folder, within), { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    const path = within === '' ? entry.name : `${within}/${entry.name}`
    if (entry.isDirectory()) {
      if (depth < 3) for (const below of await picturesBelow(folder, path, depth + 1)) found.push(below)
    } else if (isPictureName(entry.name)) found.push(path)
    if (found.length > mostPictures)
      throw new DataError(`expected at most ${mostPictures} pictures, ${folder} has more: give a smaller folder`)
  }
  return found.sort()
}

const filesIn = async (folder: string): Promise<readonly string[]> => {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .sort()
}

/** Endings of files whose beginnings are worth a look. */
const dataEndings = /\.(np[yz]|csv|tsv|txt|parquet|safetensors|zip)(\.gz)?$/i

/** Whether something in a folder is a file of data: by its name, or by its first bytes. */
const hasData = async (folder: string, names: readonly string[]): Promise<boolean> => {
  if (names.some((name) => roleOf(name))) return true
  for (const name of names.filter((one) => dataEndings.test(one) && !isMappingName(one))) {
    const beginning = await beginningOf(fileAt(join(folder, name), name))
    if (isZip(beginning) || (await formatOf(beginning))) return true
  }
  return false
}

/** A file on the disk as those that are given. */
export const fileAt = (path: string, below: string): GivenFile => ({
  name: basename(below),
  path: below,
  async *open() {
    const found = await stat(path).catch(() => undefined)
    // A pipe would be waited for; reading it says so.
    if (found?.isFile()) yield* createReadStream(path, { highWaterMark: 65_536 }) as AsyncIterable<Buffer>
  },
  async read() {
    const found = await readIfThere(path)
    if (found) return found.bytes
    throw new DataError(`${path} was there and has gone: try again`, { code: 'disk' })
  },
})
