import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { archivedSet } from './archives'
import { catalogue, catalogueEntry, catalogueNames, type CatalogueEntry, type CatalogueFile } from './catalogue'
import { DataError } from './data-error'
import { fileRoles } from './dataset'
import { differs } from './download'
import { findDatasets } from './find'
import { fetchFiles, fromFolder, type LoadOptions } from './load'
import { fetchArchived } from './load-archived'
import { foldersFor, placesOf } from './places'
import { readIfThere } from './read-file'
import { sha256 } from './sha256'

/** What {@link fetchDataset} did. */
export interface Fetched {
  readonly name: string
  readonly folder: string
  readonly files: readonly { readonly name: string; readonly status: 'cached' | 'downloaded' }[]
}

/** What {@link verifyDataset} found. */
export interface Verified {
  readonly name: string
  /** Where they were looked for: 'the folder digits', 'the cache'. */
  readonly origin: string
  readonly folder: string
  readonly whole: boolean
  readonly files: readonly {
    /** As it lies there, packed or not. */
    readonly name: string
    /** 'unhashed': a whole IDX file, and nobody has published a hash to hold it to */
    readonly status: 'right' | 'wrong' | 'missing' | 'unhashed'
    readonly problem?: string
  }[]
}

/** What {@link datasetInfo} tells of a data set. */
export interface DatasetInfo {
  readonly name: string
  readonly title: string
  readonly classNames: readonly string[]
  readonly mirrors: readonly string[]
  /** Where it is: 'the folder digits', 'the cache'; null if it is not on this machine. */
  readonly origin: string | null
  /** Its folder there; or the one in the cache that it would be downloaded to, null where there is no cache. */
  readonly folder: string | null
  readonly files: readonly { readonly name: string; readonly bytes: number | null; readonly sha256: string | null }[]
}

const entryOf = (name: string): CatalogueEntry => {
  const entry = catalogueEntry(name)
  if (!entry)
    throw new DataError(`there is no data set "${name}" to fetch: choose one of ${catalogueNames.join(', ')}`, {
      code: 'unknown-name',
    })
  return entry
}

/** Downloads what the cache lacks of a data set. @throws DataError as `loadDataset` */
export const fetchDataset = async (name: string, options: LoadOptions = {}): Promise<Fetched> => {
  const archived = archivedSet(name)
  if (archived) return { name, ...(await fetchArchived(archived.set, options)) }
  const { folder, files } = await fetchFiles(entryOf(name), options)
  return { name, folder, files }
}

/**
 * Checks the files of a data set against their hashes, where `loadDataset` would take them from: `folder`, the folder DIGITLAB_DATA if it
 * has this data set, or the cache. Fetches nothing.
 */
export const verifyDataset = async (name: string, options: LoadOptions = {}): Promise<Verified> => {
  const entry = entryOf(name)
  let last: Verified | undefined
  for (const place of placesOf(options)) {
    const folders = await Promise.all(foldersFor(place, name).map((folder) => examine(entry, folder)))
    const most = Math.max(...folders.map(({ there }) => there))
    const { folder, files } = folders.find(({ there }) => there === most)! // one of them has the most
    last = {
      name,
      origin: place.origin,
      folder,
      whole: files.every(({ status }) => status === 'right' || status === 'unhashed'),
      files,
    }
    if (place.kind === 'given' || (most > 0 && !(await isAnother(entry, folder)))) break
  }
  if (last) return last
  throw new DataError(`there is no folder in which ${entry.title} could be: name one with DIGITLAB_DATA`, {
    code: 'disk',
  })
}

const examine = async (
  entry: CatalogueEntry,
  folder: string,
): Promise<{ readonly folder: string; readonly files: Verified['files']; readonly there: number }> => {
  const files = await Promise.all(fileRoles.map((role) => examineFile(entry.files[role], folder)))
  return { folder, files, there: files.filter(({ status }) => status !== 'missing').length }
}

const examineFile = async (file: CatalogueFile, folder: string): Promise<Verified['files'][number]> => {
  for (const name of [file.name, file.name.replace(/\.gz$/, '')]) {
    const path = join(folder, name)
    const there = await stat(path).then(
      (found) => found.isFile(),
      () => false,
    )
    if (!there) continue
    const isPacked = name.endsWith('.gz')
    const { sha256 } = (isPacked ? file.packed : { sha256: file.unpackedSha256 }) ?? {}
    const problem = isPacked ? await differs(path, file.packed) : await differsUnpacked(path, file)
    if (problem !== undefined) return { name, status: 'wrong', problem }
    return { name, status: sha256 === undefined ? 'unhashed' : 'right' }
  }
  return { name: file.name, status: 'missing' }
}

const differsUnpacked = async (path: string, { unpackedSha256 }: CatalogueFile): Promise<string | undefined> => {
  if (unpackedSha256 === undefined) return differs(path, undefined)
  const found = await sha256((await readIfThere(path))?.bytes ?? new Uint8Array(0))
  return found === unpackedSha256 ? undefined : `expected the SHA-256 ${unpackedSha256}, found ${found}`
}

/** Whether a folder holds another data set of the catalogue, whose files have the same names. */
const isAnother = async (entry: CatalogueEntry, folder: string): Promise<boolean> => {
  try {
    return typeof (await fromFolder(entry, folder)) === 'string'
  } catch (error) {
    if (error instanceof DataError) return false // it is this one, and damaged
    throw error
  }
}

/** What is known of each data set of the catalogue, and where on this machine it is. */
export const datasetInfo = async (options: LoadOptions = {}): Promise<readonly DatasetInfo[]> => {
  const here = await findDatasets(options)
  const cache = placesOf(options).find(({ kind }) => kind === 'cache')
  return Object.values(catalogue).map(({ name, title, classNames, mirrors, files }) => {
    const found = here.find((one) => one.name === name)
    return {
      name,
      title,
      classNames,
      mirrors,
      origin: found?.origin ?? null,
      folder: found ? dirname(found.files.trainImages.path) : cache ? join(cache.folder, name) : null,
      files: fileRoles.map((role) => {
        const { name, packed } = files[role]
        return { name, bytes: packed?.bytes ?? null, sha256: packed?.sha256 ?? null }
      }),
    }
  })
}
