import { sentence } from './shown'

/** What went wrong with data, for programs: a name that stays while sentences change. */
export type DataErrorCode =
  /** Neither a data set nor a folder has this name. */
  | 'unknown-name'
  /** A folder that was named does not hold the data set. */
  | 'not-in-folder'
  /** There are images to train on alone, and nobody said that some are to be set aside. */
  | 'no-test-images'
  /** A file has the right name and other content than was published. */
  | 'wrong-hash'
  /** No mirror gave the file. */
  | 'download-failed'
  /** No mirror lets a page read the data set. */
  | 'no-mirror'
  /** The server of a page gave something else than a list of its data sets. */
  | 'no-list'
  /** A file or folder cannot be read or written. */
  | 'disk'
  /** Values that do not fit each other, or are not what was expected. */
  | 'bad-data'

/** Data that are not available, or are not what they should be. Its message is one line of bounded length, whatever their files hold. */
export class DataError extends Error {
  readonly mendable = true
  readonly code: DataErrorCode
  override name = 'DataError'

  constructor(
    message: string,
    { code = 'bad-data', ...options }: ErrorOptions & { readonly code?: DataErrorCode } = {},
  ) {
    super(sentence(message), options)
    this.code = code
  }
}
