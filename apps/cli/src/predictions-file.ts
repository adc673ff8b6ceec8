import { readFile } from 'node:fs/promises'
import type { RunPredictions } from '@digitlab/report'
import { readPredictions, type Run } from '@digitlab/train/run'
import { UsageError } from './usage-error'

/**
 * Reads the predictions of a run from their file.
 *
 * @returns undefined if there is no such file: a run that was written before there were any
 * @throws UsageError if it can't be read; TrainError if they are of another run; WeightsError where it is damaged
 */
export const readPredictionsFile = async (path: string, run: Run): Promise<RunPredictions | undefined> => {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new UsageError(`could not read ${path} (${(cause as Error).message}): give a run that can be read`, { cause })
  }
  return readPredictions(bytes, run, path)
}
