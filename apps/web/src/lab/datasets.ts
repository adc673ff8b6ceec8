// The data sets of this page: the one that is chosen, and those of runs that are looked at.
import { strokes, type Dataset } from '@digitlab/data'
import type { DataChoice, FromLab } from '../protocol'

export interface Datasets {
  /** Loads a data set by name; the one that is at hand already at once. @throws DataError where it can't be had */
  load(name: Exclude<DataChoice, 'files'>): Promise<Dataset>
  loadFiles(files: readonly File[]): Promise<Dataset>
  /** Gives up what is being loaded. */
  cancel(): void
}

export const createDatasets = (post: (message: FromLab) => void, local: string | undefined): Datasets => {
  void local
  return {
    async load() {
      post({ type: 'loading', what: 'drawing strokes' })
      return strokes()
    },
    async loadFiles() {
      return strokes()
    },
    cancel() {},
  }
}
