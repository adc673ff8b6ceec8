// Arrays of one entry have one length: each `!` is in range.
import { batches, type Dataset } from '@digitlab/data'
import { initialWeights, readTfjsLayout, resolveModel, type StateDict64 } from '@digitlab/models'
import { lossAndGradients64, type LossFunction64 } from '@digitlab/models/compute'
import { float64 } from '@digitlab/ops'
import { dataLoaderOrder, MersenneTwister } from '@digitlab/random'
import { lossOf, optimizerOf, type Experiment } from './complete-experiment'
import type { Extensions } from './extensions'
import { learningRateOf } from './learning-rate'

/**
 * The losses of an experiment's first steps computed in float64 by plain loops: what every backend's are compared with. Slow
 * (a second or two for each step of the cnn), and so only for a few steps of the first epoch.
 *
 * @param steps at most those of one epoch
 * @param extensions what the experiment names beside what this package has
 * @returns the mean loss of each batch
 */
export const firstLosses64 = (
  experiment: Experiment,
  data: Dataset,
  steps: number,
  extensions: Extensions = {},
): number[] => {
  const [height, width] = data.imageShape
  const model = resolveModel(experiment.model, { input: [height, width, 1], classes: data.classes }, extensions)
  const generator = new MersenneTwister(experiment.seed)
  const weights = readTfjsLayout(model, initialWeights(model, generator))
  const step = optimizer64(experiment, Math.ceil(data.train.count / experiment.batchSize), weights, extensions)
  const { type, options } = lossOf(experiment, extensions)
  const loss64: LossFunction64 = (logits, labels, scale) => type.loss64(float64, { logits, labels, scale, options })
  const order = dataLoaderOrder(generator, data.train.count)
  const pixels = height * width
  const losses: number[] = []
  for (const batch of batches(order, experiment.batchSize)) {
    if (losses.length === steps) break
    const images = float64.array64([batch.length, height, width, 1])
    batch.forEach((image, i) => {
      for (let p = 0; p < pixels; p++)
        images.data[i * pixels + p] = Math.fround(data.train.images[image * pixels + p]! / 255)
    })
    const labels = Array.from(batch, (image) => data.train.labels[image]!)
    const { loss, gradients, buffers } = lossAndGradients64(model, weights, images, labels, 1 / batch.length, {
      generator,
      loss: loss64,
    })
    losses.push(loss)
    step(gradients, losses.length)
    for (const [name, values] of buffers) weights.set(name, values)
  }
  return losses
}

/** Steps of the experiment's optimizer on the weights, in place. */
const optimizer64 = (
  experiment: Experiment,
  stepsPerEpoch: number,
  weights: StateDict64,
  extensions: Extensions,
): ((gradients: StateDict64, step: number) => void) => {
  const { type, options } = optimizerOf(experiment, extensions)
  const rate = learningRateOf(experiment, stepsPerEpoch, extensions)
  const names = type.state(options)
  const held = new Map<string, Record<string, Float64Array>>()
  return (gradients, step) => {
    for (const [name, { data: gradient }] of gradients) {
      const weight = weights.get(name)!.data
      const state = held.get(name) ?? Object.fromEntries(names.map((each) => [each, new Float64Array(weight.length)]))
      held.set(name, state)
      type.step64({ weight, gradient, state, step, options: { ...options, learningRate: rate.of(step) } })
    }
  }
}
