import type { Backend } from '@digitlab/backends'
import type { Model } from '@digitlab/models'
import { lossAndGradients, type LossAndGradients, type LossFunction, type Weights } from '@digitlab/models/compute'
import type { MersenneTwister } from '@digitlab/random'
import { add, dispose, tidy, type Tensor, type Tensor1D } from '@tensorflow/tfjs-core'
import type { TrainingSource } from './image-stream'
import type { Optimizer } from './optimizer'
import { createRepeater } from './repeater'
import { mixedLoss } from './training-loss'

/** What a step tells: [the loss of its batch, how many of it were right]. */
export interface Summary {
  values(): ArrayLike<number> | Promise<ArrayLike<number>>
  dispose(): void
}

/** Takes optimizer steps on batches of a source. */
export interface Stepping {
  /** Begins an epoch of batches of `batchSize` in this order. */
  startEpoch(order: Int32Array, batchSize: number): void
  /** A step on the next batch: positions start .. start + size - 1 of the order. */
  step(start: number, size: number): Summary
  /** Ends an epoch, whole or not. */
  endEpoch(): void
}

/** What a step needs. */
export interface Learner {
  readonly loss: LossFunction
  /** The run's, for layers that draw. */
  readonly generator: MersenneTwister
  readonly model: Model
  readonly optimizer: Optimizer
  readonly train: TrainingSource
  readonly backend: Backend
  /** Parts that a batch is computed in: 1 by default. */
  readonly accumulate?: number
}

/** Steps, from their recording where the backend makes one. */
export const createStepping = (learner: Learner): Stepping => {
  const { model, optimizer, train, backend, loss, accumulate = 1 } = learner
  const repeater = createRepeater(backend.record)
  let usual = 0
  return {
    startEpoch(order, batchSize) {
      usual = batchSize
      train.setOrder(order)
    },
    step(start, size) {
      const { position, moved } = train.locate?.(start, size) ?? { position: start, moved: false }
      if (moved) repeater.forget()
      const { tensors, kept, latest } = repeater.run(
        size,
        size === usual && accumulate === 1 && optimizer.repeatable(),
        (recording) => optimizer.repeat((variables) => recording.replay({ start: position, ...variables })),
        () =>
          tidy(() => {
            const of = (weights: Weights, from: number, count: number) => {
              const { images, labels, mixed } = train.batch(from, count)
              const options = { loss: mixed ? mixedLoss(loss, mixed) : loss, generator: learner.generator }
              return lossAndGradients(model, weights, images, labels, 1 / size, options)
            }
            const { summary, gradients, buffers } = inParts(of, optimizer.weights(), start, size, usual / accumulate)
            optimizer.step(gradients, buffers)
            return [summary]
          }),
      )
      const [summary] = tensors as [Tensor]
      return {
        // Where the device is the processor the values are there already; a promise a step would only cost time.
        values: () => latest?.() ?? (backend.asynchronous ? summary.data() : summary.dataSync()),
        dispose: () => void (kept || summary.dispose()),
      }
    },
    endEpoch: () => repeater.forget(),
  }
}

/**
 * What a batch comes to, computed in parts of `most` images one after the other: their sums. Buffers that a part changed are those of
 * the next.
 */
const inParts = (
  of: (weights: Weights, start: number, size: number) => LossAndGradients,
  weights: Weights,
  start: number,
  size: number,
  most: number,
): LossAndGradients => {
  if (size <= most) return of(weights, start, size)
  let [whole, now] = [undefined as LossAndGradients | undefined, weights]
  for (let from = start; from < start + size; from += most) {
    const part = of(now, from, Math.min(most, start + size - from))
    now = new Map([...now, ...part.buffers])
    whole = whole ? together(whole, part) : part
  }
  return whole as LossAndGradients // a batch has an image
}

const together = (a: LossAndGradients, b: LossAndGradients): LossAndGradients => {
  const sum = {
    summary: add<Tensor1D>(a.summary, b.summary),
    gradients: new Map([...a.gradients].map(([name, one]) => [name, add(one, b.gradients.get(name) as Tensor)])),
    buffers: b.buffers,
  }
  dispose([a.summary, b.summary, ...a.gradients.values(), ...b.gradients.values()])
  return sum
}
