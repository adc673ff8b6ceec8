// What a download is on a disk and in a page: its progress, its patience, what is tried again, and what must come of it.
import { decodeIdx } from '@digitlab/idx'
import { DataError } from './data-error'
import type { StopSignal } from './platform'

/** The progress of a download. */
export interface DownloadProgress {
  readonly file: string
  readonly url: string
  readonly received: number
  /** undefined where nobody says how long the file is */
  readonly total: number | undefined
}

/** How long a download may take, how often it is tried, who is told of it and who may stop it. */
export interface DownloadOptions {
  /** Longest wait for an answer, and then for each next piece, in milliseconds; 15 s by default. */
  readonly timeoutMs?: number
  /** The slowest that it may be: fewer bytes within this time end it. 256 KiB a minute by default, the pace of a modem. */
  readonly slowest?: { readonly bytes: number; readonly withinMs: number }
  /** How often an address is tried that fails in a way that may pass: an answer such as 429 or 503, a lost connection. 3 by default. */
  readonly attempts?: number
  /** The wait before the second try, in milliseconds, doubled before each further one; `Retry-After` may ask for longer. 1 s by default. */
  readonly backoffMs?: number
  /** Told of every piece that has come. */
  readonly onProgress?: (progress: DownloadProgress) => void
  /** Stops it; what the signal was aborted with is thrown. */
  readonly signal?: StopSignal
}

/** What a file must be. */
export interface Expected {
  readonly bytes: number
  readonly sha256: string
}

/** A file without a known length ends here: more than any file of the catalogue holds. */
export const longest = 256 * 2 ** 20

/** The longest wait that a server may ask for before its address is left, in milliseconds. */
const longestWait = 60_000

/** A failure that may pass: the same address is tried again. */
export class PassingFailure extends Error {
  /** What the server asks to wait, in milliseconds. */
  readonly wait: number

  constructor(message: string, { wait = 0, ...options }: ErrorOptions & { readonly wait?: number } = {}) {
    super(message, options)
    this.wait = wait
  }
}

/**
 * Does something that waits for a server: its signal aborts when the caller's does, where `expectMore` was not called again for
 * a while, or where too few bytes were told to it.
 *
 * @throws what the caller's signal was aborted with, where it was
 */
export const withPatience = async <T>(
  { timeoutMs = 15_000, slowest = { bytes: 256 * 1024, withinMs: 60_000 }, signal }: DownloadOptions,
  work: (signal: AbortSignal, expectMore: (received: number) => void) => Promise<T>,
): Promise<T> => {
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const expectAnswer = () => {
    clearTimeout(timer)
    timer = setTimeout(() => controller.abort(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
  }
  let recent = 0
  const pace = setInterval(() => {
    const { bytes, withinMs } = slowest
    if (recent < bytes)
      controller.abort(new Error(`expected at least ${bytes} bytes within ${withinMs / 1000} s, ${recent} came`))
    recent = 0
  }, slowest.withinMs)
  const stop = () => controller.abort(signal?.reason)
  signal?.addEventListener('abort', stop)
  try {
    signal?.throwIfAborted()
    expectAnswer()
    return await work(controller.signal, (received) => {
      recent += received
      expectAnswer()
    })
  } catch (error) {
    signal?.throwIfAborted()
    throw controller.signal.aborted ? controller.signal.reason : error
  } finally {
    clearTimeout(timer)
    clearInterval(pace)
    signal?.removeEventListener('abort', stop)
  }
}

/**
 * Tries addresses in turn, and those that failed in a way that may pass again after a while.
 *
 * @returns what the first attempt that succeeds gives; or the addresses, each with what was wrong with it last
 * @throws DataError as an attempt throws it, and what the caller's signal was aborted with
 */
export const firstOf = async <T>(
  urls: readonly string[],
  { attempts = 3, backoffMs = 1000, signal }: DownloadOptions,
  attempt: (url: string) => Promise<T>,
): Promise<{ readonly value: T } | { readonly reasons: string }> => {
  const reasons = new Map<string, string>()
  let left = urls
  for (let round = 1; ; round++) {
    const again: { readonly url: string; readonly wait: number }[] = []
    for (const url of left)
      try {
        return { value: await attempt(url) }
      } catch (error) {
        signal?.throwIfAborted()
        if (error instanceof DataError) throw error
        reasons.set(url, `${url}: ${reasonOf(error)}`)
        const wait = waitOf(error)
        if (wait !== undefined && wait <= longestWait) again.push({ url, wait })
      }
    if (again.length === 0 || round >= attempts) return { reasons: [...reasons.values()].join('; ') }
    await pause(Math.max(backoffMs * 2 ** (round - 1), Math.min(...again.map(({ wait }) => wait))), signal)
    left = again.map(({ url }) => url)
  }
}

/** Ways in which a connection is lost that was there, by Node's names. */
const lost = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

/** How long to wait before the same address is asked again; undefined if that is of no use. */
const waitOf = (error: unknown): number | undefined => {
  if (error instanceof PassingFailure) return error.wait
  const { cause } = error as Error
  return lost.has((cause as NodeJS.ErrnoException | undefined)?.code ?? '') ? 0 : undefined
}

const pause = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason as Error)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })

/** The name of the file at an address, as far as it can be decoded; '' where the address is a folder's. */
export const fileNameIn = ({ pathname }: URL): string => {
  const name = pathname.slice(pathname.lastIndexOf('/') + 1)
  try {
    return decodeURIComponent(name)
  } catch {
    return name // a % that stands for itself
  }
}

/** @throws Error if https: was asked for and http: answered, which anyone on the way can change */
export const checkSafe = async (asked: string, { url, body }: Response): Promise<void> => {
  if (!asked.startsWith('https:') || !url.startsWith('http:')) return
  await body?.cancel()
  throw new Error(`expected an answer by https:, was sent on to ${url}, which anyone on the way can change`)
}

/** Answers that ask to come again later, or that a busy server gives. */
const passing = new Set([408, 425, 429, 500, 502, 503, 504])

export const refusal = ({ status, statusText, headers }: Response): Error => {
  const answered = `it answered ${status} ${statusText}`.trim()
  if (!passing.has(status)) return new Error(answered)
  const wait = askedWait(headers.get('retry-after'))
  return new PassingFailure(wait > 0 ? `${answered} and asks to wait ${Math.ceil(wait / 1000)} s` : answered, { wait })
}

/** `Retry-After`, seconds or a date, in milliseconds from now. */
const askedWait = (header: string | null): number => {
  if (header === null) return 0
  const ms = /^\d+$/.test(header.trim()) ? 1000 * Number(header) : Date.parse(header) - Date.now()
  return ms > 0 ? ms : 0
}

export const sendsMore = (limit: number): Error => new Error(`expected ${limit} bytes, it sends more`)

export const lengthOf = (response: Response): number | undefined => {
  const header = response.headers.get('content-length')
  const length = header === null ? NaN : Number(header)
  return Number.isFinite(length) ? length : undefined
}

/** What is wrong with a file of which nothing is known: it must at least be an IDX file, and a whole one. */
export const notIdx = async (name: string, bytes: Uint8Array): Promise<string | undefined> => {
  try {
    await decodeIdx(bytes, { name })
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
