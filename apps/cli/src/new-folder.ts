// A folder that is new, and one process's alone.
import { existsSync } from 'node:fs'
import { lstat, mkdir, readdir, rmdir } from 'node:fs/promises'
import { basename, dirname, join, normalize, resolve } from 'node:path'
import { isPart, removeParts } from './atomic-file'
import { begunFile } from './begun'
import { eventsFile } from './events-log'
import { isLock, lockFolder } from './folder-lock'
import { checkNamed, isThere, unwritable } from './new-files'
import { note } from './output'
import { UsageError } from './usage-error'

/** A folder that no other process writes into. */
export interface ClaimedFolder {
  /** As the user named it, without any '..' that leads through what is not there. */
  readonly path: string
  /** @throws UsageError if it is no longer this process's */
  readonly check: () => Promise<void>
  /** Lets others have it, with what is in it. */
  readonly release: () => Promise<void>
  /** Lets go of it as if nothing had been: it is removed where it is empty and was not there before. */
  readonly abandon: () => Promise<void>
}

/** What a process left that was killed before it trained anything. */
const isLeftOver = async (folder: string, name: string): Promise<boolean> =>
  isPart(name) ||
  isLock(name) ||
  name === eventsFile ||
  (name === 'checkpoint' &&
    (await readdir(join(folder, name)).catch(() => [''])).every(
      (inside) => isPart(inside) || inside === basename(begunFile),
    ))

/** Whether nothing is in a folder but what is known to be left over. */
export const isBlank = async (folder: string): Promise<boolean> => {
  for (const name of await readdir(folder)) if (!(await isLeftOver(folder, name))) return false
  return true
}

/** What to say of what is there. */
const inTheWay = (path: string): UsageError => {
  const target = resolve(path)
  if (!existsSync(target))
    return new UsageError(`${path} is a link to nothing: make what it leads to, or name another place`)
  if (existsSync(join(target, 'checkpoint')) && !existsSync(join(target, 'run.json')))
    return new UsageError(`${path} holds a run that has started: continue with --resume ${path}, or name another place`)
  return isThere(path)
}

/** Makes a folder unless something of its name is there. @returns whether it was made */
const makeFolder = async (path: string): Promise<boolean> => {
  checkNamed(path)
  const target = resolve(path)
  try {
    await mkdir(dirname(target), { recursive: true })
    await mkdir(target)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST' && (await lstat(target).catch(() => undefined))) return false
    throw unwritable(path, cause)
  }
}

/** A name that may hold anything, as part of a folder's: a model's name must not lead elsewhere. */
export const folderName = (name: string): string => name.replace(/[^\w.-]+/g, '-').slice(0, 64) || 'model'

/** Makes a folder: of `path`, `path-2`, `path-3` ... the first that is not there. @returns its path */
export const makeFresh = async (path: string): Promise<string> => {
  for (let n = 1; ; n++) {
    const fresh = n === 1 ? path : `${path}-${n}`
    if (await makeFolder(fresh)) return normalize(fresh)
  }
}

/**
 * Takes a new folder for this process, before an hour is spent on what goes into it: one that is not there, or is empty, or in
 * which a process was killed before it wrote anything.
 *
 * @throws UsageError if it holds anything else, another process has it, or it can't be written
 */
export const claimFolder = async (path: string): Promise<ClaimedFolder> => {
  const made = await makeFolder(path)
  const isEmpty = () => isBlank(resolve(path)).catch(() => false) // no folder, or none that can be read
  if (!made && !(await isEmpty())) throw inTheWay(path)
  const claimed = await claimExisting(path, made)
  if (await isEmpty()) return claimed
  await claimed.release() // somebody was here between the two looks
  throw inTheWay(path)
}

/** As {@link claimFolder}, of the name that {@link makeFresh} finds. */
export const claimFresh = async (path: string): Promise<ClaimedFolder> => claimExisting(await makeFresh(path), true)

/** Takes a folder that is there for this process. @throws UsageError if another one has it, or it can't be written */
export const claimExisting = async (path: string, made = false): Promise<ClaimedFolder> => {
  const folder = resolve(path)
  const lock = await lockFolder(folder, path).catch((cause: unknown) => {
    throw cause instanceof UsageError ? cause : unwritable(path, cause)
  })
  for (const holder of lock.takenFrom) note(`${path} was left by ${holder}, which is gone: taken over`)
  await removeParts(folder)
  return {
    path: normalize(path),
    check: lock.check,
    release: lock.release,
    async abandon() {
      await lock.release()
      if (made) await rmdir(folder).catch(() => {}) // not empty: what is in it stays
    },
  }
}
