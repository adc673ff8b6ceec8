import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { readIdx, unpackIdx } from '@digitlab/idx'
import { DataError } from './dataset'

/** How a download goes on. */
export interface DownloadProgress {
  readonly file: string
  readonly url: string
  readonly received: number
  /** undefined where nobody says how long the file is */
  readonly total: number | undefined
}

/** How long a download may take, who is told of it and who may stop it. */
export interface DownloadOptions {
  /** Longest wait for an answer, and then for each next piece, in milliseconds. */
  readonly timeoutMs?: number
  /** Told of every piece that has come. */
  readonly onProgress?: (progress: DownloadProgress) => void
  readonly signal?: AbortSignal
}

/** What a file must be. */
export interface Expected {
  readonly bytes: number
  readonly sha256: string
}

/** A file without a known length ends here: more than any file of the catalogue holds. */
const longest = 256 * 2 ** 20

/**
 * Fetches a file from the first of several addresses that gives the right bytes. What comes is written beside the target,
 * goes on where an earlier try was cut off (by a range request), is hashed, and only then renamed: the target is whole or
 * not there. Several processes may fetch the same file at once; each writes a partial file of its own.
 *
 * @param expected undefined where neither length nor hash is known
 * @throws DataError naming every address with its reason, or where the folder can't be written
 */
export const download = async (
  urls: readonly string[],
  target: string,
  expected: Expected | undefined,
  options: DownloadOptions = {},
): Promise<void> => {
  const reasons: string[] = []
  await onDisk(target, () => mkdir(dirname(target), { recursive: true }))
  for (const url of urls) {
    // A partial file left by someone else may be of another content: what it leads to is then fetched anew, once.
    for (let fresh = false; ; fresh = true) {
      const partial = await claimPartial(target, fresh)
      try {
        const resumed = await fetchInto(url, partial, target, expected, options)
        const wrong = await differs(partial, expected)
        if (!wrong) {
          await onDisk(target, () => rename(partial, target))
          return
        }
        await rm(partial, { force: true })
        if (resumed && !fresh) continue
        reasons.push(`${url}: ${wrong}`)
      } catch (error) {
        await release(partial, target)
        if (error instanceof DataError || options.signal?.aborted) throw error
        reasons.push(`${url}: ${reasonOf(error)}`)
      }
      break
    }
  }
  throw new DataError(
    `could not download ${basename(target)} (${reasons.join('; ')}): try again, give a folder that has it with --data-dir or DIGITLAB_DATA, or take --dataset strokes`,
  )
}

/** @returns whether it went on from bytes that were there already */
const fetchInto = async (
  url: string,
  partial: string,
  target: string,
  expected: Expected | undefined,
  options: DownloadOptions,
  goOn = true,
): Promise<boolean> => {
  const { timeoutMs = 15_000, onProgress, signal } = options
  const have = await stat(partial).then(
    ({ size }) => size,
    () => 0,
  )
  const start = goOn && expected && have > 0 && have < expected.bytes ? have : 0
  if (expected && have === expected.bytes) return true
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const expectMore = () => {
    clearTimeout(timer)
    timer = setTimeout(() => controller.abort(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs)
  }
  const stop = () => controller.abort(signal?.reason)
  signal?.addEventListener('abort', stop)
  try {
    signal?.throwIfAborted()
    expectMore()
    // A server that compresses what is compressed already would change the bytes: identity asks it not to.
    const headers = { 'accept-encoding': 'identity', ...(start > 0 ? { range: `bytes=${start}-` } : {}) }
    const response = await fetch(url, { headers, signal: controller.signal })
    const resumed = start > 0 && response.status === 206 && startOf(response) === start
    if (!response.ok || (response.status === 206 && !resumed) || !response.body) {
      await response.body?.cancel()
      if (start === 0 || response.status >= 500)
        throw new Error(`it answered ${response.status} ${response.statusText}`.trim())
      // The range was refused or another one given: from the start then, over what is there once bytes come.
      return await fetchInto(url, partial, target, expected, options, false)
    }
    let received = resumed ? start : 0
    const limit = expected?.bytes ?? longest
    const total = expected?.bytes ?? lengthOf(response)
    const file = await onDisk(target, () => open(partial, resumed ? 'a' : 'w'))
    try {
      for await (const piece of response.body) {
        expectMore()
        received += piece.length
        if (received > limit) {
          await rm(partial, { force: true })
          throw new Error(`expected ${limit} bytes, it sends more`)
        }
        await onDisk(target, () => file.appendFile(piece))
        onProgress?.({ file: basename(target), url, received, total })
      }
      await onDisk(target, () => file.sync())
    } finally {
      await file.close()
    }
    return resumed
  } catch (error) {
    throw controller.signal.aborted && controller.signal.reason instanceof Error ? controller.signal.reason : error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', stop)
  }
}

const startOf = (response: Response): number =>
  Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? NaN)

const lengthOf = (response: Response): number | undefined => {
  const length = Number(response.headers.get('content-length') ?? NaN)
  return Number.isFinite(length) ? length : undefined
}

/** What is wrong with a file, or undefined. One of which nothing is known must at least be an IDX file, and a whole one. */
export const differs = async (path: string, expected: Expected | undefined): Promise<string | undefined> => {
  if (!expected) {
    try {
      const name = basename(path)
      readIdx(await unpackIdx(await readFile(path), { name }), { name })
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }
  const { size } = await stat(path)
  if (size !== expected.bytes) return `expected ${expected.bytes} bytes, found ${size}`
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer)
  const found = hash.digest('hex')
  return found === expected.sha256 ? undefined : `expected the SHA-256 ${expected.sha256}, found ${found}`
}

/**
 * A partial file that belongs to this call alone. One that lies free (`name.part`), or belonged to a process that is gone,
 * is taken over by renaming it, which only one process can.
 */
const claimPartial = async (target: string, fresh: boolean): Promise<string> => {
  const [folder, name] = [dirname(target), basename(target)]
  const own = join(folder, `${name}.${process.pid}-${randomBytes(4).toString('hex')}.part`)
  if (fresh) return own
  const left = (await readdir(folder).catch((): string[] => [])).filter((entry) => {
    if (entry === `${name}.part`) return true
    if (!entry.startsWith(`${name}.`) || !entry.endsWith('.part')) return false
    const owner = Number(/\.(\d+)-[0-9a-f]+\.part$/.exec(entry)?.[1] ?? NaN)
    return Number.isInteger(owner) && !isAlive(owner)
  })
  for (const entry of left) {
    const taken = await rename(join(folder, entry), own).then(
      () => true,
      () => false,
    ) // somebody else was quicker
    if (taken) break
  }
  return own
}

/** Leaves a partial file to whoever comes next. */
const release = async (partial: string, target: string): Promise<void> => {
  await rename(partial, `${target}.part`).catch(() => {}) // there is none where nothing came
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Turns what a disk refuses into a sentence. */
const onDisk = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === undefined) throw cause
    const why =
      {
        ENOSPC: 'the disk is full',
        EACCES: 'there is no right to write there',
        EROFS: 'the disk is read-only',
        ENOTDIR: 'a file is in the way of a folder',
        EISDIR: 'a folder is in the way of a file',
        ENOTEMPTY: 'a folder is in the way of a file',
        EEXIST: 'a file is in the way of a folder',
      }[code] ?? message
    throw new DataError(
      `could not write ${path} (${why}): make room or rights there, or name another cache folder with DIGITLAB_CACHE`,
      { cause },
    )
  }
}

/** fetch says "fetch failed" and keeps the reason in its cause. */
const reasonOf = (error: unknown): string => {
  const { message, cause } = error as Error
  if (!(cause instanceof Error)) return message
  const inner = cause instanceof AggregateError ? (cause.errors[0] as Error) : cause
  return inner.message || (inner as NodeJS.ErrnoException).code || message
}
