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
  /** Disposes of the weights and of what is kept beside them. */
  dispose(): void
}

export const createOptimizer = (options: OptimizerOptions, initial: Weights): Optimizer => {
  const names = [...initial.keys()]
  let weights: readonly Tensor[] = [...initial.values()]
  let step = 0
  const kept = (tensors: readonly Tensor[]) => tensors.map((tensor) => keep(tensor))
  const zeros = () => kept(weights.map((weight) => zerosLike(weight)))
  const state = stateOf(options, zeros)
  return {
    weights: () => new Map(names.map((name, i) => [name, weights[i] as Tensor])),
    step(gradients) {
      step++
      const ordered = names.map((name) => gradients.get(name) as Tensor)
      weights = kept(state.step(weights, ordered, step))
      state.keep(kept)
    },
    dispose() {
      for (const tensor of [...weights, ...state.tensors()]) tensor.dispose()
    },
  }
}

interface OptimizerState {
  step(weights: readonly Tensor[], gradients: readonly Tensor[], step: number): readonly Tensor[]
  keep(kept: (tensors: readonly Tensor[]) => void): void
  tensors(): readonly Tensor[]
}

const stateOf = (options: OptimizerOptions, zeros: () => readonly Tensor[]): OptimizerState => {
  if (options.name === 'sgd') {
    let velocities: readonly Tensor[] = options.momentum === 0 ? [] : zeros()
    return {
      step(weights, gradients, step) {
        const next = sgdStep(weights, gradients, velocities, step, options)
        velocities = next.velocities
        return next.weights
      },
      keep: (kept) => kept(velocities),
      tensors: () => velocities,
    }
  }
  let first = zeros()
  let second = zeros()
  return {
    step(weights, gradients, step) {
      const next = adamStep(weights, gradients, first, second, step, options)
      ;({ first, second } = next)
      return next.weights
    },
    keep: (kept) => kept([...first, ...second]),
    tensors: () => [...first, ...second],
  }
}
