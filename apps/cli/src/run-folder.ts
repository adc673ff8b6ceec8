import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { parseRun, runFiles, type Experiment, type Run, type RunResult } from '@digitlab/train'
import type { StateDict } from '@digitlab/models'
import { checkFinite, readSafetensors } from '@digitlab/weights'
import { UsageError } from './usage-error'

/** `path`, or `path-2`, `path-3` ...: the first that is not there yet, so that nothing is written over. */
export const freshPath = (path: string): string => {
  let fresh = path
  for (let n = 2; existsSync(fresh); n++) fresh = `${path}-${n}`
  return fresh
}

/**
 * Sees to it that a new folder can be written, before an hour is spent on what goes into it.
 *
 * @throws UsageError where it is there already (a run is never written over), or the place can't be written
 */
export const prepareFolder = async (path: string): Promise<void> => {
  if (existsSync(path))
    throw new UsageError(`${path} is there already, and a run is never written over: name another --out or remove it`)
  await writeFolder(`${path}.probe`, { probe: '' })
  await rm(`${path}.probe`, { recursive: true })
}

/**
 * Writes files into a new folder: all of them, or nothing. They go into a folder beside it first, which is then renamed.
 *
 * @throws UsageError where the folder can't be written, with the reason
 */
export const writeFolder = async (
  folder: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string> => {
  const target = resolve(folder)
  let temporary: string | undefined
  try {
    await mkdir(dirname(target), { recursive: true })
    temporary = join(dirname(target), `.${basename(target)}-${randomUUID()}`)
    await mkdir(temporary) // as open to others as any folder, which mkdtemp's is not
    for (const [name, content] of Object.entries(files)) await writeFile(join(temporary, name), content)
    await rename(temporary, target)
    return folder
  } catch (cause) {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true })
    throw new UsageError(`could not write ${folder} (${(cause as Error).message}): name another --out`, { cause })
  }
}

/** Writes a run: run.json, weights.safetensors, and the predictions of the test images whose labels are given. */
export const writeRun = async (folder: string, result: RunResult, labels: Uint8Array): Promise<string> =>
  writeFolder(folder, runFiles(result, labels))

/** Reads a run from its folder, or from the path of its run.json. */
export const readRun = async (path: string): Promise<{ run: Run; weights: StateDict }> => {
  const folder = (await isFolder(path)) ? path : dirname(path)
  const read = async (name: string): Promise<Uint8Array> => {
    try {
      return await readFile(join(folder, name))
    } catch (cause) {
      throw new UsageError(
        `${path} holds no run: ${(cause as Error).message}; give a folder that "digitlab train" wrote`,
        { cause },
      )
    }
  }
  const run = parseRun(new TextDecoder().decode(await read('run.json')), join(folder, 'run.json'))
  const { weights } = readSafetensors(await read('weights.safetensors'), join(folder, 'weights.safetensors'))
  checkFinite(weights)
  return { run, weights }
}

/**
 * The folders of the runs that a path means: itself, or where it is what "digitlab compare" wrote, those in it, in the order
 * in which they were begun.
 */
export const runFolders = async (path: string): Promise<string[]> => {
  if (!(await isFolder(path)) || existsSync(join(path, 'run.json')) || !existsSync(path)) return [path]
  const found: { folder: string; begun: string }[] = []
  for (const name of await readdir(path)) {
    const file = join(path, name, 'run.json')
    if (!existsSync(file)) continue
    const run = parseRun(await readFile(file, 'utf8'), file)
    found.push({ folder: join(path, name), begun: run.startedAt })
  }
  if (found.length === 0) return [path] // reading from it will say what is wrong
  return found.sort((a, b) => (a.begun < b.begun ? -1 : 1)).map(({ folder }) => folder)
}

export const isFolder = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return true // reading from it will say what is wrong
  }
}

/** The experiment of a run.json, or of a run's folder. */
export const readExperiment = async (path: string): Promise<Experiment> => (await readRun(path)).run.experiment
