import { open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * Writes a file so that it is there whole or not at all, whenever the process is killed or the machine stops: a temporary
 * file beside it, flushed to the disk, then renamed. What was there before stays until then.
 */
export const writeAtomic = async (path: string, content: string | Uint8Array): Promise<void> => {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.part`)
  try {
    const file = await open(temporary, 'w')
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(dirname(path))
}

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

/** Removes what writing was killed in the middle of. */
export const removeParts = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder))
    if (/^\..*\.\d+\.part$/.test(name)) await rm(join(folder, name), { force: true })
}
