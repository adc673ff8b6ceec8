// The data sets of this page: the one that is chosen, and those of runs that are looked at.
import { catalogueNames, type CatalogueName, type Dataset } from '@digitlab/data'
import { loadDataset, parseServedDatasets } from '@digitlab/data/web'
import type { DataChoice, FromLab, LoadProgress } from '../protocol'

export type NamedChoice = Exclude<DataChoice, 'files'>

/** Told how far a data set has come. */
type Tell = (progress: LoadProgress) => void

export interface Datasets {
  /**
   * Loads a data set by name; one that is at hand at once. Who asks for what is on its way already waits for the same.
   *
   * @throws DataError where it can't be had; AbortError where it was cancelled
   */
  load(name: NamedChoice, tell: Tell): Promise<Dataset>
  /** Gives up what is being loaded under this name. */
  cancel(name: NamedChoice): void
  /** The data sets that the server of this page has. */
  served(): Promise<readonly CatalogueName[]>
}

/** As many as are held: the chosen one, and that of a run that is looked at. */
const most = 2

interface Loading {
  readonly done: Promise<Dataset>
  readonly told: Tell[]
  readonly controller: AbortController
}

export const createDatasets = (post: (message: FromLab) => void, local: string | undefined): Datasets => {
  const loading = new Map<NamedChoice, Loading>()
  const held = new Map<string, Dataset>()
  const hold = (data: Dataset): Dataset => {
    held.delete(data.name)
    held.set(data.name, data)
    for (const name of [...held.keys()].slice(0, Math.max(0, held.size - most))) held.delete(name)
    return data
  }
  const begin = (name: NamedChoice): Loading => {
    const told: Tell[] = []
    const tell: Tell = (progress) => {
      for (const listener of told) listener(progress)
    }
    const controller = new AbortController()
    let last = 0
    const done = loadDataset(name, {
      signal: controller.signal,
      ...(local === undefined ? {} : { local }),
      onNotice: (sentence) => post({ type: 'notice', sentence }),
      onProgress({ file, received, total }) {
        if (received !== total && performance.now() - last < 100) return
        last = performance.now()
        tell({ what: file, received, ...(total === undefined ? {} : { total }) })
      },
    })
      .then(hold)
      .finally(() => loading.delete(name))
    return { done, told, controller }
  }
  return {
    async load(name, tell) {
      const known = held.get(name === 'auto' ? 'mnist' : name)
      if (known) return known
      tell({ what: name === 'strokes' ? 'drawing strokes' : 'looking for the data set' })
      const running = loading.get(name) ?? begin(name)
      loading.set(name, running)
      running.told.push(tell)
      return running.done
    },
    cancel(name) {
      loading.get(name)?.controller.abort(new DOMException('loading was stopped', 'AbortError'))
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
