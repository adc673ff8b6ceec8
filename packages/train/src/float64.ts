// Arrays of one entry have one length: each `!` is in range.
import { batches, type Dataset } from '@digitlab/data'
import { initialWeights, readTfjsLayout, resolveModel, type StateDict64 } from '@digitlab/models'
import { lossAndGradients64 } from '@digitlab/models/compute'
import { float64 } from '@digitlab/ops'
import { dataLoaderOrder, MersenneTwister } from '@digitlab/random'
import type { Experiment, OptimizerOptions } from './experiment'

/**
 * The losses of an experiment's first steps computed in float64 by plain loops: what every backend's are compared with. Slow
 * (a second or two for each step of the cnn), and so only for a few steps of the first epoch.
 *
 * @param steps at most those of one epoch
 * @returns the mean loss of each batch
 */
export const firstLosses64 = (experiment: Experiment, data: Dataset, steps: number): number[] => {
  const [height, width] = data.imageShape
  const model = resolveModel(experiment.model, { input: [height, width, 1], classes: data.classes })
  const generator = new MersenneTwister(experiment.seed)
  const weights = readTfjsLayout(model, initialWeights(model, generator))
  const step = optimizer64(experiment.optimizer, weights)
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
    const { loss, gradients } = lossAndGradients64(model, weights, images, labels, 1 / batch.length)
    losses.push(loss)
    step(gradients, losses.length)
  }
  return losses
}

/** One step of PyTorch's SGD or Adam on the weights, in place; the formulas are those of `@digitlab/ops`. */
const optimizer64 = (
  options: OptimizerOptions,
  weights: StateDict64,
): ((gradients: StateDict64, step: number) => void) => {
  const zeros = () => new Map([...weights].map(([name, { data }]) => [name, new Float64Array(data.length)]))
  const [first, second] = [zeros(), zeros()]
  return (gradients, step) => {
    for (const [name, { data: w }] of weights) {
      const [gradient, m, v] = [gradients.get(name)!.data, first.get(name)!, second.get(name)!]
      for (let i = 0; i < w.length; i++) {
        const g = gradient[i]! + options.weightDecay * w[i]!
        if (options.name === 'sgd') {
          m[i] = step === 1 ? g : options.momentum * m[i]! + g
          w[i]! -= options.learningRate * m[i]!
        } else {
          m[i] = options.beta1 * m[i]! + (1 - options.beta1) * g
          v[i] = options.beta2 * v[i]! + (1 - options.beta2) * g * g
          const corrected = Math.sqrt(v[i]!) / Math.sqrt(1 - options.beta2 ** step) + options.epsilon
          w[i]! -= (options.learningRate / (1 - options.beta1 ** step)) * (m[i]! / corrected)
        }
      }
    }
  }
}
