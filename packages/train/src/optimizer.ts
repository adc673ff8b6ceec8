import type { StepVariables } from '@digitlab/backends'
import type { Model, StateDict } from '@digitlab/models'
import { downloadWeights, uploadWeights, type Weights } from '@digitlab/models/compute'
import { keep, tidy, zerosLike, type Tensor } from '@tensorflow/tfjs-core'
import { optimizerOf, type Experiment } from './complete-experiment'
import type { Extensions } from './extensions'
import { kit } from './kit'
import { learningRateOf } from './learning-rate'

/** Owns the weights while they are trained: whoever needs them asks for `weights()` after each step anew. */
export interface Optimizer {
  /** The weights as they are now, buffers among them. A step may replace their tensors. */
  weights(): Weights
  /**
   * One step.
   *
   * @param gradients by the names of what is trained; the caller disposes of them
   * @param buffers those that the batch changed: they become the optimizer's own
   */
  step(gradients: ReadonlyMap<string, Tensor>, buffers?: ReadonlyMap<string, Tensor>): void
  /** Whether the next step can be taken by repeating a recorded one: it does the same with other numbers in the same tensors. */
  repeatable(): boolean
  /**
   * A step taken by repeating a recorded one.
   *
   * @param repeat gets the step's number, from 1, and the options that are its own; false where it did nothing
   */
  repeat(repeat: (variables: Omit<StepVariables, 'start'>) => boolean): boolean
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

/** What an optimizer steps by. */
export interface Steps {
  readonly experiment: Experiment
  /** Batches of an epoch, which a schedule counts in. */
  readonly stepsPerEpoch: number
  readonly extensions?: Extensions | undefined
}

/** Reads an optimizer's state back from the backend, to the bit. */
export const downloadOptimizer = async (model: Model, optimizer: Optimizer): Promise<OptimizerState> => {
  const moments = new Map<string, StateDict>()
  for (const [name, values] of optimizer.moments())
    moments.set(name, await downloadWeights(model, values, model.parameters))
  return { steps: optimizer.steps(), weights: await downloadWeights(model, optimizer.weights()), moments }
}

/** An optimizer that goes on from a state. @throws ModelError where an entry is missing, extra or of another shape */
export const uploadOptimizer = (model: Model, steps: Steps, state: OptimizerState): Optimizer => {
  const weights = uploadWeights(model, state.weights)
  const moments = new Map(
    [...state.moments].map(([name, values]) => [name, uploadWeights(model, values, model.parameters)]),
  )
  return createOptimizer(model, steps, weights, { steps: state.steps, moments })
}

/**
 * An optimizer that steps as PyTorch's of the same name does. The initial weights become its own.
 *
 * @param begun goes on from there: the steps taken and what was kept, whose tensors become the optimizer's own
 */
export const createOptimizer = (
  model: Model,
  { experiment, stepsPerEpoch, extensions = {} }: Steps,
  initial: Weights,
  begun: { readonly steps: number; readonly moments: ReadonlyMap<string, Weights> } = { steps: 0, moments: new Map() },
): Optimizer => {
  const { type, options } = optimizerOf(experiment, extensions)
  const rate = learningRateOf(experiment, stepsPerEpoch, extensions)
  const names = model.parameters.map(({ name }) => name)
  const buffers = new Map(model.buffers.map(({ name }) => [name, initial.get(name) as Tensor]))
  let weights: readonly Tensor[] = names.map((name) => initial.get(name) as Tensor)
  /** Whether the last step left each buffer's tensor the one that it was; unknown before the first. */
  let inPlace = buffers.size === 0
  let step = begun.steps
  const from = (name: string): readonly Tensor[] => {
    const tensors = begun.moments.get(name)
    return tensors ? names.map((each) => tensors.get(each) as Tensor) : weights.map((weight) => keep(zerosLike(weight)))
  }
  let state: Readonly<Record<string, readonly Tensor[]>> = Object.fromEntries(
    type.state(options).map((name) => [name, from(name)]),
  )
  const named = (tensors: readonly Tensor[]): Weights => new Map(names.map((name, i) => [name, tensors[i] as Tensor]))
  return {
    weights: () => new Map([...named(weights), ...buffers]),
    step(gradients, changed = new Map()) {
      step++
      const ordered = names.map((name) => gradients.get(name) as Tensor)
      const of = { ...options, learningRate: rate.of(step) }
      const before = [weights, ...Object.values(state)].flat()
      tidy(() => {
        const next = type.step(kit, { weights, gradients: ordered, state, step, options: of })
        weights = kept(next.weights)
        state = Object.fromEntries(Object.keys(state).map((name) => [name, kept(next.state?.[name] ?? [])]))
      })
      const now = new Set([weights, ...Object.values(state)].flat())
      for (const tensor of before) if (!now.has(tensor)) tensor.dispose() // again does nothing
      inPlace = true
      for (const [name, tensor] of changed) {
        const old = buffers.get(name)
        if (old !== tensor) {
          old?.dispose()
          inPlace = false
        }
        buffers.set(name, keep(tensor))
      }
    },
    // A buffer that was replaced would be read where it was.
    repeatable: () => (!rate.everyStep || type.varies === true) && inPlace,
    repeat(repeat) {
      const next = step + 1
      const done = repeat(rate.everyStep ? { step: next, values: { learningRate: rate.of(next) } } : { step: next })
      if (done) step++
      return done
    },
    steps: () => step,
    moments: () => new Map(Object.entries(state).map(([name, tensors]) => [name, named(tensors)])),
    dispose() {
      for (const tensor of [...weights, ...buffers.values(), ...Object.values(state).flat()]) tensor.dispose()
    },
  }
}

/** A step may run within a tidy, which must not take what lives on. */
const kept = (tensors: readonly Tensor[]): readonly Tensor[] => tensors.map((tensor) => keep(tensor))
