// What a download is on a disk and in a page: its progress, its patience, and what must come of it.
import { readIdx, unpackIdx } from '@digitlab/idx'

/** How a download goes on. */
export interface DownloadProgress {
  readonly file: string
  readonly url: string
  readonly received: number
  /** undefined where nobody says how long the file is */
  readonly total: number | undefined
}

export interface DownloadOptions {
  /** Longest wait for an answer, and then for each next piece, in milliseconds. */
  readonly timeoutMs?: number
  readonly onProgress?: (progress: DownloadProgress) => void
  readonly signal?: AbortSignal
}

/** What a file must be. */
export interface Expected {
  readonly bytes: number
  readonly sha256: string
}

/** A file without a known length ends here: more than any file of the catalogue holds. */
export const longest = 256 * 2 ** 20

/**
 * Does something that waits for a server: its signal aborts when the caller's does, or where `expectMore` was not called again
 * for a while.
 *
 * @throws what the signal was aborted with, where it was
 */
export const withPatience = async <T>(
  { timeoutMs = 15_000, signal }: DownloadOptions,
  work: (signal: AbortSignal, expectMore: () => void) => Promise<T>,
): Promise<T> => {
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const expectMore = () => {
    clearTimeout(timer)
    timer = setTimeout(() => controller.abort(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
  }
  const stop = () => controller.abort(signal?.reason)
  signal?.addEventListener('abort', stop)
  try {
    signal?.throwIfAborted()
    expectMore()
    return await work(controller.signal, expectMore)
  } catch (error) {
    throw controller.signal.aborted && controller.signal.reason instanceof Error ? controller.signal.reason : error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}

export const refusal = ({ status, statusText }: Response): Error =>
  new Error(`it answered ${status} ${statusText}`.trim())

export const sendsMore = (limit: number): Error => new Error(`expected ${limit} bytes, it sends more`)

export const lengthOf = (response: Response): number | undefined => {
  const header = response.headers.get('content-length')
  const length = header === null ? NaN : Number(header)
  return Number.isFinite(length) ? length : undefined
}

/** What is wrong with a file of which nothing is known: it must at least be an IDX file, and a whole one. */
export const notIdx = async (name: string, bytes: Uint8Array): Promise<string | undefined> => {
  try {
    readIdx(await unpackIdx(bytes, { name }), { name })
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** fetch says "fetch failed" and keeps the reason in its cause. */
export const reasonOf = (error: unknown): string => {
  const { message, cause } = error as Error
  if (!(cause instanceof Error)) return message
  const inner = cause instanceof AggregateError ? (cause.errors[0] as Error) : cause
  return inner.message || (inner as Error & { code?: string }).code || message
}
