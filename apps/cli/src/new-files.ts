// What --out names, the same for every command: what is there already is never written over.
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { writeNew } from './atomic-file'
import { UsageError } from './usage-error'

/** The one sentence of all commands. */
export const isThere = (path: string): UsageError =>
  new UsageError(`${path} is there already, and is never overwritten: name another place or remove it`)

/** What the disk refused, as a sentence. */
export const unwritable = (path: string, cause: unknown): UsageError =>
  new UsageError(`could not write ${path} (${(cause as Error).message}): name another place`, { cause })

/** Refuses an empty name, which would mean the current folder. */
export const checkNamed = (path: string): void => {
  if (path.trim() === '') throw new UsageError('expected a name to write to, found an empty one: name one')
}

/**
 * Writes new files, each whole or not at all, in the order in which they are given; their folders are made.
 *
 * @throws UsageError if one is there already, before any is written, or can't be written
 */
export const writeNewFiles = async (files: ReadonlyMap<string, string | Uint8Array>): Promise<void> => {
  for (const path of files.keys()) {
    checkNamed(path)
    if (existsSync(resolve(path))) throw isThere(path)
  }
  const written: string[] = []
  for (const [path, content] of files) {
    const target = resolve(path)
    try {
      await mkdir(dirname(target), { recursive: true })
      await writeNew(target, content)
      written.push(target)
    } catch (cause) {
      for (const target of written) await rm(target, { force: true }) // all of them, or none
      throw (cause as NodeJS.ErrnoException).code === 'EEXIST' ? isThere(path) : unwritable(path, cause)
    }
  }
}
