// Where the files of a data set are: its name may say it, and so may --data-dir.
import { archivedNames, archivedSets, datasetNames } from '@digitlab/data'
import { UsageError } from './usage-error'

/** Whether a data set is found by its name on any machine: it is no folder, file or address. */
export const isNamedDataset = (dataset: string): boolean => {
  const [whole = ''] = dataset.split('#')
  const [name, variant, ...more] = whole.split('/')
  if (variant === undefined && datasetNames.some((known) => known === name)) return true
  const archived = archivedNames.find((known) => known === name)
  if (archived === undefined || more.length > 0) return false
  return variant === undefined || archivedSets[archived].variants?.includes(variant) === true
}

/** Whether it is fetched from somewhere else. */
export const isAddress = (dataset: string): boolean => /^https?:\/\//i.test(dataset)

/** A data set as it is loaded: its name or its path, and the folder that has the files of one with a name. */
interface DatasetPlace {
  readonly dataset: string
  readonly folder: string | undefined
}

/**
 * Where a data set is read. What a run or an experiment names as a path may have moved: --data-dir takes its place, and what is made of the
 * images stays as it is.
 */
export const datasetPlace = (dataset: string, dataDir: string | undefined): DatasetPlace => {
  if (dataDir === undefined || isNamedDataset(dataset)) return { dataset, folder: dataDir }
  const made = dataset.includes('#') && !dataDir.includes('#') ? dataset.slice(dataset.indexOf('#')) : ''
  return { dataset: dataDir + made, folder: undefined }
}

/** @throws UsageError where two options name a folder each */
export const checkPlace = ({ dataset, dataDir }: { readonly dataset?: string; readonly dataDir?: string }): void => {
  if (dataset === undefined || dataDir === undefined || isNamedDataset(dataset)) return
  throw new UsageError(
    `--dataset ${dataset} is no name of a data set but a path, and --data-dir ${dataDir} is another: leave one of them out`,
  )
}
