import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { mkdir, open, readFile, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { DataError } from './data-error'
import { claimPartial, clearPartials, releasePartial } from './partial-file'
import {
  checkSafe,
  firstOf,
  lengthOf,
  longest,
  notIdx,
  refusal,
  sendsMore,
  withPatience,
  type DownloadOptions,
  type Expected,
} from './transfer'

/** What is known of a file: both, its hash, or nothing. */
type Wanted = Expected | (Partial<Expected> & { readonly md5?: string })

/** A file of somebody's own choice ends here. */
const longestOwn = 4 * 2 ** 30

/**
 * Fetches a file from the first of several addresses that gives the right bytes. What comes is written beside the target,
 * goes on where an earlier try was cut off (by a range request), is hashed, and only then renamed: the target is whole or
 * not there. Several processes may fetch the same file at once; each writes a partial file of its own.
 *
 * @param expected undefined where neither length nor hash is known of an IDX file; without a length, of a file of any form
 * @throws DataError naming every address with its reason, or where the folder can't be written; what `signal` was aborted
 * with, where it was: what has come is resumed next time
 */
export const download = async (
  urls: readonly string[],
  target: string,
  expected: Wanted | undefined,
  options: DownloadOptions = {},
): Promise<void> => {
  await onDisk(target, () => mkdir(dirname(target), { recursive: true }))
  const done = await firstOf(urls, options, async (url) => {
    // A partial file left by someone else may be of another content: what it leads to is then fetched anew, once.
    for (let fresh = false; ; fresh = true) {
      const partial = await claimPartial(target, fresh)
      try {
        const resumed = await fetchInto(url, partial, target, expected, options)
        const wrong = await differs(partial, expected)
        if (!wrong) return await onDisk(target, () => rename(partial, target))
        await rm(partial, { force: true })
        if (!resumed || fresh) throw new Error(wrong)
      } catch (error) {
        await releasePartial(partial, target)
        throw error
      }
    }
  })
  if ('reasons' in done)
    throw new DataError(
      `could not download ${basename(target)} (${done.reasons}): try again when this machine is online, or put the file into a folder and name it in DIGITLAB_DATA`,
      { code: 'download-failed' },
    )
  await clearPartials(target)
}

/** @returns whether it went on from bytes that were there already */
const fetchInto = async (
  url: string,
  partial: string,
  target: string,
  expected: Wanted | undefined,
  options: DownloadOptions,
  goOn = true,
): Promise<boolean> => {
  const { onProgress } = options
  const have = await stat(partial).then(
    ({ size }) => size,
    () => 0,
  )
  const whole = expected?.bytes
  const start = goOn && whole !== undefined && have > 0 && have < whole ? have : 0
  if (have === whole) return true
  return withPatience(options, async (signal, expectMore) => {
    // A server that compresses what is compressed already would change the bytes: identity asks it not to.
    const headers = { 'accept-encoding': 'identity', ...(start > 0 ? { range: `bytes=${start}-` } : {}) }
    const response = await fetch(url, { headers, signal })
    await checkSafe(url, response)
    const resumed = start > 0 && response.status === 206 && startOf(response) === start
    if (!response.ok || (response.status === 206 && !resumed) || !response.body) {
      await response.body?.cancel()
      const refused = refusal(response)
      if (start === 0 || response.status === 429 || response.status >= 500) throw refused
      // The range was refused or another one given: from the start then, over what is there once bytes come.
      return fetchInto(url, partial, target, expected, options, false)
    }
    let received = resumed ? start : 0
    const limit = whole ?? (expected ? longestOwn : longest)
    const total = whole ?? lengthOf(response)
    const file = await onDisk(target, () => openPartial(partial, resumed))
    try {
      for await (const piece of response.body) {
        expectMore(piece.length)
        received += piece.length
        if (received > limit) {
          await rm(partial, { force: true })
          throw sendsMore(limit)
        }
        await onDisk(target, () => file.appendFile(piece))
        onProgress?.({ file: basename(target), url, received, total })
      }
      await onDisk(target, () => file.sync())
    } finally {
      await file.close()
    }
    return resumed
  })
}

/** A link in the place of a partial file is never followed: it could lead to any file of this user's. */
const openPartial = (path: string, goOn: boolean): Promise<FileHandle> => {
  const { O_WRONLY, O_CREAT, O_APPEND, O_TRUNC } = constants
  // Windows has no such flag, and asks for rights to make a link.
  const noFollow = (constants as Partial<typeof constants>).O_NOFOLLOW ?? 0
  return open(path, O_WRONLY | O_CREAT | noFollow | (goOn ? O_APPEND : O_TRUNC))
}

const startOf = (response: Response): number =>
  Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? NaN)

/** What is wrong with a file, or undefined. One of which nothing is known must at least be an IDX file, and a whole one. */
export const differs = async (path: string, expected: Wanted | undefined): Promise<string | undefined> => {
  if (!expected) return notIdx(basename(path), await readFile(path))
  const { size } = await stat(path)
  if (expected.bytes !== undefined && size !== expected.bytes) return `expected ${expected.bytes} bytes, found ${size}`
  const [kind, wanted] =
    'md5' in expected && expected.md5 ? (['MD5', expected.md5] as const) : (['SHA-256', expected.sha256] as const)
  if (wanted === undefined) return undefined
  const hash = createHash(kind === 'MD5' ? 'md5' : 'sha256')
  for await (const piece of createReadStream(path)) hash.update(piece as Buffer)
  const found = hash.digest('hex')
  return found === wanted ? undefined : `expected the ${kind} ${wanted}, found ${found}`
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
        EACCES: 'no permission to write there',
        EROFS: 'the disk is read-only',
        ENOTDIR: 'a file is in the way of a folder',
        EISDIR: 'a folder is in the way of a file',
        ENOTEMPTY: 'a folder is in the way of a file',
        EEXIST: 'a file is in the way of a folder',
        ELOOP: 'a link is in the way of a file',
      }[code] ?? message
    throw new DataError(
      `could not write ${path} (${why}): free some space or change its permissions, or name another cache folder with DIGITLAB_CACHE`,
      { code: 'disk', cause },
    )
  }
}
