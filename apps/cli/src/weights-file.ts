import { readFile, stat } from 'node:fs/promises'
import { extname } from 'node:path'
import type { Model, StateDict } from '@digitlab/models'
import { checkFinite, findModel, readOnnx, readPth, readSafetensors } from '@digitlab/weights'
import { modelOf } from './options'
import { readRun } from './run-folder'
import { UsageError } from './usage-error'

type Read = (bytes: Uint8Array, name: string) => { weights: StateDict; metadata: ReadonlyMap<string, string> }

const readers: Readonly<Record<string, Read>> = {
  '.safetensors': readSafetensors,
  '.pth': readPth,
  '.pt': readPth,
  '.onnx': readOnnx,
}

/** What weights can be read from, for a help text. */
export const readableWeights = `a run's folder, or a file: ${Object.keys(readers).join(', ')}`

export const isWeightsFile = (path: string): boolean => Object.hasOwn(readers, extname(path).toLowerCase())

/**
 * Reads the weights of a file, by its extension, or of a run.
 *
 * @throws UsageError where it can't be read; WeightsError where it is damaged or holds NaN
 */
export const readWeights = async (
  path: string,
): Promise<{ weights: StateDict; metadata: ReadonlyMap<string, string> }> => {
  const read = readers[extname(path).toLowerCase()]
  if (read && !(await isFolder(path))) {
    const bytes = await readFile(path).catch((cause: Error) => {
      throw new UsageError(`could not read ${path} (${cause.message}): give ${readableWeights}`, { cause })
    })
    const { weights, metadata } = read(bytes, path)
    checkFinite(weights)
    return { weights, metadata }
  }
  if (extname(path) !== '' && extname(path) !== '.json' && !(await isFolder(path)))
    throw new UsageError(`${path} has an extension that is not read: give ${readableWeights}`)
  const { run, weights } = await readRun(path)
  const definition = JSON.stringify(run.model.definition)
  return { weights, metadata: new Map([...Object.entries({ model: definition, experiment: run.id })]) }
}

/**
 * Reads weights together with the model that they are of.
 *
 * @param given what --model says; else the file itself or the catalogue decide
 */
export const readModel = async (
  path: string,
  given: string | undefined,
): Promise<{ weights: StateDict; model: Model; experiment: string | undefined }> => {
  const { weights, metadata } = await readWeights(path)
  const model = findModel(weights, metadata, given === undefined ? undefined : modelOf(given), path)
  return { weights, model, experiment: metadata.get('experiment') }
}

const isFolder = async (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
