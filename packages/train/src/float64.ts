// Arrays of one entry have one length: each `!` is in range.
import { batches, bytesOfImage, imagesOf, inputShape, type Dataset } from '@digitlab/data'
import { initialWeights, readTfjsLayout, resolveModel, type StateDict64 } from '@digitlab/models'
import { lossAndGradients64, type LossFunction64 } from '@digitlab/models/compute'
import { float64 } from '@digitlab/ops'
import { scaledBytes } from '@digitlab/ops/backend'
import { dataLoaderOrder, MersenneTwister } from '@digitlab/random'
import { createAugmenter } from './augment-images'
import { lossOf, optimizerOf, type Experiment } from './complete-experiment'
import type { Extensions } from './extensions'
import { learningRateOf } from './learning-rate'
import { optimizerState } from './moments'
import { divide } from './validation'

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
  given: Dataset,
  steps: number,
  extensions: Extensions = {},
): number[] => {
  const losses: number[] = []
  if (steps > 0) for (const { loss } of steps64(experiment, given, extensions)) if (losses.push(loss) >= steps) break
  return losses
}

/** A step in float64: the mean loss of its batch, and what the layers keep beside what is trained, in tfjs's layout. */
export interface Step64 {
  readonly loss: number
  readonly buffers: StateDict64
}

/** The steps of an experiment's first epoch, each computed where it is asked for. */
export const steps64 = function* (
  experiment: Experiment,
  given: Dataset,
  extensions: Extensions = {},
): Generator<Step64, void> {
  const { data } = divide(given, experiment)
  const pixelsOf = scaledBytes(experiment.normalize ?? { mean: 0, std: 1 })
  const model = resolveModel(
    experiment.model,
    { input: inputShape(data.imageShape), classes: data.classes },
    extensions,
  )
  const generator = new MersenneTwister(experiment.seed)
  const weights = readTfjsLayout(model, initialWeights(model, generator))
  const step = optimizer64(experiment, Math.ceil(data.train.count / experiment.batchSize), weights, extensions)
  const { type, options } = lossOf(experiment, extensions)
  const loss64: LossFunction64 = (logits, labels, scale) => type.loss64(float64, { logits, labels, scale, options })
  const order = dataLoaderOrder(generator, data.train.count)
  const { images: plain, labels: classes } = data.train
  const trained = order.slice().sort()
  const augmenter = createAugmenter(experiment, { images: plain, imageShape: data.imageShape, trained }, extensions)
  const pixels = bytesOfImage(data.imageShape)
  let taken = 0
  for (const batch of batches(order, experiment.batchSize)) {
    const start = taken * experiment.batchSize
    const bytes = augmenter ? new Uint8Array(batch.length * pixels) : imagesOf(data.train, data.imageShape, batch)
    augmenter?.render(1, start, batch, bytes)
    const images = float64.array64([batch.length, ...inputShape(data.imageShape)])
    bytes.forEach((byte, p) => (images.data[p] = pixelsOf[byte]!))
    const labels = Array.from(batch, (image) => classes[image]!)
    const { mixing } = augmenter ?? {}
    const others = mixing && Array.from(batch, (image) => classes[mixing.partner(1, image)]!)
    const share = mixing ? Math.fround(mixing.share(1, taken) / 255) : 1
    const { loss, gradients, buffers } = lossAndGradients64(model, weights, images, labels, 1 / batch.length, {
      generator,
      loss: others ? mixedLoss64(loss64, others, share) : loss64,
    })
    step(gradients, ++taken)
    for (const [name, values] of buffers) weights.set(name, values)
    yield { loss, buffers }
  }
}

/** As `mixedLoss` of a training step. */
const mixedLoss64 =
  (loss: LossFunction64, others: readonly number[], share: number): LossFunction64 =>
  (logits, labels, scale) => {
    const [own, other] = [loss(logits, labels, scale), loss(logits, others, scale)]
    const between = (a: number, b: number) => b + (a - b) * share
    const data = own.dLogits.data.map((value, i) => between(value, other.dLogits.data[i]!))
    return { ...own, loss: between(own.loss, other.loss), dLogits: { ...own.dLogits, data } }
  }

/** Gradients held to what the experiment says, in place. */
const clip64 = (gradients: StateDict64, { clipGradNorm = Infinity, clipGradValue = Infinity }: Experiment): void => {
  if (clipGradNorm === Infinity && clipGradValue === Infinity) return
  const all = [...gradients.values()].map(({ data }) => data)
  const norm = Math.sqrt(all.reduce((sum, data) => data.reduce((part, g) => part + g * g, sum), 0))
  const factor = Math.min(1, clipGradNorm / (norm + 1e-6))
  for (const data of all)
    data.forEach((g, i) => (data[i] = Math.max(-clipGradValue, Math.min(clipGradValue, g * factor))))
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
  const names = optimizerState(experiment, extensions)
  const begins = type.begins?.(options) ?? {}
  const held = new Map<string, Record<string, Float64Array>>()
  return (gradients, step) => {
    clip64(gradients, experiment)
    for (const [name, { data: gradient }] of gradients) {
      const weight = weights.get(name)!.data
      const state =
        held.get(name) ??
        Object.fromEntries(names.map((each) => [each, new Float64Array(weight.length).fill(begins[each] ?? 0)]))
      held.set(name, state)
      type.step64({ weight, gradient, state, step, options: { ...options, ...rate.options(step) } })
    }
  }
}
