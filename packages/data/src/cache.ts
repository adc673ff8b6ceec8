import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { catalogue, catalogueEntry, catalogueNames, type CatalogueEntry } from './catalogue'
import { DataError, fileRoles } from './dataset'
import { differs } from './download'
import { cacheFolder, fetchFiles, type LoadOptions } from './load'

/** What {@link fetchDataset} did. */
export interface Fetched {
  readonly name: string
  readonly folder: string
  readonly files: readonly { readonly name: string; readonly status: 'cached' | 'downloaded' }[]
}

/** What {@link verifyDataset} found. */
export interface Verified {
  readonly name: string
  readonly folder: string
  readonly whole: boolean
  readonly files: readonly {
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
  readonly folder: string
  readonly cached: boolean
  readonly files: readonly { readonly name: string; readonly bytes: number | null; readonly sha256: string | null }[]
}

const entryOf = (name: string): CatalogueEntry => {
  const entry = catalogueEntry(name)
  if (!entry) throw new DataError(`there is no data set "${name}" to fetch: choose one of ${catalogueNames.join(', ')}`)
  return entry
}

/** Downloads what the cache lacks of a data set. @throws DataError as `loadDataset` */
export const fetchDataset = async (name: string, options: LoadOptions = {}): Promise<Fetched> => {
  const { folder, files } = await fetchFiles(entryOf(name), options)
  return { name, folder, files }
}

/** Holds the cached files of a data set to their hashes; fetches nothing. */
export const verifyDataset = async (name: string, { env = process.env }: LoadOptions = {}): Promise<Verified> => {
  const entry = entryOf(name)
  const folder = join(cacheFolder(env), name)
  const files = await Promise.all(
    fileRoles.map(async (role) => {
      const file = entry.files[role]
      const path = join(folder, file.name)
      const there = await stat(path).then(
        (found) => found.isFile(),
        () => false,
      )
      if (!there) return { name: file.name, status: 'missing' as const }
      const problem = await differs(path, file.packed)
      return problem === undefined
        ? { name: file.name, status: file.packed ? ('right' as const) : ('unhashed' as const) }
        : { name: file.name, status: 'wrong' as const, problem }
    }),
  )
  return { name, folder, whole: files.every(({ status }) => status === 'right' || status === 'unhashed'), files }
}

/** What is known of each data set of the catalogue, and whether the cache has it. */
export const datasetInfo = async ({ env = process.env }: LoadOptions = {}): Promise<readonly DatasetInfo[]> =>
  Promise.all(
    Object.values(catalogue).map(async ({ name, title, classNames, mirrors, files }) => ({
      name,
      title,
      classNames,
      mirrors,
      folder: join(cacheFolder(env), name),
      cached: (await verifyDataset(name, { env })).whole,
      files: fileRoles.map((role) => {
        const { name, packed } = files[role]
        return { name, bytes: packed?.bytes ?? null, sha256: packed?.sha256 ?? null }
      }),
    })),
  )
