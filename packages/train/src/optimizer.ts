import { adamStep, sgdStep } from '@digitlab/ops'
import type { Model, StateDict } from '@digitlab/models'
import { downloadWeights, uploadWeights, type Weights } from '@digitlab/models/compute'
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
  /** Steps taken so far. */
  steps(): number
  /** What is kept for each weight between steps, by what it is: velocity of sgd with momentum, first and second of adam. */
  moments(): ReadonlyMap<string, Weights>
  /** Disposes of the weights and of what is kept beside them. */
  dispose(): void
}

/** Everything that decides an optimizer's steps to come, in the host's memory, in PyTorch's names and layout. */
export interface OptimizerState {
  readonly steps: number
  readonly weights: StateDict
  readonly moments: ReadonlyMap<string, StateDict>
}

/** Reads an optimizer's state back from the backend, to the bit. */
export const downloadOptimizer = async (model: Model, optimizer: Optimizer): Promise<OptimizerState> => {
  const moments = new Map<string, StateDict>()
  for (const [name, values] of optimizer.moments()) moments.set(name, await downloadWeights(model, values))
  return { steps: optimizer.steps(), weights: await downloadWeights(model, optimizer.weights()), moments }
}

/** An optimizer that goes on from a state. @throws ModelError where an entry is missing, extra or of another shape */
export const uploadOptimizer = (model: Model, options: OptimizerOptions, state: OptimizerState): Optimizer => {
  const weights = uploadWeights(model, state.weights)
  const moments = new Map([...state.moments].map(([name, values]) => [name, uploadWeights(model, values)]))
  return createOptimizer(options, weights, { steps: state.steps, moments })
}

/**
 * An optimizer that steps as PyTorch's of the same name does. The initial weights become its own.
 *
 * @param begun goes on from there: the steps taken and what was kept, whose tensors become the optimizer's own
 */
export const createOptimizer = (
  options: OptimizerOptions,
  initial: Weights,
  begun: { readonly steps: number; readonly moments: ReadonlyMap<string, Weights> } = { steps: 0, moments: new Map() },
): Optimizer => {
  const names = [...initial.keys()]
  let weights: readonly Tensor[] = [...initial.values()]
  let step = begun.steps
  const rule = ruleOf(options, weights, begun.moments)
  const named = (tensors: readonly Tensor[]): Weights => new Map(names.map((name, i) => [name, tensors[i] as Tensor]))
  return {
    weights: () => named(weights),
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
    steps: () => step,
    moments: () => new Map(Object.entries(rule.moments()).map(([name, tensors]) => [name, named(tensors)])),
    dispose() {
      for (const tensor of [...weights, ...Object.values(rule.moments()).flat()]) tensor.dispose()
    },
  }
}

/** A step may run within a tidy, which must not take what lives on. */
const kept = (tensors: readonly Tensor[]): readonly Tensor[] => tensors.map((tensor) => keep(tensor))

/** How gradients move weights, with what is kept between steps. */
interface Rule {
  /** @returns the weights to use from now on */
  step(weights: readonly Tensor[], gradients: readonly Tensor[], step: number): readonly Tensor[]
  moments(): Record<string, readonly Tensor[]>
}

const ruleOf = (options: OptimizerOptions, weights: readonly Tensor[], begun: ReadonlyMap<string, Weights>): Rule => {
  const from = (name: string): readonly Tensor[] => {
    const tensors = begun.get(name)
    return tensors ? [...tensors.values()] : kept(weights.map((weight) => zerosLike(weight)))
  }
  if (options.name === 'sgd') {
    let velocities: readonly Tensor[] = options.momentum === 0 ? [] : from('velocity')
    return {
      step(weights, gradients, step) {
        const next = sgdStep(weights, gradients, velocities, step, options)
        velocities = kept(next.velocities)
        return next.weights
      },
      moments: () => (options.momentum === 0 ? {} : { velocity: velocities }),
    }
  }
  let [first, second] = [from('first'), from('second')]
  return {
    step(weights, gradients, step) {
      const next = adamStep(weights, gradients, first, second, step, options)
      first = kept(next.first)
      second = kept(next.second)
      return next.weights
    },
    moments: () => ({ first, second }),
  }
}
