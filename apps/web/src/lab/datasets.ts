// The data sets of this page: the one that is chosen, and those of runs that are looked at.
import { catalogueNames, type CatalogueName, type Dataset } from '@digitlab/data'
import { datasetFromFileList, loadDataset, parseServedDatasets } from '@digitlab/data/web'
import type { DataChoice, FromLab } from '../protocol'

export interface Datasets {
  /** Loads a data set by name; one that is loaded already at once. @throws DataError where it can't be had */
  load(name: Exclude<DataChoice, 'files'>): Promise<Dataset>
  /** @throws DataError and IdxError where the files are no data set */
  loadFiles(files: readonly File[]): Promise<Dataset>
  /** Gives up what is being loaded. */
  cancel(): void
  /** The data sets that the server of this page has. */
  served(): Promise<readonly CatalogueName[]>
}

/** As many as are held: the chosen one, and that of a run that is looked at. */
const most = 2

export const createDatasets = (post: (message: FromLab) => void, local: string | undefined): Datasets => {
  let loading: AbortController | undefined
  const held = new Map<string, Dataset>()
  const hold = (data: Dataset): Dataset => {
    held.delete(data.name)
    held.set(data.name, data)
    for (const name of [...held.keys()].slice(0, Math.max(0, held.size - most))) held.delete(name)
    return data
  }
  return {
    async load(name) {
      const known = held.get(name === 'auto' ? 'mnist' : name)
      if (known) return known
      loading?.abort(new DOMException('another data set was chosen', 'AbortError'))
      const { signal } = (loading = new AbortController())
      post({ type: 'loading', what: name === 'strokes' ? 'drawing strokes' : 'looking for the data set' })
      let told = 0
      const data = await loadDataset(name, {
        signal,
        ...(local === undefined ? {} : { local }),
        onNotice: (sentence) => post({ type: 'notice', sentence }),
        onProgress({ file, received, total }) {
          if (received !== total && performance.now() - told < 100) return
          told = performance.now()
          post({ type: 'loading', what: file, received, ...(total === undefined ? {} : { total }) })
        },
      })
      return hold(data)
    },
    loadFiles: (files) => datasetFromFileList(files),
    cancel() {
      loading?.abort(new DOMException('loading was stopped', 'AbortError'))
    },
    async served() {
      if (local === undefined) return []
      const address = new URL('datasets.json', local).href
      const response = await fetch(address)
      if (!response.ok) return []
      const names = parseServedDatasets(await response.text(), address).map(({ name }) => name)
      return catalogueNames.filter((name) => names.includes(name))
    },
  }
}
