// What a run's folder holds, the same whoever writes it: the command into a folder, a page as downloads.
import type { StateDict } from '@digitlab/models'
import { readSafetensors, weightsMetadata, writeSafetensors } from '@digitlab/weights'
import type { Predictions } from './evaluate'
import { TrainError } from './experiment'
import type { Run } from './run'
import type { RunResult } from './run-experiment'

/** Beside run.json and weights.safetensors: what the model said of each test image, before and after. */
export const predictionsFile = 'predictions.safetensors'

/** JSON to be read by a person too: indented, with a list of numbers on one line. */
export const readableJson = (value: unknown): string =>
  `${JSON.stringify(value, null, 2).replace(/\[[\s\d.,eE+-]*\]/g, (list) => list.replace(/\s+/g, ' '))}\n`

/**
 * What a run's folder holds, by file name.
 *
 * @param labels of the test images that were predicted, [count]
 */
export const runFiles = (
  { run, weights, predictions }: RunResult,
  labels: ArrayLike<number>,
): Record<'run.json' | 'weights.safetensors' | typeof predictionsFile, string | Uint8Array> => ({
  'run.json': readableJson(run),
  'weights.safetensors': writeSafetensors(weights, weightsMetadata(run.model.definition, run.id)),
  [predictionsFile]: writePredictions(labels, predictions, run.id),
})

/**
 * Predictions as a safetensors file: `labels`, `before` and `after` [count], classes as float32; `probabilities`
 * [count, classes], those at the end.
 */
const writePredictions = (
  labels: ArrayLike<number>,
  { before, after }: { readonly before: Predictions; readonly after: Predictions },
  experiment: string,
): Uint8Array => {
  const classes = (values: ArrayLike<number>) => ({ shape: [values.length], data: Float32Array.from(values) })
  const { probabilities } = after
  const entries: StateDict = new Map([
    ['labels', classes(labels)],
    ['before', classes(before.classes)],
    ['after', classes(after.classes)],
    ['probabilities', { shape: [labels.length, probabilities.length / labels.length], data: probabilities }],
  ])
  return writeSafetensors(entries, { experiment })
}

/** Predictions as their file holds them. */
export interface KeptPredictions {
  /** True classes, [count]. */
  readonly labels: Float32Array
  /** Predicted classes with the initial weights, [count]. */
  readonly before: Float32Array
  /** Predicted classes at the end, [count]. */
  readonly after: Float32Array
  /** Of every class at the end, [count, classes]. */
  readonly probabilities: Float32Array
}

/**
 * Reads the predictions of a run.
 *
 * @param name how to call the file in an error
 * @throws TrainError where they are of another run or an entry is missing; WeightsError where the file is damaged
 */
export const readPredictions = (
  bytes: Uint8Array,
  { id, metrics }: Run,
  name: string = predictionsFile,
): KeptPredictions => {
  const { weights: entries, metadata } = readSafetensors(bytes, name)
  if (metadata.get('experiment') !== id)
    throw new TrainError(
      `${name} is of the experiment ${metadata.get('experiment')?.slice(0, 8) ?? 'without an id'}, run.json of ${id.slice(0, 8)}: put the files of one run together`,
    )
  const read = (entry: string): Float32Array => {
    const found = entries.get(entry)
    if (!found)
      throw new TrainError(
        `${name} holds no "${entry}", it holds ${[...entries.keys()].join(', ') || 'nothing'}: train again`,
      )
    return found.data
  }
  const found = {
    labels: read('labels'),
    before: read('before'),
    after: read('after'),
    probabilities: read('probabilities'),
  }
  const right = found.after.filter((predicted, i) => predicted === found.labels[i]).length
  if (found.labels.length !== metrics.count || right !== metrics.correct)
    throw new TrainError(
      `${name} has ${right} of ${found.labels.length} images right, run.json ${metrics.correct} of ${metrics.count}: put the files of one run together`,
    )
  return found
}
