// What has come of a download that is not whole: `<name>.part` where it lies free, `<name>.<process>-<random>.part` while a
// process writes it.
import { randomBytes } from 'node:crypto'
import { lstat, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * A partial file that belongs to this call alone. One that lies free, or belonged to a process that is gone, is taken over by
 * renaming it, which only one process can; any others that are left are removed.
 *
 * @param fresh whether nothing is to be taken over
 */
export const claimPartial = async (target: string, fresh: boolean): Promise<string> => {
  const own = join(dirname(target), `${basename(target)}.${process.pid}-${randomBytes(4).toString('hex')}.part`)
  if (fresh) return own
  let taken = false
  for (const path of await leftPartials(target)) {
    if (taken || !(await isOurs(path))) await remove(path)
    else
      taken = await rename(path, own).then(
        () => true,
        () => false, // somebody else was quicker
      )
  }
  return own
}

/** Leaves a partial file to whoever comes next. */
export const releasePartial = async (partial: string, target: string): Promise<void> => {
  await rename(partial, `${target}.part`).catch(() => {}) // there is none where nothing came
}

/** Removes what processes that are gone have left of a file that is whole now. */
export const clearPartials = async (target: string): Promise<void> => {
  for (const path of await leftPartials(target)) await remove(path)
}

/** Partial files that no running process writes. */
const leftPartials = async (target: string): Promise<string[]> => {
  const [folder, name] = [dirname(target), basename(target)]
  const entries = await readdir(folder).catch((): string[] => [])
  return entries
    .filter((entry) => {
      if (entry === `${name}.part`) return true
      if (!entry.startsWith(`${name}.`)) return false
      const owner = /^(\d+)-[0-9a-f]{8}\.part$/.exec(entry.slice(name.length + 1))?.[1]
      return owner !== undefined && !isAlive(Number(owner))
    })
    .map((entry) => join(folder, entry))
}

/** A link goes and not what it leads to; a folder, which is nobody's partial file, stays. */
const remove = (path: string): Promise<void> => rm(path, { force: true }).catch(() => {})

/** Whether it is what this module writes: a file of one name, no link to another one. */
const isOurs = async (path: string): Promise<boolean> =>
  lstat(path).then(
    (found) => found.isFile() && found.nlink === 1,
    () => false,
  )

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
