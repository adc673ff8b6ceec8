// Indices run over [count, classes]: each `!` is in range.
import { holdBackend } from '@digitlab/backends'
import { inputShape, type ImageShape, type Split } from '@digitlab/data'
import type { Model } from '@digitlab/models'
import { logits, type Weights } from '@digitlab/models/compute'
import { batchSource, type BatchSource } from '@digitlab/ops'
import { tidy } from '@tensorflow/tfjs-core'
import type { NormalizeOptions } from './experiment-options'
import { sourceOf } from './split-source'
import { TrainError } from './train-error'
import { yieldToEvents } from './yield-to-events'
import { crossEntropy } from './losses/cross-entropy'

/** How well a model does on a split: every image counted once. */
export interface Evaluation {
  readonly count: number
  readonly correct: number
  readonly accuracy: number
  /** Mean cross-entropy, in nats. */
  readonly meanLoss: number
  /** Rows are true classes, columns predicted ones. */
  readonly confusion: readonly (readonly number[])[]
}

/** The model's prediction for each image. */
export interface Predictions {
  /** [count] */
  readonly classes: Int32Array
  /** [count, classes], softmax of the logits */
  readonly probabilities: Float32Array
}

/** The loss of one image, from its logits. */
export type ImageLoss = (logits: ArrayLike<number>, label: number) => number

const usualLoss: ImageLoss = (logits, label) => crossEntropy.ofImage(logits, label, {})

/** Images a forward pass: large enough to hide what a call costs, small enough for any device's memory. */
export const evaluationBatch = 500

/**
 * Classifies every image of a source, in its order.
 *
 * @param between called where the loop yields to the event loop
 * @param known the loss of an image; null if nobody knows the labels: what is counted of them is to be left alone
 * @throws TrainError if what the model computes of an image is not a number; BackendError if tfjs's backend is set to another one
 */
export const evaluateSource = async (
  model: Model,
  weights: Weights,
  source: BatchSource,
  labels: Uint8Array,
  between: () => Promise<void> = async () => {},
  known: ImageLoss | null = usualLoss,
): Promise<{ evaluation: Evaluation; predictions: Predictions }> => {
  const { count } = source
  const { classes } = model
  const check = holdBackend()
  const predicted = new Int32Array(count)
  const probabilities = new Float32Array(count * classes)
  const confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
  let [correct, totalLoss] = [0, 0]
  for (let start = 0; start < count; start += evaluationBatch) {
    const size = Math.min(evaluationBatch, count - start)
    const output = tidy(() => logits(model, weights, source.batch(start, size).images))
    const values = await output.data()
    output.dispose()
    check()
    for (let i = 0; i < size; i++) {
      const row = values.subarray(i * classes, (i + 1) * classes)
      let best = 0
      for (let c = 1; c < classes; c++) if (row[c]! > row[best]!) best = c
      let total = 0
      for (let c = 0; c < classes; c++) total += Math.exp(row[c]! - row[best]!)
      for (let c = 0; c < classes; c++)
        probabilities[(start + i) * classes + c] = Math.exp(row[c]! - row[best]!) / total
      const label = labels[start + i]!
      const loss = known ? known(row, label) : 0
      if (!(Number.isFinite(total) && Number.isFinite(loss))) throw noAnswer(model, start + i, row)
      totalLoss += loss
      predicted[start + i] = best
      confusion[label]![best]!++
      if (label === best) correct++
    }
    if (start + size < count && (await yieldToEvents())) {
      await between()
      check()
    }
  }
  return {
    evaluation: { count, correct, accuracy: correct / count, meanLoss: totalLoss / count, confusion },
    predictions: { classes: predicted, probabilities },
  }
}

const noAnswer = (model: Model, image: number, row: ArrayLike<number>): TrainError => {
  const wrong = Array.from(row).find((value) => !Number.isFinite(value))
  return new TrainError(
    `the model "${model.name}" answers image ${image} with ${wrong === undefined ? 'a loss that is not a number' : wrong}: its weights are too large for float32, take those of a training that did not diverge`,
    { code: 'diverged' },
  )
}

/**
 * Classifies every image of a split on the current backend.
 *
 * @param split images [count, height, width] or [count, height, width, 3] and labels [count]
 * @param imageShape [height, width], or [height, width, 3] in colour
 * @param normalize as the weights were trained with
 * @throws TrainError if the model takes other images, tells fewer classes apart, or computes what is not a number
 */
export const evaluate = async (
  model: Model,
  weights: Weights,
  split: Pick<Split, 'images' | 'labels'>,
  imageShape: ImageShape,
  normalize?: NormalizeOptions,
): Promise<{ evaluation: Evaluation; predictions: Predictions }> => {
  checkFit(model, imageShape, 1 + split.labels.reduce((largest, label) => Math.max(largest, label), 0))
  const source = sourceOf(split, imageShape, normalize)
  try {
    return await evaluateSource(model, weights, source, split.labels)
  } finally {
    source.dispose()
  }
}

/**
 * Classifies images on the current backend.
 *
 * @param images [count, height, width, channels] of the model's input
 * @param normalize as the weights were trained with
 * @throws TrainError if the model takes other images, or computes what is not a number
 */
export const predict = async (
  model: Model,
  weights: Weights,
  images: Uint8Array,
  normalize?: NormalizeOptions,
): Promise<Predictions> => {
  const { input } = model.definition
  const labels = new Uint8Array(images.length / (input[0] * input[1] * input[2])) // nobody knows them
  const source = batchSource(images, labels, input, normalize)
  try {
    return (await evaluateSource(model, weights, source, labels, undefined, null)).predictions
  } finally {
    source.dispose()
  }
}

/** Throws a {@link TrainError} with both values where a model and the data do not go together. */
export const checkFit = (model: Model, imageShape: ImageShape, classes: number): void => {
  const input = model.definition.input
  const shape = inputShape(imageShape)
  if (input.join() !== shape.join())
    throw new TrainError(
      `the model "${model.name}" takes images of [${input.join(', ')}], the data set has [${shape.join(', ')}]: choose another model or data set`,
    )
  if (classes > model.classes)
    throw new TrainError(
      `the model "${model.name}" tells ${model.classes} classes apart, the data set has ${classes}: choose another model or data set`,
    )
}

/**
 * Throws a {@link TrainError} with both values where a batch of training has fewer images than a layer takes statistics of.
 *
 * @param images to train on
 */
export const checkBatches = ({ leastBatch, name }: Model, batchSize: number, images: number): void => {
  const last = images % batchSize || Math.min(batchSize, images)
  if (last >= leastBatch.images) return
  throw new TrainError(
    `the model "${name}" needs at least ${leastBatch.images} images in a batch, for ${leastBatch.layer}, and the last batch of ${images} images in batches of ${batchSize} has ${last}: choose another batch size`,
  )
}
