import { join } from 'node:path'
import { catalogue, catalogueNames } from './catalogue'
import { DataError } from './data-error'
import { fileRoles, type DatasetFiles } from './dataset'
import { fromFolder, type LoadOptions } from './load'
import { placesOf } from './places'
import type { FileVersion } from './read-file'

/** A data set of the catalogue that lies on this machine, verified. */
export interface LocalDataset {
  /** As in the catalogue: 'mnist'. */
  readonly name: string
  /** 'MNIST' */
  readonly title: string
  /** A phrase: 'the folder digits', 'the cache'. */
  readonly origin: string
  readonly files: DatasetFiles<{ readonly name: string; readonly path: string; readonly version: FileVersion }>
}

/**
 * The data sets of the catalogue that are available: in `folder`, in the folder DIGITLAB_DATA, in the cache; the first place that has
 * one gives it. Files are held to their hashes as by `loadDataset`; one that is damaged is told to `onNotice`, and its data set
 * looked for further on. Fetches nothing.
 *
 * @throws DataError if `folder` was named and has none of them
 */
export const findDatasets = async (options: LoadOptions = {}): Promise<readonly LocalDataset[]> => {
  const { folder, onNotice = () => {} } = options
  const places = placesOf(options)
  const found: LocalDataset[] = []
  for (const name of catalogueNames) {
    const entry = catalogue[name]
    for (const { kind, folder: path, origin } of places) {
      const within = kind === 'cache' ? join(path, name) : path
      const files = await fromFolder(entry, within).catch((error: unknown) => {
        if (!(error instanceof DataError)) throw error
        onNotice(error.message)
        return error.message
      })
      if (typeof files === 'string') continue
      // Nobody has published hashes of some files unpacked: what they are, only their folder's name can tell then.
      const untold = fileRoles.some((role) => {
        const { packed, unpackedSha256 } = entry.files[role]
        return packed && unpackedSha256 === undefined && !files[role].name.endsWith('.gz')
      })
      const [parent, above] = [1, 2].map((up) => files.trainImages.path.split(/[\\/]/).at(-1 - up))
      if (untold && parent !== name && !(parent === 'raw' && above === entry.torchvision)) continue
      const paths = fileRoles.map((role) => {
        const { name, path, version } = files[role]
        return [role, { name, path, version }]
      })
      const located = Object.fromEntries(paths) as LocalDataset['files'] // one for each role
      found.push({ name, title: entry.title, origin, files: located })
      break
    }
  }
  if (folder !== undefined && !found.some(({ origin }) => origin === places[0]?.origin))
    throw new DataError(
      `${folder} holds none of ${Object.values(catalogue)
        .map(({ title }) => title)
        .join(', ')}: give a folder with the four files of one of them, or no folder`,
      { code: 'not-in-folder' },
    )
  return found
}
