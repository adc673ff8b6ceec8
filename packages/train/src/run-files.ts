// What a run's folder holds, the same whoever writes it: the command into a folder, a page as downloads.
// Indices run over [count, classes], checked on reading: each `!` is in range.
import type { Dataset } from '@digitlab/data'
import { shownValue, type StateDict } from '@digitlab/models'
import { checkFinite, readSafetensors, weightsMetadata, withCounts, writeSafetensors } from '@digitlab/weights'
import type { Predictions } from './evaluate'
import { TrainError } from './train-error'
import type { Run } from './run-record'
import type { RunResult } from './run-options'

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
  'weights.safetensors': writeSafetensors(weights, {
    metadata: weightsMetadata(run.model.definition, {
      experiment: run.id,
      normalize: run.experiment.normalize,
    }),
  }),
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
  return writeSafetensors(entries, { metadata: { experiment } })
}

/**
 * Reads the weights of a run at its end, what its layers count among them.
 *
 * @param name the file's name in error messages
 * @throws TrainError if they are of another run; WeightsError if the file is damaged or a weight is not finite
 */
export const readRunWeights = (bytes: Uint8Array, { id }: Pick<Run, 'id'>, name = 'weights.safetensors'): StateDict => {
  const read = readSafetensors(bytes, name)
  // Weights that were made into this form by something else may say nothing of an experiment.
  const experiment = read.metadata.get('experiment')
  if (experiment !== undefined && experiment !== id) throw ofAnother(name, experiment, id)
  const weights = withCounts(read)
  checkFinite(weights)
  return weights
}

const ofAnother = (name: string, experiment: string | undefined, id: string): TrainError =>
  new TrainError(
    `${name} is of the experiment ${shownValue(experiment?.slice(0, 8) ?? 'without an id')}, run.json of ${id.slice(0, 8)}: put the files of one run together`,
  )

/** Whether a data set is the one that a run was trained on: of the same files, by their hashes, and as many test images. */
export const isDataOf = (
  { dataset }: Pick<Run, 'dataset'>,
  { files, test }: Pick<Dataset, 'files' | 'test'>,
): boolean =>
  test.count === dataset.testCount &&
  files.length === dataset.files.length &&
  files.every(({ sha256 }, i) => sha256 === dataset.files[i]?.sha256)

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
 * @param name the file's name in error messages
 * @throws TrainError if they are of another run, an entry is missing or has another shape, a value is not a class or not a probability, or
 * they contradict the run's confusion matrix; WeightsError if the file is damaged
 */
export const readPredictions = (
  bytes: Uint8Array,
  { id, metrics }: Run,
  name: string = predictionsFile,
): KeptPredictions => {
  const { weights: entries, metadata } = readSafetensors(bytes, name)
  const experiment = metadata.get('experiment')
  if (experiment !== id) throw ofAnother(name, experiment, id)
  const classes = metrics.confusion.length
  const read = (entry: string, shape: readonly number[], fits: (value: number) => boolean, what: string) => {
    const found = entries.get(entry)
    if (!found)
      throw new TrainError(
        `${name} holds no "${entry}", it holds ${[...entries.keys()].slice(0, 8).map(shownValue).join(', ') || 'nothing'}: train again`,
      )
    if (found.shape.join() !== shape.join())
      throw new TrainError(
        `${name} holds "${entry}" as [${found.shape.join(', ')}], the run as [${shape.join(', ')}]: put the files of one run together`,
      )
    const at = found.data.findIndex((value) => !fits(value))
    if (at >= 0)
      throw new TrainError(
        `${name} has ${found.data[at]} at index ${at} of "${entry}", which is no ${what}: train again`,
      )
    return found.data
  }
  const isClass = (value: number) => Number.isInteger(value) && value >= 0 && value < classes
  const readClasses = (entry: string) => read(entry, [metrics.count], isClass, `class from 0 to ${classes - 1}`)
  const isProbability = (value: number) => value >= 0 && value <= 1
  const found = {
    labels: readClasses('labels'),
    before: readClasses('before'),
    after: readClasses('after'),
    probabilities: read('probabilities', [metrics.count, classes], isProbability, 'probability'),
  }
  checkAgainst(found, metrics, name)
  return found
}

/** Sums of float32 probabilities are this close to 1, for up to a thousand classes. */
const rounding = 1e-3

const checkAgainst = (
  { labels, after, probabilities }: KeptPredictions,
  { confusion, correct, count }: Run['metrics'],
  name: string,
): void => {
  const classes = confusion.length
  const counted = Array.from({ length: classes }, () => new Uint32Array(classes))
  for (let i = 0; i < count; i++) counted[labels[i]!]![after[i]!]!++
  const right = counted.reduce((sum, row, label) => sum + row[label]!, 0)
  if (right !== correct)
    throw new TrainError(
      `${name} has ${right} of ${count} images right, run.json ${correct} of ${count}: put the files of one run together`,
    )
  counted.forEach((row, label) =>
    row.forEach((n, predicted) => {
      const theirs = confusion[label]?.[predicted]
      if (n !== theirs)
        throw new TrainError(
          `${name} takes ${n} images of class ${label} for ${predicted}, run.json ${theirs}: put the files of one run together`,
        )
    }),
  )
  for (let i = 0; i < count; i++) {
    const row = probabilities.subarray(i * classes, (i + 1) * classes)
    const [sum, most] = [row.reduce((a, b) => a + b, 0), row.reduce((a, b) => Math.max(a, b), 0)]
    if (Math.abs(sum - 1) > rounding || most - row[after[i]!]! > rounding)
      throw new TrainError(
        `${name} gives image ${i} probabilities that sum to ${sum.toPrecision(3)}, ${row[after[i]!]!.toPrecision(3)} of it for the class that it predicts: train again`,
      )
  }
}
