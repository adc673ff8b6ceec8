import { closeSync, fstatSync, openSync, readSync, realpathSync, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, dirname, relative, resolve, sep } from 'node:path'
import { resolveModel, type Model, type ModelDefinition, type StateDict } from '@digitlab/models'
import {
  checkFinite,
  findModel,
  normalizationIn,
  readWeights as readContents,
  WeightsError,
  weightsMetadata,
  withoutPrefix,
  type Normalization,
  type ReadExternal,
  type WeightsContents,
} from '@digitlab/weights'
import { isOnHub, readFromHub } from './hub'
import { modelOf } from './options'
import { warn } from './output'
import { readRun } from './run-folder'
import { UsageError } from './usage-error'

/** What weights can be read from, for a help text. */
export const readableWeights =
  "a run's folder or its run.json, a file (safetensors, PyTorch or ONNX, told by its bytes), or hf:user/name on Hugging Face"

/** Whether a path stands for a run: its folder, or its run.json. */
export const isRun = async (path: string): Promise<boolean> =>
  basename(path) === 'run.json' || ((await stat(path).catch(() => undefined))?.isDirectory() ?? false)

/** A regular file's bytes: what has no end, as a pipe, is not waited for. */
const bytesOf = async (path: string): Promise<Uint8Array> => {
  if (isOnHub(path)) return readFromHub(path)
  const unreadable = (reason: string, cause?: unknown): never => {
    throw new UsageError(`could not read ${path} (${reason}): give ${readableWeights}`, { cause })
  }
  try {
    if (!(await stat(path)).isFile()) return unreadable('it is not a regular file')
    return await readFile(path)
  } catch (cause) {
    if (cause instanceof UsageError) throw cause
    return unreadable((cause as Error).message, cause)
  }
}

/** Reads what an ONNX file keeps beside itself: in its own folder, wherever links lead, and as much as there is. */
const beside =
  (path: string): ReadExternal =>
  (location, from, length) => {
    const folder = dirname(resolve(path))
    let file: number | undefined
    try {
      const found = realpathSync(resolve(folder, location))
      if (relative(realpathSync(folder), found).split(sep)[0] === '..') throw new Error('it leads out of the folder')
      if (!statSync(found).isFile()) throw new Error('it is not a regular file')
      file = openSync(found, 'r')
      const { size } = fstatSync(file)
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - from)))
      for (let at = 0; at < bytes.length;) {
        const read = readSync(file, bytes, at, bytes.length - at, from + at)
        if (read === 0) break
        at += read
      }
      return bytes
    } catch (cause) {
      throw new UsageError(
        `${path} keeps weights in ${location}, which could not be read (${(cause as Error).message}): put both into one folder`,
        { cause },
      )
    } finally {
      if (file !== undefined) closeSync(file)
    }
  }

/**
 * Reads the weights of a file, by what it holds, or of a run.
 *
 * @param key which state dict, if a PyTorch file holds several
 * @throws UsageError if it can't be read; WeightsError if it is damaged or holds NaN
 */
const readWeights = async (path: string, key?: string): Promise<WeightsContents> => {
  if (await isRun(path)) {
    if (key !== undefined) throw new UsageError(`${path} is a run, which has one set of weights: leave --key out`)
    const { run, weights } = await readRun(path)
    const { normalize } = run.experiment
    const metadata = new Map(Object.entries(weightsMetadata(run.model.definition, { experiment: run.id, normalize })))
    return { weights, integers: new Map(), metadata, notes: [] }
  }
  const options = { external: beside(path), ...(key === undefined ? {} : { key }) }
  const contents = choosing(path, readContents, await bytesOf(path), path, options)
  checkFinite(contents.weights)
  for (const each of contents.notes) warn(`${path}: ${each}`)
  return contents
}

/** Says how to choose, where the file leaves something to choose. */
const choosing = <Args extends unknown[]>(
  path: string,
  read: (...args: Args) => WeightsContents,
  ...args: Args
): WeightsContents => {
  try {
    return read(...args)
  } catch (cause) {
    if (!(cause instanceof WeightsError) || cause.choices.length === 0) throw cause
    const choices = cause.choices.map((each) => `--key ${JSON.stringify(each)}`).join(' or ')
    throw new UsageError(`${path} holds several state dicts: choose one with ${choices}`, { cause })
  }
}

interface ReadModel {
  readonly weights: StateDict
  readonly model: Model
  /** The run that they come from, where the file says so. */
  readonly experiment: string | undefined
  readonly normalize: Normalization | undefined
}

/** How the images of a training were normalized, as a file and the command line say, which do not contradict each other. */
const normalizationOf = (
  path: string,
  { metadata }: WeightsContents,
  given: Normalization | undefined,
): Normalization | undefined => {
  const said = normalizationIn(metadata)
  const shown = ({ mean, std }: Normalization) => `${mean} and ${std}`
  if (given && said && shown(given) !== shown(said))
    throw new UsageError(
      `${path} says that its images were normalized by ${shown(said)}, --normalize by ${shown(given)}: leave it out`,
    )
  return said ?? given
}

/**
 * Reads weights together with the model that they are of.
 *
 * @param given what --model says; else the file itself or the catalogue decide
 * @param normalize what --normalize says; else the file itself
 */
export const readModel = async (
  path: string,
  given: string | undefined,
  key: string | undefined,
  normalize: Normalization | undefined,
): Promise<ReadModel> => {
  if (normalize && (await isRun(path)))
    throw new UsageError(`${path} is a run and says itself what its images were normalized by: leave --normalize out`)
  const contents = await readWeights(path, key)
  const { model, weights, notes } = findModel(contents, {
    model: given === undefined ? undefined : modelOf(given),
    name: path,
  })
  for (const each of notes) warn(`${path}: ${each}`)
  return {
    weights,
    model,
    experiment: contents.metadata.get('experiment'),
    normalize: normalizationOf(path, contents, normalize),
  }
}

/**
 * Reads weights to begin a training with, by the names of its model. The last layer may be for other classes.
 *
 * @throws UsageError if they can't be read
 */
export const readInitial = async (
  path: string,
  model: string | ModelDefinition,
  key: string | undefined,
): Promise<StateDict> => {
  const { weights } = await readWeights(path, key)
  const names = resolveModel(model).entries.map(({ name }) => name)
  const found = withoutPrefix(weights, names)
  for (const each of found?.notes ?? []) warn(`${path}: ${each}`)
  return found?.weights ?? weights
}
