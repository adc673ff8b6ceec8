import { createHash } from 'node:crypto'
import { readdir, rm, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { IdxError, unpackIdx } from '@digitlab/idx'
import { mnistOrStrokes } from './auto'
import { cacheFolder } from './cache-folder'
import { catalogue, catalogueEntry, catalogueNames, type CatalogueEntry, type CatalogueFile } from './catalogue'
import { DataError } from './data-error'
import { datasetFromFiles, fileRoles, type Dataset, type DatasetFiles } from './dataset'
import { differs, download } from './download'
import { datasetFromOwnFiles } from './own-files'
import { clearPartials } from './partial-file'
import { readIfThere, type FileVersion } from './read-file'
import { strokes } from './strokes'
import type { DownloadOptions } from './transfer'

/** Where a data set is looked for, and what is told on the way. */
export interface LoadOptions extends DownloadOptions {
  /** Looked into first; must then have the data set. */
  readonly folder?: string
  /** Where DIGITLAB_DATA, DIGITLAB_CACHE and DIGITLAB_MIRROR are read from: the process's own environment unless given. */
  readonly env?: Readonly<Record<string, string | undefined>>
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
 * Loads a data set by its name: one of the catalogue, 'strokes', 'auto', or the path of a folder of IDX files.
 *
 * A catalogue set is looked for in `folder`, in the folder DIGITLAB_DATA, in the cache, and then downloaded; each file,
 * packed or not, is held to its published hash. 'auto' is MNIST where that can be had, else strokes with a notice; but a
 * folder that was named and does not hold MNIST is an error.
 *
 * @throws DataError where the name is unknown, or the data can't be had or are not what they should be; what `signal` was aborted
 * with, where it was
 */
export const loadDataset = async (name: string, options: LoadOptions = {}): Promise<Dataset> => {
  options.signal?.throwIfAborted()
  if (name === 'strokes') return strokes()
  if (name === 'auto') return mnistOrStrokes(() => loadDataset('mnist', options), options.onNotice)
  const entry = catalogueEntry(name)
  if (!entry) return loadFolder(name)
  const { files, origin } = await locate(entry, options)
  return datasetFromFiles({ name: entry.name, title: entry.title, classNames: entry.classNames, origin }, files)
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
      `${folder} does not hold ${entry.title}: ${files}; give the folder with its four files, or no folder to have them fetched`,
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

const readRoles = async (
  entry: CatalogueEntry,
  read: (file: CatalogueFile) => Promise<Found>,
): Promise<Roles<Found>> => {
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all(
    fileRoles.map((role) => read(entry.files[role])),
  )
  return { trainImages, trainLabels, testImages, testLabels } as Roles<Found>
}

const nothing = { bytes: new Uint8Array(0), version: { device: 0, inode: 0, bytes: 0, modified: 0 } } as const

/**
 * The files of a data set from a folder, or from the folder in it that has the data set's name.
 *
 * @returns why not, where the folder does not hold this data set
 * @throws DataError where a file has the right name and is damaged
 */
export const fromFolder = async (entry: CatalogueEntry, folder: string): Promise<Roles<Found> | string> => {
  let why = ''
  for (const place of [join(folder, entry.name), folder]) {
    const absent = new Set<string>()
    const found = await readRoles(entry, async (file) => {
      const packed = await readIfThere(join(place, file.name))
      const name = packed ? file.name : file.name.replace(/\.gz$/, '')
      const read = packed ?? (await readIfThere(join(place, name)))
      if (!read) absent.add(file.name)
      return { name, path: join(place, name), ...(read ?? nothing) }
    })
    // In the files' own order, not in the one in which the disk answered.
    const missing = fileRoles.map((role) => entry.files[role].name).filter((name) => absent.has(name))
    if (missing.length > 0) {
      why = `it has no ${missing.join(', no ')}${missing[0]?.endsWith('.gz') ? ' (nor unpacked)' : ''}`
      continue
    }
    const other = await checkHashes(entry, found, place)
    if (other === undefined) return found
    why = `its files are those of ${other}`
  }
  return why
}

/** @returns the title of the data set that the files are in truth, where it is another one of the catalogue */
const checkHashes = async (entry: CatalogueEntry, found: Roles<Found>, place: string): Promise<string | undefined> => {
  for (const role of fileRoles) {
    const { name, bytes } = found[role]
    const file = entry.files[role]
    const packed = createHash('sha256').update(bytes).digest('hex')
    if (!file.packed || packed === file.packed.sha256) continue
    const content = await unpackIdx(bytes, { name }).catch((cause: unknown) => {
      if (!(cause instanceof IdxError)) throw cause
      throw new DataError(`${join(place, name)} is not ${entry.title}'s: ${cause.message}`, {
        code: 'wrong-hash',
        cause,
      })
    })
    const unpacked = createHash('sha256').update(content).digest('hex')
    if (unpacked === file.unpackedSha256) continue
    const other = Object.values(catalogue).find(({ files }) =>
      fileRoles.some((r) => files[r].packed?.sha256 === packed || files[r].unpackedSha256 === unpacked),
    )
    if (other && other.name !== entry.name) return other.title
    const isPacked = name.endsWith('.gz')
    if (!isPacked && file.unpackedSha256 === undefined) continue // no hash of the unpacked file has been published
    const [expected, got] = isPacked ? [file.packed.sha256, packed] : [file.unpackedSha256, unpacked]
    throw new DataError(
      `${join(place, name)} is not ${entry.title}'s: expected the SHA-256 ${expected}, found ${got}; get it again, or load ${place} as a folder of your own`,
      { code: 'wrong-hash' },
    )
  }
  return undefined
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

/** A folder of IDX files with MNIST's names, whatever they hold. */
const loadFolder = async (path: string): Promise<Dataset> => {
  const names = await readdir(path).catch(() => undefined)
  if (!names) throw unknownName(path)
  const stems: Roles<string> = {
    trainImages: 'train-images-idx3-ubyte',
    trainLabels: 'train-labels-idx1-ubyte',
    testImages: 't10k-images-idx3-ubyte',
    testLabels: 't10k-labels-idx1-ubyte',
  }
  const read = async (role: keyof Roles<string>): Promise<Found> => {
    const name = names.find((entry) => entry === `${stems[role]}.gz` || entry === stems[role])
    const file = join(path, name ?? '')
    const found = name === undefined ? undefined : await readIfThere(file)
    if (name === undefined || !found)
      throw new DataError(
        `expected ${stems[role]} or ${stems[role]}.gz in ${path}, found ${names.slice(0, 8).join(', ') || 'nothing'}: put the four files there`,
        { code: 'not-in-folder' },
      )
    return { name, path: file, ...found }
  }
  const [trainImages, trainLabels, testImages, testLabels] = (await Promise.all(fileRoles.map(read))) as [
    Found,
    Found,
    Found,
    Found,
  ]
  return datasetFromOwnFiles(
    { name: basename(resolve(path)), origin: `the folder ${path}` },
    { trainImages, trainLabels, testImages, testLabels },
  )
}

const unknownName = (name: string): DataError =>
  new DataError(
    `there is no data set and no folder "${name}": choose one of ${[...catalogueNames, 'strokes', 'auto'].join(', ')}, or give a folder of IDX files`,
    { code: 'unknown-name' },
  )
