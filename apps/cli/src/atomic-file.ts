import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { copyFile, link, open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** A name for a file that is being written, or a folder that is being removed: short whatever it becomes, and never one that a user would give. */
export const partIn = (folder: string): string =>
  join(folder, `.digitlab-${process.pid}-${randomBytes(4).toString('hex')}.part`)

/** The process that was writing a file, where it is one of ours that is not whole. */
const writerOf = (name: string): number | undefined => {
  const [, pid] = /^\.digitlab-(\d{1,10})-[0-9a-f]{8}\.part$/.exec(name) ?? []
  return pid === undefined ? undefined : Number(pid)
}

export const isPart = (name: string): boolean => writerOf(name) !== undefined

/** Writes a temporary file, flushed to the disk, and hands it on; it is gone afterwards, whatever happens. */
const throughPart = async (
  path: string,
  content: string | Uint8Array,
  finish: (part: string) => Promise<void>,
): Promise<void> => {
  const part = partIn(dirname(path))
  try {
    const file = await open(part, 'wx')
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await finish(part)
  } finally {
    await rm(part, { force: true })
  }
  await syncFolder(dirname(path))
}

/**
 * Writes a file so that it is there whole or not at all, whenever the process is killed or the machine stops: a temporary
 * file beside it, flushed to the disk, then renamed. What was there before stays until then.
 *
 * @param before what to do once the new file is whole, just before it takes its name
 */
export const writeAtomic = (
  path: string,
  content: string | Uint8Array,
  before: () => Promise<void> = async () => {},
): Promise<void> =>
  throughPart(path, content, async (part) => {
    await before()
    await rename(part, path)
  })

/** As {@link writeAtomic}, and throws EEXIST where there is something of that name already. */
export const writeNew = (path: string, content: string | Uint8Array): Promise<void> =>
  throughPart(path, content, async (part) => {
    try {
      await link(part, path)
    } catch (error) {
      // Not every file system has links: whole or not at all is then given up, never a file that is there.
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error
      await copyFile(part, path, constants.COPYFILE_EXCL)
    }
  })

/** The new name, too, must reach the disk. Windows has no way to ask for that, and needs none. */
export const syncFolder = async (folder: string): Promise<void> => {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Removes what writing was killed in the middle of: parts of processes that are no more. */
export const removeParts = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder)) {
    const writer = writerOf(name)
    if (writer !== undefined && !isRunning(writer)) await rm(join(folder, name), { recursive: true, force: true })
  }
}

/** Whether there is a process of this number on this machine. */
export const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
