// checkpoint/ in a run's folder: where the run stands, and where it stood before that.
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Checkpoint, CheckpointInterval } from '@digitlab/train'
import { isMendable } from '@digitlab/train/experiment'
import { parseRun, type Run } from '@digitlab/train/run'
import { partIn, removeParts, syncFolder, writeAtomic } from './atomic-file'
import { begunFile, begunText, readBegun, type Begun } from './begun'
import { keepElsewhere } from './elsewhere'
import type { ClaimedFolder } from './new-folder'
import { warn } from './output'
import { UsageError } from './usage-error'

/** The newest checkpoint and the one before it, to fall back to. */
const generations = ['checkpoint.safetensors', 'earlier.safetensors'] as const

/** The folder in a run's folder that holds its checkpoints. */
export const checkpointName = 'checkpoint'

const checkpointIn = (folder: string): string => join(folder, checkpointName)

/** Writes down what a run is begun with. */
export const saveBegun = async ({ path }: ClaimedFolder, begun: Begun): Promise<void> => {
  try {
    await mkdir(checkpointIn(path), { recursive: true })
    await writeAtomic(join(path, begunFile), begunText(begun))
    await syncFolder(path)
  } catch (cause) {
    throw new UsageError(`could not write to ${path} (${(cause as Error).message}): name another --out`, { cause })
  }
}

/**
 * Writes a run's checkpoint. The one before becomes the earlier one; each is whole, or not there, whenever the process is killed.
 *
 * @throws UsageError if it can't be written there: it then says where the checkpoint is instead
 */
export const saveCheckpoint = async (folder: ClaimedFolder, checkpoint: Checkpoint): Promise<void> => {
  const { writeCheckpoint } = await import('@digitlab/train')
  const bytes = await writeCheckpoint(checkpoint)
  const inside = checkpointIn(folder.path)
  const [newest, earlier] = generations.map((name) => join(inside, name)) as [string, string]
  try {
    await folder.check()
    await mkdir(inside, { recursive: true })
    await writeAtomic(newest, bytes, async () => {
      if (existsSync(newest)) await rename(newest, earlier)
    })
  } catch (cause) {
    const kept = await keepElsewhere({ [join('checkpoint', generations[0])]: bytes })
    throw new UsageError(
      `could not write the checkpoint to ${folder.path} (${(cause as Error).message}): ${kept === undefined ? 'there is room for it nowhere else; fix that and continue with --resume' : `it was written to ${kept} instead, continue with --resume ${kept}`}`,
      { cause },
    )
  }
}

/** What a run that --resume names can be gone on from. */
export type Resumable =
  | { readonly run: Run }
  | { readonly checkpoint: Checkpoint }
  /** Nothing has been trained yet; undefined if it is not known what was to be. */
  | { readonly begun: Begun | undefined }

/** The run in a folder, where it is complete. */
export const readCompleted = async (folder: string): Promise<Run | undefined> => {
  const path = join(folder, 'run.json')
  if (!existsSync(path)) return undefined
  const run = parseRun(await readFile(path, 'utf8'), path)
  return run.status === 'completed' ? run : undefined
}

/**
 * What there is of a run that was stopped or killed: the newest checkpoint, or the one before where that is damaged, which is said.
 *
 * @throws TrainError if every checkpoint is damaged
 */
export const readResumable = async (folder: string): Promise<Resumable> => {
  const run = await readCompleted(folder)
  if (run) return { run }
  const inside = checkpointIn(folder)
  if (existsSync(inside)) await removeParts(inside)
  const { readCheckpoint } = await import('@digitlab/train')
  let newest: Error | undefined
  for (const name of generations) {
    const path = join(inside, name)
    if (!existsSync(path)) continue
    try {
      const checkpoint = await readCheckpoint(await readFile(path), path)
      if (newest) warn(`resuming from the previous checkpoint; the newest cannot be used: ${newest.message}`)
      return { checkpoint }
    } catch (error) {
      if (!isMendable(error)) throw error
      if (newest) throw newest
      newest = error
    }
  }
  if (newest) throw newest
  return { begun: await readBegun(folder) }
}

/** Removes what nothing can be gone on from any more, at once: half of it would say something else. */
export const removeCheckpoint = async (folder: string): Promise<void> => {
  const part = partIn(folder)
  try {
    await rename(checkpointIn(folder), part)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  await rm(part, { recursive: true, force: true })
}

/** '500' or '500steps', '1epoch', '30s'. */
export const parseInterval = (text: string): CheckpointInterval | undefined => {
  const [, digits, unit = 'steps'] = /^([1-9]\d{0,8}) ?(steps?|epochs?|s|seconds?)?$/.exec(text) ?? []
  if (digits === undefined) return undefined
  const count = Number(digits)
  if (unit.startsWith('epoch')) return { epochs: count }
  return unit.startsWith('step') ? { steps: count } : { seconds: count }
}
