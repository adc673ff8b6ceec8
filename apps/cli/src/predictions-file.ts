import { readFile } from 'node:fs/promises'
import type { StateDict } from '@digitlab/models'
import type { RunPredictions } from '@digitlab/report'
import type { Predictions, Run } from '@digitlab/train'
import { readSafetensors, writeSafetensors } from '@digitlab/weights'
import { UsageError } from './usage-error'

/** Beside run.json: what the model said of each test image, before and after. */
export const predictionsFile = 'predictions.safetensors'

/**
 * Predictions as a safetensors file: `labels`, `before` and `after` [count], classes as float32; `probabilities`
 * [count, classes], those at the end.
 *
 * @param labels of the test images
 * @param experiment its id
 */
export const writePredictions = (
  labels: Uint8Array,
  { before, after }: { readonly before: Predictions; readonly after: Predictions },
  experiment: string,
): Uint8Array => {
  const classes = (values: Uint8Array) => ({ shape: [values.length], data: Float32Array.from(values) })
  const { probabilities } = after
  const entries: StateDict = new Map([
    ['labels', classes(labels)],
    ['before', classes(before.classes)],
    ['after', classes(after.classes)],
    ['probabilities', { shape: [labels.length, probabilities.length / labels.length], data: probabilities }],
  ])
  return writeSafetensors(entries, { experiment })
}

/**
 * Reads predictions back.
 *
 * @returns undefined where there is no such file: a run that was written before there were any
 * @throws UsageError where they are of another run or an entry is missing; WeightsError where the file is damaged
 */
export const readPredictions = async (path: string, { id, metrics }: Run): Promise<RunPredictions | undefined> => {
  let bytes: Uint8Array
  try {
    bytes = await readFile(path)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new UsageError(`could not read ${path} (${(cause as Error).message}): give a run that can be read`, { cause })
  }
  const { weights: entries, metadata } = readSafetensors(bytes, path)
  if (metadata.get('experiment') !== id)
    throw new UsageError(
      `${path} is of the experiment ${metadata.get('experiment')?.slice(0, 8) ?? 'without an id'}, run.json of ${id.slice(0, 8)}: put the files of one run together`,
    )
  const read = (name: string): Float32Array => {
    const entry = entries.get(name)
    if (!entry)
      throw new UsageError(
        `${path} holds no "${name}", it holds ${[...entries.keys()].join(', ') || 'nothing'}: train again`,
      )
    return entry.data
  }
  const found = {
    labels: read('labels'),
    before: read('before'),
    after: read('after'),
    probabilities: read('probabilities'),
  }
  const right = found.after.filter((predicted, i) => predicted === found.labels[i]).length
  if (found.labels.length !== metrics.count || right !== metrics.correct)
    throw new UsageError(
      `${path} has ${right} of ${found.labels.length} images right, run.json ${metrics.correct} of ${metrics.count}: put the files of one run together`,
    )
  return found
}
