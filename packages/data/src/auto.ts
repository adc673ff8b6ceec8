import { DataError } from './data-error'
import type { Dataset } from './dataset'

/** What 'auto' means: MNIST, or where it can't be downloaded `strokes` with a notice. */
export const mnistOrStrokes = async (
  mnist: () => Promise<Dataset>,
  strokes: () => Promise<Dataset>,
  onNotice: (sentence: string) => void = () => {},
): Promise<Dataset> => {
  try {
    return await mnist()
  } catch (error) {
    if (!(error instanceof DataError && error.code === 'download-failed')) throw error // the one failure that is answered so
    onNotice(error.message)
    const notice = 'this is NOT MNIST, which is not available, but "strokes", digits that digitlab draws itself'
    return { ...(await strokes()), notice }
  }
}
