import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { DataError } from './data-error'

/** What tells whether a file is still the one that was read. */
export interface FileVersion {
  readonly device: number
  readonly inode: number
  /** Its length. */
  readonly bytes: number
  /** When it was last written, in milliseconds since 1970. */
  readonly modified: number
}

/**
 * Reads a regular file whole.
 *
 * @returns undefined if there is none
 * @throws DataError if it cannot be read, or is something else: a pipe or a device would be waited for
 */
export const readIfThere = async (
  path: string,
): Promise<{ readonly bytes: Uint8Array; readonly version: FileVersion } | undefined> => {
  try {
    // Without waiting for somebody to write into a pipe; Windows has no such flag, and no such files.
    const file = await open(path, constants.O_RDONLY | ((constants as Partial<typeof constants>).O_NONBLOCK ?? 0))
    try {
      const found = await file.stat()
      if (!found.isFile())
        throw new DataError(`expected a file, ${path} is ${found.isDirectory() ? 'a folder' : 'a pipe or a device'}`, {
          code: 'disk',
        })
      const version = { device: found.dev, inode: found.ino, bytes: found.size, modified: found.mtimeMs }
      return { bytes: await file.readFile(), version }
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (cause instanceof DataError) throw cause
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new DataError(`could not read ${path} (${message}): change its permissions, or name another folder`, {
      code: 'disk',
      cause,
    })
  }
}
