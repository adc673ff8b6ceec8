import { existsSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  parseRun,
  readCheckpoint,
  runFiles,
  writeCheckpoint,
  type Checkpoint,
  type CheckpointInterval,
  type Run,
  type RunResult,
} from '@digitlab/train'
import { removeParts, syncFolder, writeAtomic } from './atomic-file'
import { UsageError } from './usage-error'

const fileIn = (folder: string): string => join(folder, 'checkpoint', 'checkpoint.safetensors')

const unwritable = (folder: string, cause: unknown): never => {
  throw new UsageError(
    `could not write the checkpoint to ${folder} (${(cause as Error).message}): mend that and go on with --resume, or name another --out`,
    { cause },
  )
}

/** Writes a run's checkpoint in place of the one before, which stays until the new one is whole. */
export const saveCheckpoint = async (folder: string, checkpoint: Checkpoint): Promise<void> => {
  try {
    const path = fileIn(folder)
    await mkdir(dirname(path), { recursive: true })
    await writeAtomic(path, await writeCheckpoint(checkpoint))
    await syncFolder(folder)
  } catch (cause) {
    unwritable(folder, cause)
  }
}

/** What there is of a run that --resume names: the run where it is complete, else the checkpoint to go on from. */
export const readResumable = async (folder: string): Promise<{ run: Run } | { checkpoint: Checkpoint }> => {
  const finished = join(folder, 'run.json')
  if (existsSync(finished)) {
    const run = parseRun(await readFile(finished, 'utf8'), finished)
    if (run.status === 'completed') {
      await rm(join(folder, 'checkpoint'), { recursive: true, force: true }) // killed just before it was removed
      return { run }
    }
  }
  const path = fileIn(folder)
  const bytes = await readFile(path).catch((cause: Error) => {
    throw new UsageError(
      `${folder} holds no checkpoint (${cause.message}): give a folder that "digitlab train --checkpoint-every" wrote, or train anew`,
      { cause },
    )
  })
  await removeParts(dirname(path)).catch((cause: unknown) => unwritable(folder, cause))
  return { checkpoint: await readCheckpoint(bytes, path) }
}

/**
 * Writes a run into the folder that holds its checkpoint: run.json last, as the sign that it is whole. The checkpoint of a
 * completed run has nothing left to go on to, and is removed.
 */
export const writeRunBesideCheckpoint = async (
  folder: string,
  result: RunResult,
  labels: Uint8Array,
): Promise<void> => {
  try {
    await removeParts(folder)
    for (const [name, content] of Object.entries(runFiles(result, labels)).reverse())
      await writeAtomic(join(folder, name), content)
    if (result.run.status === 'completed') await rm(join(folder, 'checkpoint'), { recursive: true, force: true })
  } catch (cause) {
    unwritable(folder, cause)
  }
}

/** '500' or '500steps', '1epoch', '2epochs'. */
export const parseInterval = (text: string): CheckpointInterval | undefined => {
  const [, digits, unit = 'steps'] = /^([1-9]\d{0,8}) ?(steps?|epochs?)?$/.exec(text) ?? []
  if (digits === undefined) return undefined
  return unit.startsWith('epoch') ? { epochs: Number(digits) } : { steps: Number(digits) }
}
