import type { StepVariables } from '@digitlab/backends'
import type { Model, StateDict } from '@digitlab/models'
import { downloadWeights, uploadWeights, type Weights } from '@digitlab/models/compute'
import { averageWeights, clipGradients } from '@digitlab/ops'
import { add, fill, keep, tidy, type Tensor } from '@tensorflow/tfjs-core'
import { optimizerOf, type Experiment } from './complete-experiment'
import type { Extensions } from './extensions'
import { kit } from './kit'
import { learningRateOf } from './learning-rate'
import { averagedEntries, averageName, keptEntries, optimizerState } from './moments'
import type { Monitored } from './monitor'

/** Owns the weights while they are trained: whoever needs them asks for `weights()` after each step anew. */
export interface Optimizer {
  /** The weights as they are now, buffers among them. A step may replace their tensors. */
  weights(): Weights
  /** What is evaluated: the average of the weights where the experiment has one, with buffers that are not averaged as they are; else the weights. */
  evaluated(): Weights
  /** The learning rate of a step, counted from 1. */
  learningRate(step: number): number
  /**
   * One step.
   *
   * @param gradients by the names of what is trained, which clipping may change; the caller disposes of them
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
  /** What the epochs told that lie behind, as it is when a step is taken. */
  readonly history?: readonly Monitored[]
}

/** Reads an optimizer's state back from the backend, to the bit. */
export const downloadOptimizer = async (
  model: Model,
  experiment: Experiment,
  optimizer: Optimizer,
): Promise<OptimizerState> => {
  const moments = new Map<string, StateDict>()
  for (const [name, values] of optimizer.moments())
    moments.set(name, await downloadWeights(model, values, keptEntries(model, experiment, name)))
  return { steps: optimizer.steps(), weights: await downloadWeights(model, optimizer.weights()), moments }
}

/** An optimizer that goes on from a state. @throws ModelError if an entry is missing, extra or of another shape */
export const uploadOptimizer = (model: Model, steps: Steps, state: OptimizerState): Optimizer => {
  const weights = uploadWeights(model, state.weights)
  const moments = new Map(
    [...state.moments].map(([name, values]) => [
      name,
      uploadWeights(model, values, keptEntries(model, steps.experiment, name)),
    ]),
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
  { experiment, stepsPerEpoch, extensions = {}, history = [] }: Steps,
  initial: Weights,
  begun: { readonly steps: number; readonly moments: ReadonlyMap<string, Weights> } = { steps: 0, moments: new Map() },
): Optimizer => {
  const { type, options } = optimizerOf(experiment, extensions)
  const rate = learningRateOf(experiment, stepsPerEpoch, extensions, history)
  const clip = { norm: experiment.clipGradNorm ?? Infinity, value: experiment.clipGradValue ?? Infinity }
  const clips = clip.norm !== Infinity || clip.value !== Infinity
  const decay = experiment.averageWeights?.decay
  const names = model.parameters.map(({ name }) => name)
  const buffers = new Map(model.buffers.map(({ name }) => [name, initial.get(name) as Tensor]))
  let weights: readonly Tensor[] = names.map((name) => initial.get(name) as Tensor)
  /** Whether the last step left each buffer's tensor the one that it was; unknown before the first. */
  let inPlace = buffers.size === 0
  let step = begun.steps
  const begins = type.begins?.(options) ?? {}
  const from = (name: string): readonly Tensor[] => {
    const tensors = begun.moments.get(name)
    if (tensors) return names.map((each) => tensors.get(each) as Tensor)
    return weights.map(({ shape }) => keep(fill(shape, begins[name] ?? 0)))
  }
  let state: Readonly<Record<string, readonly Tensor[]>> = Object.fromEntries(
    optimizerState(experiment, extensions).map((name) => [name, from(name)]),
  )
  const averaged = decay === undefined ? [] : averagedEntries(model, experiment).map(({ name }) => name)
  /** The weights and buffers that are averaged, as they are now. */
  const followed = (): readonly Tensor[] => [
    ...weights,
    ...averaged.slice(names.length).map((name) => buffers.get(name) as Tensor),
  ]
  let average = decay === undefined ? [] : averagesFrom(begun.moments.get(averageName), averaged, followed())
  const named = (tensors: readonly Tensor[]): Weights => new Map(names.map((name, i) => [name, tensors[i] as Tensor]))
  const averages = (): Weights => new Map(averaged.map((name, i) => [name, average[i] as Tensor]))
  return {
    weights: () => new Map([...named(weights), ...buffers]),
    evaluated: () => new Map([...named(weights), ...buffers, ...averages()]),
    learningRate: (step) => rate.of(step),
    step(gradients, changed = new Map()) {
      step++
      const given = names.map((name) => gradients.get(name) as Tensor)
      const of = { ...options, ...rate.options(step) }
      const before = [weights, ...Object.values(state), average].flat()
      tidy(() => {
        const ordered = clips ? clipGradients(given, clip) : given
        const next = type.step(kit, { weights, gradients: ordered, state, step, options: of })
        weights = kept(next.weights)
        state = Object.fromEntries(Object.keys(state).map((name) => [name, kept(next.state?.[name] ?? [])]))
      })
      inPlace = true
      for (const [name, tensor] of changed) {
        const old = buffers.get(name)
        if (old !== tensor) {
          old?.dispose()
          inPlace = false
        }
        buffers.set(name, keep(tensor))
      }
      if (decay !== undefined) tidy(() => void (average = kept(averageWeights(average, followed(), step, decay))))
      const now = new Set([weights, ...Object.values(state), average].flat())
      for (const tensor of before) if (!now.has(tensor)) tensor.dispose() // again does nothing
    },
    // A buffer that was replaced would be read where it was.
    repeatable: () => (!rate.everyStep || type.varies === true) && inPlace,
    repeat(repeat) {
      const next = step + 1
      const done = repeat(rate.everyStep ? { step: next, values: rate.options(next) } : { step: next })
      if (done) step++
      return done
    },
    steps: () => step,
    moments: () =>
      new Map([
        ...Object.entries(state).map(([name, tensors]) => [name, named(tensors)] as const),
        ...(decay === undefined ? [] : [[averageName, averages()] as const]),
      ]),
    dispose() {
      const all = [weights, [...buffers.values()], ...Object.values(state), average].flat()
      for (const tensor of all) tensor.dispose()
    },
  }
}

/** Averages as they were kept, or those of what there is at first. */
const averagesFrom = (
  kept: Weights | undefined,
  names: readonly string[],
  weights: readonly Tensor[],
): readonly Tensor[] =>
  kept ? names.map((name) => kept.get(name) as Tensor) : weights.map((weight) => keep(add(weight, 0))) // a clone would lie in the same place

/** A step may run within a tidy, which must not take what lives on. */
const kept = (tensors: readonly Tensor[]): readonly Tensor[] => tensors.map((tensor) => keep(tensor))
