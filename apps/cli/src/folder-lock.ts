// One process at a time trains into a folder: each lays a file of its own beside the run, and looks for those of others.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { isRunning, syncFolder } from './atomic-file'
import { UsageError } from './usage-error'

/** Who holds a folder. The name of its file says it all, so that it is there whole or not at all. */
interface Holder {
  readonly pid: number
  /** What tells it from a later process with the same pid: in ticks since the machine began; '' where the system does not say. */
  readonly born: string
  /** When it took the folder. */
  readonly since: Date
  readonly host: string
}

/** The folder is there, and no longer this process's: another one took it over. */
export class LockLost extends UsageError {}

export interface FolderLock {
  /** Processes that held the folder and are gone, each as 'process 123 (since 2026-11-26T02:00:00.000Z)'. */
  readonly takenFrom: readonly string[]
  /** @throws LockLost if another process took the folder over; UsageError if it was removed */
  readonly check: () => Promise<void>
  readonly release: () => Promise<void>
}

/** How often a holder shows that it lives, in milliseconds; another machine takes it for gone after six times that. */
const heartbeat = 10_000

const thisHost =
  hostname()
    .replace(/[^\w.-]/g, '_')
    .slice(0, 64) || 'localhost'

const nameOf = ({ pid, born, since, host }: Holder): string =>
  `.digitlab-lock-${pid}-${born}-${since.getTime()}-${randomBytes(4).toString('hex')}-${host}`

const holderOf = (name: string): Holder | undefined => {
  const [, pid, born = '', since, host = ''] =
    /^\.digitlab-lock-(\d{1,10})-(\d{0,20})-(\d{1,14})-[0-9a-f]{8}-([\w.-]{1,64})$/.exec(name) ?? []
  return pid === undefined ? undefined : { pid: Number(pid), born, since: new Date(Number(since)), host }
}

export const isLock = (name: string): boolean => holderOf(name) !== undefined

/** The locks that lie in a folder, whoever holds them; none where there is no such folder. */
export const locksIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder).catch((): string[] => [])).filter(isLock)

/**
 * Takes a folder for this process, until it lets go of it or ends. What processes left that are gone is removed.
 *
 * Of two that come at once at most one gets it: each lays its own file first and looks for others then, so that whoever looks
 * last sees both. A file of one's own needs no exclusive creation, which some network file systems do not have.
 *
 * @param name what to call it in an error
 * @throws UsageError if a process that lives holds it; what the disk refuses
 */
export const lockFolder = async (folder: string, name = folder): Promise<FolderLock> => {
  const { born } = await processOf('self')
  for (let attempt = 1; ; attempt++) {
    const own = nameOf({ pid: process.pid, born, since: new Date(), host: thisHost })
    const path = join(folder, own)
    await writeFile(path, '\n', { flag: 'wx' })
    const others = (await locksIn(folder)).filter((name) => name !== own)
    const found = await Promise.all(others.map((name) => look(folder, name, path)))
    const living = found.find((other) => other?.lives)
    if (!living) {
      for (const name of others) await rm(join(folder, name), { force: true })
      await syncFolder(folder)
      return held(
        name,
        path,
        found.flatMap((other) => (other ? [shown(other.holder)] : [])),
      )
    }
    await rm(path, { force: true })
    if (attempt === 5) throw inUse(name, living.holder)
    await wait(20 + 80 * Math.random()) // it may have come at the same moment, and be about to let go
  }
}

/**
 * Who holds a folder and lives, as 'process 123 (since 2026-11-26T02:00:00.000Z)'; undefined if it is free. Nothing is written.
 *
 * @param own a file in the same file system that was just written to: what holders of other machines are held against
 */
export const livingHolder = async (folder: string, own: string): Promise<string | undefined> => {
  for (const name of await locksIn(folder)) {
    const found = await look(folder, name, own)
    if (found?.lives) return `${shown(found.holder)} on ${found.holder.host}`
  }
  return undefined
}

const inUse = (name: string, holder: Holder): UsageError =>
  new UsageError(
    `${name} is in use: ${shown(holder)}${holder.host === thisHost ? '' : ` on ${holder.host}`} trains there; wait for it or stop it, or name another folder`,
  )

const shown = ({ pid, since }: Holder): string => `process ${pid} (since ${since.toISOString()})`

const held = (name: string, path: string, takenFrom: readonly string[]): FolderLock => {
  // By writing, so that the file system itself says when that was, whatever this machine's clock does.
  const touch = () => writeFile(path, '\n', { flag: 'r+' })
  const timer = setInterval(() => void touch().catch(() => {}), heartbeat) // `check` tells
  timer.unref()
  return {
    takenFrom,
    async check() {
      await touch().catch((cause: Error) => {
        const Lost = existsSync(dirname(path)) ? LockLost : UsageError
        throw new Lost(
          `${name} is no longer this process's (${cause.message}): it was removed, or another process took it over`,
          { cause },
        )
      })
    },
    async release() {
      clearInterval(timer)
      await rm(path, { force: true }).catch(() => {}) // where it can't be removed, it is known to be stale
    },
  }
}

/** Whose a lock is and whether that lives; undefined if the lock has gone meanwhile. @param own a file that was just written */
const look = async (
  folder: string,
  name: string,
  own: string,
): Promise<{ holder: Holder; lives: boolean } | undefined> => {
  const holder = holderOf(name)
  if (!holder) return undefined
  if (holder.host === thisHost) return { holder, lives: await isAlive(holder) }
  try {
    // Both times are the file system's own: the clocks of two machines need not agree.
    const [theirs, ours] = await Promise.all([stat(join(folder, name)), stat(own)])
    return { holder, lives: ours.mtimeMs - theirs.mtimeMs < 6 * heartbeat }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const isAlive = async ({ pid, born }: Holder): Promise<boolean> => {
  if (!isRunning(pid)) return false
  const now = await processOf(pid)
  return !now.ended && (born === '' || now.born === '' || born === now.born)
}

/** When a process began, and whether it has ended and only waits for its parent to look; '' and false where the system does not tell. */
const processOf = async (pid: number | 'self'): Promise<{ born: string; ended: boolean }> => {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ') // from the third on: the second may hold spaces
  return { born: fields[19] ?? '', ended: fields[0] === 'Z' || fields[0] === 'X' }
}
