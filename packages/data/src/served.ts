// What `digitlab serve` offers to its page beside it: `datasets.json`, and the files it names as `<data set>/<file>`.
import { foreignContent } from '@digitlab/idx'
import { DataError } from './data-error'
import { fileRoles, type DatasetFiles } from './dataset'

/** A data set of the catalogue that a server has. */
export interface ServedDataset {
  readonly name: string
  readonly title: string
  /** Names of the files in the data set's folder, packed or not. */
  readonly files: DatasetFiles<string>
}

/** Reads a server's `datasets.json`. @throws DataError if it is something else */
export const parseServedDatasets = (text: string, url: string): readonly ServedDataset[] => {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    document = undefined
  }
  const { datasets } = (document ?? {}) as { datasets?: unknown }
  if (!Array.isArray(datasets) || !datasets.every(isServed)) {
    const found = foreignContent(new TextEncoder().encode(text.slice(0, 512)))?.what ?? (text.slice(0, 40) || 'nothing')
    throw new DataError(`expected a list of data sets at ${url}, found ${found}: start the server again`, {
      code: 'no-list',
    })
  }
  return datasets
}

const isServed = (value: unknown): value is ServedDataset => {
  const { name, title, files } = (value ?? {}) as Partial<Record<keyof ServedDataset, unknown>>
  const names = (files ?? {}) as Partial<Record<string, unknown>>
  return (
    typeof name === 'string' && typeof title === 'string' && fileRoles.every((role) => typeof names[role] === 'string')
  )
}
