// What the command can do about an error of a library: its own options, which a library does not know.
import { DataError, type DataErrorCode } from '@digitlab/data'
import { meant } from './nearest'

const adviceOnData: Partial<Record<DataErrorCode, string>> = {
  'download-failed': 'or take --dataset strokes, which needs no network; --data-dir <folder> takes files that you have',
  'not-in-folder':
    '--data-dir <folder> names another folder; without it the files are looked for in the cache, or fetched',
  'no-test-images': '--test-split 0.1 sets a tenth of the training images aside',
  'wrong-hash': '--dataset <folder> trains on files as they are',
}

/** A further sentence for the person at the terminal, or undefined. */
export const adviceOn = (error: Error): string | undefined =>
  meant(error.message) ?? (error instanceof DataError ? adviceOnData[error.code] : undefined)
