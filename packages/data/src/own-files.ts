// Files of one's own: a folder, or what was dropped onto a page. What they are called says nothing of what they hold.
import { catalogue, catalogueNames, type CatalogueEntry } from './catalogue'
import { datasetFromFiles, fileRoles, type Dataset, type DatasetFiles } from './dataset'
import { sha256 } from './sha256'

/** Names that stand for a certain content. */
const reserved: readonly string[] = [...catalogueNames, 'strokes', 'auto']

/**
 * Makes a data set of four files of one's own. Files of a known data set, told by their hashes, take its name, so that an
 * experiment on them has the id that it has elsewhere; others never do: a folder `mnist` of other files is `own-mnist`.
 *
 * @throws DataError and IdxError as {@link datasetFromFiles}
 */
export const datasetFromOwnFiles = async (
  { name, origin }: { readonly name: string; readonly origin: string },
  files: DatasetFiles<{ readonly name: string; readonly bytes: Uint8Array }>,
): Promise<Dataset> => {
  const own = reserved.includes(name) ? `own-${name}` : name
  const data = await datasetFromFiles({ name: own, title: own, origin }, files)
  const known = await recognised(files, data)
  if (!known) return data
  const { title, classNames } = known
  return { ...data, name: known.name, title, classNames, classes: classNames.length }
}

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
