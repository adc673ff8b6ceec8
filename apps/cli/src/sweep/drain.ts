// The runs of a sweep, taken one after the other by a worker; what is done with each is another matter.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { readCompleted, removeCheckpoint } from '../checkpoint-folder'
import { eventsLog, hasEnd } from '../events-log'
import { claimExisting, type ClaimedFolder } from '../new-folder'
import { UsageError } from '../usage-error'
import { hasEnded, runState } from './run-state'
import { cancelledFile, runFolder, type Sweep, type SweepRun } from './sweep-folder'

export interface DrainOptions {
  /** Where among the runs it begins to look, so that workers that start together meet seldom. */
  readonly index: number
  readonly signal: AbortSignal
  /** Makes a run whole, or says that it failed, or that somebody else has it now. The claim is released afterwards. */
  readonly carryOut: (claimed: ClaimedFolder, run: SweepRun, signal: AbortSignal) => Promise<boolean | 'lost'>
}

/** How often a worker looks whether the sweep was cancelled, in milliseconds. */
const interval = 1000

/** As often as a worker looks at so many runs it shows the file system that it lives. */
const looks = 1000

/**
 * Takes a run that is free, has it carried out, takes the next. It ends where nothing is free any more: what others hold is theirs.
 *
 * @returns how many runs it made whole, and how many tries of it failed
 * @throws the signal's reason where it is stopped
 */
export const drain = async (
  folder: string,
  { runs }: Pick<Sweep, 'runs'>,
  { index, signal, carryOut }: DrainOptions,
): Promise<{ done: number; failed: number }> => {
  const stopping = new AbortController()
  const stopped = AbortSignal.any([signal, stopping.signal])
  const timer = setInterval(() => {
    if (existsSync(join(folder, cancelledFile)))
      stopping.abort(new UsageError(`the sweep in ${folder} was cancelled: give its command again to resume it`))
  }, interval)
  const own = await signOn(folder)
  const settled = new Set<string>()
  const count = runs.length
  let [done, failed, at, misses] = [0, 0, index % count, 0]
  try {
    while (misses < count) {
      stopped.throwIfAborted()
      const run = runs[at] as SweepRun // below their count
      at = (at + 1) % count
      misses++
      if (settled.has(run.name)) continue
      if (misses % looks === 1) await own.touch()
      const state = await runState(runFolder(folder, run), own.path)
      if (state === 'left') await tidy(runFolder(folder, run))
      if (state === 'done' || state === 'left' || state === 'failed') settled.add(run.name)
      if (state !== 'open') continue
      const claimed = await claim(folder, run, own.path)
      if (!claimed) continue
      misses = 0
      let whole
      try {
        whole = await carryOut(claimed, run, stopped)
      } finally {
        await claimed.release()
      }
      if (whole === 'lost') continue
      if (!whole) failed++
      else {
        done++
        settled.add(run.name)
      }
    }
    return { done, failed }
  } finally {
    clearInterval(timer)
    await own.signOff()
  }
}

/** A file of this worker in the sweep's folder: its time is the file system's, whatever the clock here says. */
const signOn = async (folder: string) => {
  const path = join(
    folder,
    'workers',
    `${hostname().replace(/[^\w.-]/g, '_')}-${process.pid}-${randomBytes(3).toString('hex')}`,
  )
  try {
    await mkdir(join(folder, 'workers'), { recursive: true })
    await writeFile(path, '\n')
  } catch (cause) {
    throw new UsageError(
      `could not write into ${folder} (${(cause as Error).message}): a worker needs to write there`,
      { cause },
    )
  }
  return {
    path,
    touch: () => writeFile(path, '\n', { flag: 'w' }),
    signOff: () => rm(path, { force: true }).catch(() => {}), // a file of no bytes that nobody reads
  }
}

/** Takes a run's folder, unless somebody has it or has been there meanwhile. */
const claim = async (folder: string, run: SweepRun, own: string): Promise<ClaimedFolder | undefined> => {
  const path = runFolder(folder, run)
  await mkdir(path, { recursive: true })
  let claimed: ClaimedFolder
  try {
    claimed = await claimExisting(path)
  } catch (error) {
    if ((await runState(path, own)) !== 'open') return undefined // somebody was faster
    throw error
  }
  if (!(await hasEnded(path))) return claimed
  await claimed.release()
  return undefined
}

/** Ends what a process began that was killed between the last byte of a run and the removal of what it trained with. */
const tidy = async (path: string): Promise<void> => {
  const claimed = await claimExisting(path).catch(() => undefined) // another worker is at it, or nothing can be written: it is whole as it is
  if (!claimed) return
  try {
    const run = await readCompleted(path)
    if (run && !(await hasEnd(path))) await eventsLog(path).end(run)
    await removeCheckpoint(path)
  } finally {
    await claimed.release()
  }
}
