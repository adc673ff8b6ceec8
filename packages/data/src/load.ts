import { createHash } from 'node:crypto'
import { readdir, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { IdxError, unpackIdx } from '@digitlab/idx'
import { datasetFromAddress, isAddress } from './address'
import { archivedNames } from './archives'
import { mnistOrStrokes } from './auto'
import { cacheFolder } from './cache-folder'
import { catalogue, catalogueEntry, type CatalogueEntry, type CatalogueFile } from './catalogue'
import { datasetNames } from './choices'
import { parseClassNames } from './class-names'
import { DataError } from './data-error'
import { datasetFromFiles, fileRoles, type Dataset, type DatasetFiles } from './dataset'
import { differs, download } from './download'
import { roleOf } from './idx-names'
import { loadArchived } from './load-archived'
import { datasetAt } from './local-files'
import { clearPartials } from './partial-file'
import type { DecodePicture } from './picture-pixels'
import { parsePreparedName, type Preparation } from './preparation'
import { prepareKnown } from './prepare'
import { readIfThere, type FileVersion } from './read-file'
import { strokes, type StrokesOptions } from './strokes'
import type { DownloadOptions } from './transfer'

/** Where a data set is looked for, and what is told on the way. */
export interface LoadOptions extends DownloadOptions {
  /** Looked into first; must then have the data set. */
  readonly folder?: string
  /** Where DIGITLAB_DATA, DIGITLAB_CACHE and DIGITLAB_MIRROR are read from: the process's own environment by default. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /**
   * Whether the training images of a folder of IDX files are read from the disk as they are needed, a block of the shuffled order at a time, and
   * not held in memory: where they take more than half of it, unless said. What is trained is the same to the bit.
   */
  readonly stream?: boolean
  /** A file that names the classes, instead of one that lies beside the data: EMNIST's mapping, a name a line, JSON. */
  readonly classNames?: string
  /** What reads pictures other than PNG: JPEG, WebP. Without it they are refused. */
  readonly decodePicture?: DecodePicture
  /** Told what was looked for in vain on the way. */
  readonly onNotice?: (sentence: string) => void
}

type Roles<T> = DatasetFiles<T>

/** A file as it was found: its bytes, not yet unpacked. */
export interface Found {
  readonly name: string
  /** Where it lies on the disk. */
  readonly path: string
  readonly version: FileVersion
  readonly bytes: Uint8Array
}

/**
 * Loads a data set by its name: one of the catalogue, 'strokes', 'auto', or the path of files of one's own: a folder of IDX files
 * under any of the usual spellings, torchvision's root, arrays of NumPy or safetensors, tables (CSV, Parquet), pictures in a folder
 * for each class, a zip archive of these, or an address of one such file (https://..., with #sha256=... held to that hash). What is
 * made of a data set stands behind its name: 'mnist#classes=0,1,7&limit=1000'.
 *
 * A catalogue set is looked for in `folder`, in the folder DIGITLAB_DATA, in the cache, and then downloaded; each file,
 * packed or not, is held to its published hash. 'auto' is MNIST where that can be had, else strokes with a notice; but a
 * folder that was named and does not hold MNIST is an error.
 *
 * @throws DataError if the name is unknown, or the data are not available or not what they should be; what `signal` was aborted
 * with, where it was
 */
export const loadDataset = async (name: string, options: LoadOptions = {}): Promise<Dataset> => {
  options.signal?.throwIfAborted()
  const { decodePicture, onNotice } = options
  const said = (await isPath(name)) ? { name, preparation: {} } : parsePreparedName(name)
  const known = await loadKnown(said, options)
  if (known) {
    if (options.classNames === undefined) return prepareKnown(known, said.preparation)
    throw new DataError(
      `the classes of ${known.title} have names already, and ${options.classNames} gives others: leave it out, or give a data set of your own`,
    )
  }
  const local = {
    preparation: said.preparation,
    ...(options.classNames === undefined ? {} : { classNames: await classNamesAt(options.classNames) }),
    ...(decodePicture ? { decodePicture } : {}),
    ...(onNotice ? { onNotice } : {}),
    ...(options.stream === undefined ? {} : { stream: options.stream }),
    ...(options.env ? { env: options.env } : {}),
  }
  const data = isAddress(said.name)
    ? await datasetFromAddress(said, options, (path) => datasetAt(path, local))
    : await datasetAt(said.name, local)
  if (data) return data
  throw unknownName(name)
}

const classNamesAt = async (path: string): Promise<ReadonlyMap<number, string>> => {
  const found = await readIfThere(path)
  if (found) return parseClassNames(found.bytes, path)
  throw new DataError(
    `there is no file ${path}, which is to name the classes: give one with a label and a name per line`,
    {
      code: 'disk',
    },
  )
}

/** A path may have the letter in it that stands before what is made of a data set. */
const isPath = (name: string): Promise<boolean> =>
  stat(name).then(
    () => name.includes('#'),
    () => false,
  )

/** The first strokes are the same however many follow: of those that a limit leaves, one more is drawn, so that it has something to do. */
const strokesFor = ({ limit, classes }: Preparation): StrokesOptions =>
  limit === undefined || classes
    ? {}
    : { trainCount: Math.min(60_000, limit + 1), testCount: Math.min(10_000, limit + 1) }

const loadKnown = async (
  { name, preparation }: { readonly name: string; readonly preparation: Preparation },
  options: LoadOptions,
): Promise<Dataset | undefined> => {
  const drawn = () => strokes(strokesFor(preparation))
  if (name === 'strokes') return drawn()
  if (name === 'auto') return mnistOrStrokes(() => loadDataset('mnist', options), drawn, options.onNotice)
  const entry = catalogueEntry(name)
  if (!entry) return loadArchived(name, options)
  const { files, origin } = await locate(entry, options)
  const names = { name: entry.name, title: entry.title, classNames: entry.classNames, origin }
  return { ...(await datasetFromFiles(names, files)), format: 'IDX' }
}

const locate = async (
  entry: CatalogueEntry,
  options: LoadOptions,
): Promise<{ files: Roles<Found>; origin: string }> => {
  const { folder, env = process.env } = options
  if (folder !== undefined) {
    const files = await fromFolder(entry, folder)
    if (typeof files === 'object') return { files, origin: `the folder ${folder}` }
    throw new DataError(
      `${folder} does not hold ${entry.title}: ${files}; give the folder with its four files, or no folder to download them`,
      { code: 'not-in-folder' },
    )
  }
  const given = env['DIGITLAB_DATA']
  if (given !== undefined && given !== '') {
    await readdir(given).catch((cause: Error) => {
      throw new DataError(
        `could not read the folder that DIGITLAB_DATA names (${cause.message}): set it to a folder of IDX files, or unset it`,
        { code: 'disk', cause },
      )
    })
    const files = await fromFolder(entry, given)
    if (typeof files === 'object') return { files, origin: `the folder ${given}` }
    options.onNotice?.(`DIGITLAB_DATA (${given}) does not hold ${entry.title}: ${files}`)
  }
  const { folder: cache, fetched } = await fetchFiles(entry, options)
  const files = await readRoles(entry, async ({ name }) => {
    const path = join(cache, name)
    const found = await readIfThere(path)
    if (found) return { name, path, ...found }
    throw new DataError(`${path} was there and has gone: try again`, { code: 'disk' })
  })
  return { files, origin: fetched > 0 ? 'a download, now in the cache' : 'the cache' }
}

const readRoles = async <T>(
  entry: CatalogueEntry,
  read: (file: CatalogueFile, role: keyof Roles<unknown>) => Promise<T>,
): Promise<Roles<T>> => {
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all(
    fileRoles.map((role) => read(entry.files[role], role)),
  )
  return { trainImages, trainLabels, testImages, testLabels } as Roles<T>
}

/**
 * The files of a data set from a folder: itself, the folder in it that has the data set's name, or where torchvision keeps them.
 * Files that are held to a hash may have any of the usual names; of several the one whose hash is right is taken.
 *
 * @returns why not, where the folder does not hold this data set
 * @throws DataError if a file has the right name and is damaged
 */
export const fromFolder = async (entry: CatalogueEntry, folder: string): Promise<Roles<Found> | string> => {
  let why = ''
  for (const place of placesWithin(entry, folder)) {
    const names = await readdir(place).catch((): string[] => [])
    const verdicts = await readRoles(entry, (file, role) => judge(entry, role, file, names, place))
    // In the files' own order, not in the one in which the disk answered.
    const missing = fileRoles.map((role) => entry.files[role].name).filter((_, i) => !verdicts[fileRoles[i]!])
    if (missing.length > 0) {
      why ||= `it has no ${missing.join(', no ')}${missing[0]?.endsWith('.gz') ? ' (nor unpacked)' : ''}`
      continue
    }
    const found = fileRoles.map((role) => verdicts[role])
    if (found.every((verdict) => typeof verdict === 'object' && 'bytes' in verdict)) return verdicts as Roles<Found> // each was found
    const other = found.find((verdict) => typeof verdict === 'string')
    if (other !== undefined) {
      why = `its files are those of ${other}`
      continue
    }
    for (const verdict of found) if (verdict instanceof DataError) throw verdict
  }
  return why
}

/** Folders in which the files of a data set may lie, below one that was named. */
const placesWithin = ({ name, torchvision }: CatalogueEntry, folder: string): readonly string[] => [
  join(folder, name),
  folder,
  join(folder, torchvision, 'raw'),
  join(folder, 'raw'),
]

/**
 * The file of a role in a folder.
 *
 * @returns the file, where it is right; the title of the data set that it is of, where that is another one of the catalogue; what is
 * wrong with it; undefined if there is none
 */
const judge = async (
  entry: CatalogueEntry,
  role: keyof Roles<unknown>,
  file: CatalogueFile,
  names: readonly string[],
  place: string,
): Promise<Found | string | DataError | undefined> => {
  const own = [file.name, file.name.replace(/\.gz$/, '')]
  // Nothing but its name tells a file without a published hash.
  const others = file.packed ? names.filter((name) => !own.includes(name) && roleOf(name) === role) : []
  let first: string | DataError | undefined
  for (const name of [...own, ...others]) {
    if (!names.includes(name)) continue
    const path = join(place, name)
    const read = await readIfThere(path)
    if (!read) continue
    const wrong = await wrongWith(entry, file, { name, path, ...read })
    if (wrong === undefined) return { name, path, ...read }
    first ??= wrong
  }
  return first
}

/** What is wrong with a file: the title of the data set that it is of in truth, or a sentence; undefined if it is right. */
const wrongWith = async (
  entry: CatalogueEntry,
  file: CatalogueFile,
  { name, path, bytes }: Found,
): Promise<string | DataError | undefined> => {
  const packed = createHash('sha256').update(bytes).digest('hex')
  if (!file.packed || packed === file.packed.sha256) return undefined
  let unpacked: string
  try {
    unpacked = createHash('sha256')
      .update(await unpackIdx(bytes, { name }))
      .digest('hex')
  } catch (cause) {
    if (!(cause instanceof IdxError)) throw cause
    return new DataError(`${path} is not ${entry.title}'s: ${cause.message}`, { code: 'wrong-hash', cause })
  }
  if (unpacked === file.unpackedSha256) return undefined
  const other = Object.values(catalogue).find(({ files }) =>
    fileRoles.some((r) => files[r].packed?.sha256 === packed || files[r].unpackedSha256 === unpacked),
  )
  if (other && other.name !== entry.name) return other.title
  const isPacked = name.endsWith('.gz')
  if (!isPacked && file.unpackedSha256 === undefined) return undefined // no hash of the unpacked file has been published
  const [expected, got] = isPacked ? [file.packed.sha256, packed] : [file.unpackedSha256, unpacked]
  return new DataError(
    `${path} is not ${entry.title}'s: expected the SHA-256 ${expected}, found ${got}; get it again, or load ${dirname(path)} as a folder of your own`,
    { code: 'wrong-hash' },
  )
}

/** Sees to it that the cache holds all files of a data set; one with a wrong hash is fetched again. */
export const fetchFiles = async (
  entry: CatalogueEntry,
  options: LoadOptions,
): Promise<{ folder: string; fetched: number; files: { name: string; status: 'cached' | 'downloaded' }[] }> => {
  const { env = process.env } = options
  // A mirror of one's own has a folder for each data set.
  const own = env['DIGITLAB_MIRROR']
  const mirrors = own ? [mirrorOf(own, entry.name)] : entry.mirrors
  const folder = join(cacheFolder(env), entry.name)
  const files: { name: string; status: 'cached' | 'downloaded' }[] = []
  for (const role of fileRoles) {
    const { name, packed } = entry.files[role]
    const target = join(folder, name)
    const there = await stat(target).then(
      (found) => found.isFile(),
      () => false,
    )
    const wrong = there ? await differs(target, packed) : undefined
    if (there && wrong === undefined) {
      await clearPartials(target)
      files.push({ name, status: 'cached' })
      continue
    }
    if (wrong !== undefined) await rm(target, { force: true })
    const urls = mirrors.map((mirror) => new URL(name, mirror).href)
    await download(urls, target, packed, options)
    files.push({ name, status: 'downloaded' })
  }
  return { folder, fetched: files.filter(({ status }) => status === 'downloaded').length, files }
}

const mirrorOf = (address: string, name: string): string => {
  try {
    return new URL(`${name}/`, address.endsWith('/') ? address : `${address}/`).href
  } catch (cause) {
    throw new DataError(
      `expected an address such as https://example.org/datasets/ in DIGITLAB_MIRROR, found "${address}": set it right, or unset it`,
      { cause },
    )
  }
}

const unknownName = (name: string): DataError =>
  new DataError(
    `there is no data set and no folder "${name}": choose one of ${[...datasetNames, ...archivedNames].join(', ')}, or give a folder, a file such as mnist.npz or train.csv, or an address`,
    { code: 'unknown-name' },
  )
