import type { Backend, Recording } from '@digitlab/backends'
import type { Model } from '@digitlab/models'
import { lossAndGradients, type LossAndGradients, type LossFunction, type Weights } from '@digitlab/models/compute'
import { copyOut, sumIn } from '@digitlab/ops'
import type { MersenneTwister } from '@digitlab/random'
import { add, dispose, tidy, zeros, zerosLike, type Tensor, type Tensor1D } from '@tensorflow/tfjs-core'
import type { Exchange } from './exchange'
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
  /** Threads that share the work. */
  readonly workers: number
  /** Begins an epoch of batches of `batchSize` in this order, with the batch at position `from`. */
  startEpoch(order: Int32Array, batchSize: number, from: number): void | Promise<void>
  /** A step on the next batch: positions start .. start + size - 1 of the order. */
  step(start: number, size: number): Summary | Promise<Summary>
  /** Ends an epoch, whole or not. */
  endEpoch(): void | Promise<void>
}

/** What a step needs wherever it is taken. */
export interface Learner {
  readonly loss: LossFunction
  /** The run's, for layers that draw: they are not shared between workers. */
  readonly generator: MersenneTwister
  readonly model: Model
  readonly optimizer: Optimizer
  readonly train: TrainingSource
  readonly backend: Backend
  /** Parts that a batch is computed in: 1 unless given. */
  readonly accumulate?: number
}

/** Steps on this thread alone. */
export const aloneStepping = (learner: Learner): Stepping => {
  const { model, optimizer, train, backend, loss, accumulate = 1 } = learner
  const repeater = createRepeater(backend.record)
  let usual = 0
  return {
    workers: 1,
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

/** One worker's part in the steps that several take together. */
export interface SharedSteps {
  /** Writes the gradient of this worker's share of a batch to its slot of step `n`, which counts from 0. */
  contribute(n: number, start: number, size: number): void
  /** Steps by the sum of all shares, which must be there. @returns [loss, right] of the whole batch */
  conclude(n: number): [loss: number, correct: number]
  /** Lets go of what is kept for the steps of an epoch. */
  end(): void
}

/** @param usual the size of all batches but the last */
export const sharedSteps = (
  { model, optimizer, train, backend, loss }: Learner,
  exchange: Exchange,
  index: number,
  workers: number,
  usual: number,
): SharedSteps => {
  const names = model.parameters.map(({ name }) => name)
  const gradients = createRepeater(backend.record)
  const update = createRepeater(backend.record)
  let held: { tensors: readonly Tensor[]; kept: boolean; size: number } | undefined
  let steppedBy: readonly Tensor[] | undefined
  const release = () => {
    if (held && !held.kept) dispose([...held.tensors])
    held = undefined
  }
  return {
    contribute(n, start, size) {
      const [from, to] = shareOf(size, index, workers)
      held = {
        size,
        ...gradients.run(
          size,
          size === usual && from < to,
          (recording) => recording.replay({ start: start + from, step: 0 }),
          () =>
            tidy((): Tensor[] => {
              const weights = optimizer.weights()
              if (from === to) return [...names.map((name) => zerosLike(weights.get(name) as Tensor)), zeros([2])]
              const { images, labels } = train.batch(start + from, to - from)
              const { summary, gradients } = lossAndGradients(model, weights, images, labels, 1 / size, { loss })
              return [...names.map((name) => gradients.get(name) as Tensor), summary]
            }),
        ),
      }
      copyOut(held.tensors, exchange.own(n))
    },
    conclude(n) {
      if (!held) throw new Error('a step was concluded that nothing was contributed to')
      const parts = exchange.all(n)
      if (held.tensors !== steppedBy) update.forget() // its recording reads the gradients where they were
      const sums = sumIn(held.tensors, parts, index)
      steppedBy = sums
      held = { ...held, tensors: sums }
      const move = (): Tensor[] => {
        tidy(() => optimizer.step(new Map(names.map((name, i) => [name, sums[i] as Tensor]))))
        return []
      }
      // Only gradients that stay where they are can be stepped by again.
      const again = (recording: Recording) =>
        optimizer.repeat((variables) => recording.replay({ start: 0, ...variables }))
      if (held.kept && optimizer.repeatable()) update.run(held.size, true, again, move)
      else move()
      release()
      const total = (fromEnd: number) =>
        parts.reduce((sum, part) => Math.fround(sum + (part[part.length - fromEnd] ?? NaN)), 0)
      return [total(2), total(1)]
    },
    end() {
      release()
      update.forget()
      gradients.forget()
    },
  }
}

/** The part of a batch that a worker takes: shares differ by one image at most. */
const shareOf = (size: number, index: number, workers: number): [from: number, to: number] => [
  Math.floor((size * index) / workers),
  Math.floor((size * (index + 1)) / workers),
]
