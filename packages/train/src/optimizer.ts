import { adamStep, sgdStep } from '@digitlab/ops'
import type { Weights } from '@digitlab/models'
import { keep, zerosLike, type Tensor } from '@tensorflow/tfjs-core'
import type { OptimizerOptions } from './experiment'

/** Owns the weights while they are trained: whoever needs them asks for `weights()` after each step anew. */
export interface Optimizer {
  /** The weights as they are now. A step may replace their tensors. */
  weights(): Weights
  /** One step. @param gradients by the names of the weights; the caller disposes of them */
  step(gradients: ReadonlyMap<string, Tensor>): void
  /** A step taken by repeating a recorded one. @param repeat gets the step's number, from 1; false where it did nothing */
  repeat(repeat: (step: number) => boolean): boolean
  /** Disposes of the weights and of what is kept beside them. */
  dispose(): void
}

export const createOptimizer = (options: OptimizerOptions, initial: Weights): Optimizer => {
  const names = [...initial.keys()]
  let weights: readonly Tensor[] = [...initial.values()]
  let step = 0
  const rule = ruleOf(options, weights)
  return {
    weights: () => new Map(names.map((name, i) => [name, weights[i] as Tensor])),
    step(gradients) {
      step++
      const ordered = names.map((name) => gradients.get(name) as Tensor)
      weights = kept(rule.step(weights, ordered, step))
    },
    repeat(repeat) {
      const done = repeat(step + 1)
      if (done) step++
      return done
    },
    dispose() {
      for (const tensor of [...weights, ...rule.tensors()]) tensor.dispose()
    },
  }
}

/** A step may run within a tidy, which must not take what lives on. */
const kept = (tensors: readonly Tensor[]): readonly Tensor[] => tensors.map((tensor) => keep(tensor))

/** How gradients move weights, with what is kept between steps. */
interface Rule {
  /** @returns the weights to use from now on */
  step(weights: readonly Tensor[], gradients: readonly Tensor[], step: number): readonly Tensor[]
  tensors(): readonly Tensor[]
}

const ruleOf = (options: OptimizerOptions, weights: readonly Tensor[]): Rule => {
  const zeros = () => kept(weights.map((weight) => zerosLike(weight)))
  if (options.name === 'sgd') {
    let velocities: readonly Tensor[] = options.momentum === 0 ? [] : zeros()
    return {
      step(weights, gradients, step) {
        const next = sgdStep(weights, gradients, velocities, step, options)
        velocities = kept(next.velocities)
        return next.weights
      },
      tensors: () => velocities,
    }
  }
  let [first, second] = [zeros(), zeros()]
  return {
    step(weights, gradients, step) {
      const next = adamStep(weights, gradients, first, second, step, options)
      first = kept(next.first)
      second = kept(next.second)
      return next.weights
    },
    tensors: () => [...first, ...second],
  }
}
