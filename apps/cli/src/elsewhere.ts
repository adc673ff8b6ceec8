import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { writeAtomic } from './atomic-file'

/**
 * Writes what has no room in its own place to another one, in a new folder: in that for temporary files, or else in the home folder.
 * What was computed for an hour is not lost with a disk.
 *
 * @returns the new folder; undefined if there is no room anywhere
 */
export const keepElsewhere = async (
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string | undefined> => {
  for (const place of [tmpdir(), homedir()]) {
    let folder: string | undefined
    try {
      folder = await mkdtemp(join(place, 'digitlab-run-'))
      for (const [name, content] of Object.entries(files)) {
        const path = join(folder, name)
        await mkdir(dirname(path), { recursive: true })
        await writeAtomic(path, content)
      }
      return folder
    } catch {
      if (folder !== undefined) await rm(folder, { recursive: true, force: true }).catch(() => {})
    }
  }
  return undefined
}
