import { allLayers, type Model } from './definition'

/** How much a training needs, in bytes, in float32. */
export interface TrainingMemory {
  /** Trained values of the model. */
  readonly parameters: number
  /** For each of them its weight, its gradient and what the optimizer keeps beside it. */
  readonly weights: number
  /** The images of a batch, and what every layer makes of them, with its gradient. */
  readonly activations: number
  readonly total: number
}

/** What is computed at once. */
export interface TrainingSize {
  /** Images a step. */
  readonly batchSize: number
  /** Images a forward pass of an evaluation, which keeps no gradients; 0 by default. */
  readonly evaluationBatch?: number
  /** What the optimizer keeps for every weight: 1 array for momentum, 2 for Adam, which is what is assumed. */
  readonly moments?: number
}

/**
 * An estimate of what training a model takes on the device that computes it: to refuse, with both numbers, what can't fit.
 * What kernels need for themselves, the data and the copies in the host's memory come on top; a fused operation spares some of
 * it. Nothing is allocated to find it.
 */
export const trainingMemory = (
  model: Model,
  { batchSize, evaluationBatch = 0, moments = 2 }: TrainingSize,
): TrainingMemory => {
  const valuesOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1)
  const image = valuesOf(model.definition.input)
  // A flatten or a dropout that changes nothing shares its memory; counted all the same, as a reference path may copy it.
  const made = allLayers(model.layers).reduce((total, { output }) => total + valuesOf(output), 0)
  const weights = 4 * model.parameterCount * (2 + moments)
  const activations = 4 * Math.max(batchSize * (image + 2 * made), evaluationBatch * (image + made))
  return { parameters: model.parameterCount, weights, activations, total: weights + activations }
}
