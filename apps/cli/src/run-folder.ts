import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Experiment } from '@digitlab/train/experiment'
import { parseRun, readRunWeights, runFiles, type Run, type RunResult } from '@digitlab/train/run'
import type { StateDict } from '@digitlab/models'
import { writeAtomic } from './atomic-file'
import { keepElsewhere } from './elsewhere'
import type { ClaimedFolder } from './new-folder'
import { UsageError } from './usage-error'

/**
 * Writes a run into the folder that was taken for it: run.json last, as the sign that it is whole.
 *
 * @param labels of the test images, [count]
 * @throws UsageError if it can't be written there: it then says where the run is instead
 */
export const writeRun = async (
  folder: Pick<ClaimedFolder, 'path' | 'check'>,
  result: RunResult,
  labels: Uint8Array,
): Promise<void> => {
  const files = Object.entries(runFiles(result, labels)).reverse()
  try {
    await folder.check()
    await mkdir(folder.path, { recursive: true })
    for (const [name, content] of files) await writeAtomic(join(folder.path, name), content)
  } catch (cause) {
    const kept = await keepElsewhere(Object.fromEntries(files))
    throw new UsageError(
      `could not write the run to ${folder.path} (${(cause as Error).message}): ${kept === undefined ? 'there is room for it nowhere else either' : `it was written to ${kept} instead`}`,
      { cause },
    )
  }
}

/**
 * The folder of a run: itself, or that of its run.json. No other file in it stands for the run.
 *
 * @throws UsageError for another file
 */
export const folderOfRun = async (path: string): Promise<string> => {
  if (await isFolder(path)) return path
  if (basename(path) !== 'run.json')
    throw new UsageError(`${path} is not a run: give the folder of one, or its run.json`)
  return dirname(path)
}

/** Reads a file of a run's folder. */
const readPart = async (path: string, folder: string, name: string): Promise<Uint8Array> => {
  try {
    return await readFile(join(folder, name))
  } catch (cause) {
    throw await noRun(path, folder, cause as Error)
  }
}

const readRunJson = async (path: string, folder: string): Promise<Run> =>
  parseRun(new TextDecoder().decode(await readPart(path, folder, 'run.json')), join(folder, 'run.json'))

/** Reads a run from its folder, or from the path of its run.json. */
export const readRun = async (path: string): Promise<{ run: Run; weights: StateDict }> => {
  const folder = await folderOfRun(path)
  const run = await readRunJson(path, folder)
  const file = 'weights.safetensors'
  return { run, weights: readRunWeights(await readPart(path, folder, file), run, join(folder, file)) }
}

/** Why there is no run to read: there are several of them, or there is none yet. */
const noRun = async (path: string, folder: string, cause: Error): Promise<UsageError> => {
  const inside = path === folder ? await runsIn(folder).catch((): string[] => []) : []
  if (inside.length > 0)
    return new UsageError(
      `${path} holds ${inside.length === 1 ? 'a run' : `${inside.length} runs`} and is not one itself: name ${inside.length === 1 ? '' : 'one of '}${inside.slice(0, 8).join(', ')}${inside.length > 8 ? ' ...' : ''}`,
      { cause },
    )
  if (path === folder && existsSync(join(folder, 'checkpoint')))
    return new UsageError(
      `${path} holds a run that has started and has not ended: wait for it, or continue with "digitlab train --resume ${path}"`,
      { cause },
    )
  return new UsageError(`${path} holds no run: ${cause.message}; give a folder that "digitlab train" wrote`, { cause })
}

/** The folders of the runs in a folder, in the order in which they were begun. */
const runsIn = async (folder: string): Promise<string[]> => {
  const found: { folder: string; begun: string }[] = []
  for (const name of await readdir(folder)) {
    const file = join(folder, name, 'run.json')
    if (!existsSync(file)) continue
    const run = parseRun(await readFile(file, 'utf8'), file)
    found.push({ folder: join(folder, name), begun: run.startedAt })
  }
  return found.sort((a, b) => (a.begun < b.begun ? -1 : 1)).map(({ folder }) => folder)
}

/**
 * The folders of the runs that a path means: itself, or where it is what "digitlab compare" wrote, those in it, in the order
 * in which they were begun.
 */
export const runFolders = async (path: string): Promise<string[]> => {
  if (!(await isFolder(path)) || existsSync(join(path, 'run.json')) || !existsSync(path)) return [path]
  const found = await runsIn(path)
  return found.length === 0 ? [path] : found // reading from it will say what is wrong
}

export const isFolder = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return true // reading from it will say what is wrong
  }
}

/** The experiment of a run.json, or of a run's folder. */
export const readExperiment = async (path: string): Promise<Experiment> =>
  (await readRunJson(path, await folderOfRun(path))).experiment
