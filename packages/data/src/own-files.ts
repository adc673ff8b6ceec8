// Files of one's own: a folder, or what was dropped onto a page. What they are called says nothing of what they hold.
import { writeIdx } from '@digitlab/idx'
import { catalogue, type CatalogueEntry } from './catalogue'
import { archivedNames } from './archives'
import { datasetNames } from './choices'
import { datasetFromFiles, fileRoles, type DataFile, type Dataset, type DatasetFiles } from './dataset'
import { sha256 } from './sha256'
import type { NumericData } from './numbers'
import { datasetFromArrays, type StoredArray } from './stored-array'

/** Names that stand for a certain content. */
const reserved: readonly string[] = [...datasetNames, ...archivedNames]

/** What files of one's own are called. */
interface OwnNames {
  readonly name: string
  readonly origin: string
  /** By label, of those classes that have one. */
  readonly classNames?: ReadonlyMap<number, string>
}

/**
 * Makes a data set of four files of one's own. Files of a known data set, told by their hashes, take its name, so that an
 * experiment on them has the id that it has elsewhere; others never do: a folder `mnist` of other files is `own-mnist`.
 *
 * @throws DataError and IdxError as {@link datasetFromFiles}
 */
export const datasetFromOwnFiles = async (
  { name, origin, classNames }: OwnNames,
  files: DatasetFiles<{ readonly name: string; readonly bytes: Uint8Array }>,
): Promise<Dataset> => {
  const own = ownName(name)
  const data = await datasetFromFiles({ name: own, title: own, origin, ...(classNames ? { classNames } : {}) }, files)
  return calledAs(await recognised(files, data), data)
}

/**
 * The same of four arrays in files of another format. Each is told by the hash of the IDX file that it would be, so that the same
 * images are the same data set in whatever file they lie.
 */
export const datasetFromOwnArrays = async (
  { name, origin, classNames }: OwnNames,
  arrays: DatasetFiles<StoredArray>,
): Promise<Dataset> => {
  const own = ownName(name)
  const filesOf = (data: DatasetFiles<NumericData>): Promise<DataFile[]> =>
    Promise.all(
      fileRoles.map(async (role) => {
        const { name, shape } = arrays[role]
        const [count = 0, height = 0, width = 0, channels] = shape
        const isImages = role.endsWith('Images')
        const idx = writeIdx({
          type: 'uint8',
          shape: isImages ? [count, height, width, ...(channels === 3 ? [3] : [])] : [count],
          data: isImages ? (data[role] as Uint8Array) : Uint8Array.from(data[role]), // of images it is uint8
        })
        return { name, bytes: idx.length, sha256: await sha256(idx) }
      }),
    )
  const data = await datasetFromArrays(
    { name: own, title: own, origin, ...(classNames ? { classNames } : {}) },
    arrays,
    filesOf,
  )
  return calledAs(
    Object.values(catalogue).find((entry) =>
      fileRoles.every((role, i) => entry.files[role].unpackedSha256 === data.files[i]?.sha256),
    ),
    data,
  )
}

/** A name that no other data set has. */
export const ownName = (name: string): string => (reserved.includes(name) ? `own-${name}` : name)

const calledAs = (known: CatalogueEntry | undefined, data: Dataset): Dataset =>
  known
    ? {
        ...data,
        name: known.name,
        title: known.title,
        classNames: known.classNames,
        classes: known.classNames.length,
      }
    : data

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

/** The data set of the catalogue whose files these are, by the hashes of all four. */
const recognised = async (
  given: DatasetFiles<{ readonly bytes: Uint8Array }>,
  { files }: Dataset,
): Promise<CatalogueEntry | undefined> => {
  const packed = await Promise.all(
    fileRoles.map(async (role) => (isGzip(given[role].bytes) ? sha256(given[role].bytes) : undefined)),
  )
  return Object.values(catalogue).find((entry) =>
    fileRoles.every((role, i) => {
      const { packed: published, unpackedSha256 } = entry.files[role]
      return (published !== undefined && published.sha256 === packed[i]) || unpackedSha256 === files[i]?.sha256
    }),
  )
}
