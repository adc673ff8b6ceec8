import { WeightsError } from './weights-error'

/** Says what is wrong with a file, as its format's one error. */
export type Fail = (sentence: string, cause?: unknown) => never

/** The two ways in which a file can't be read. */
export interface Failing {
  /** It is cut off, damaged or hostile. */
  readonly fail: Fail
  /** It is sound, as far as it was looked at, and holds what this package does not read. */
  readonly unsupported: Fail
}

/** @param name how to name the file in an error; @param format 'PyTorch' */
export const failing = (name: string, format: string): Failing => {
  const thrower =
    (before: string, after: string): Fail =>
    (sentence, cause) => {
      throw new WeightsError(`${name} ${before}: ${sentence}${after}`, cause === undefined ? {} : { cause })
    }
  return {
    fail: thrower(`is not a valid ${format} file`, '; get or write it again'),
    unsupported: thrower("can't be read", ''),
  }
}

/**
 * Memory that reading may take, in bytes: for values, for what is unpacked, for names, lists and fields. A few bytes of a file
 * can ask for all memory by each of them, so that it is the sum that is bounded: by the file's own length.
 */
export class Budget {
  #left: number
  readonly #credited = new Map<string, number>()

  constructor(
    fileBytes: number,
    readonly fail: Fail,
  ) {
    this.#left = 32 * 2 ** 20 + 4 * fileBytes
  }

  /** @param bytes about as many as the next object takes; @param what asks for it, where that is an entry or a record */
  spend(bytes: number, what?: () => string): void {
    this.#left -= bytes
    if (this.#left < 0)
      this.fail(`${what?.() ?? 'what it describes'} takes more memory than a file of its length can need`)
  }

  /** Another file, up to `end`, counts as the file does: each byte of it once, however often it is read. */
  credit(file: string, end: number): void {
    const known = this.#credited.get(file) ?? 0
    if (end <= known) return
    this.#credited.set(file, end)
    this.#left += 4 * (end - known)
  }
}
