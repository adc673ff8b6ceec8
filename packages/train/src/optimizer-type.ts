// What an optimizer is: everything that training, checkpoints, help and forms know of it is said in one object of one file.
import type { CompletedOptions, OptionTable } from '@digitlab/models'
import type * as operations from '@digitlab/ops'
import type { Tensor } from '@tensorflow/tfjs-core'

/** What an optimizer computes with: handed to it, so that its file needs no TensorFlow.js. */
export interface OptimizerKit {
  /** Steps that backends have kernels for. */
  readonly ops: Pick<typeof operations, 'sgdStep' | 'adamStep' | 'optimizerStep'>
  /** TensorFlow.js's own operations, as `tf.sign(x)`. */
  readonly tf: operations.TensorOperations
}

/** What one step is made of: the lists have an entry for each weight, in one order. */
export interface OptimizerStep<O> {
  readonly weights: readonly Tensor[]
  readonly gradients: readonly Tensor[]
  /** What the optimizer keeps, by the names of {@link OptimizerType.state}; zeros before the first step, or what {@link OptimizerType.begins} says. */
  readonly state: Readonly<Record<string, readonly Tensor[]>>
  /** Steps taken, this one among them: from 1. */
  readonly step: number
  /** With the learning rate of this step. */
  readonly options: O
}

/** One step of one weight in float64, whose arrays are changed in place. */
export interface OptimizerStep64<O> {
  readonly weight: Float64Array
  readonly gradient: Float64Array
  readonly state: Readonly<Record<string, Float64Array>>
  readonly step: number
  readonly options: O
}

/**
 * An optimizer.
 *
 * @typeParam N its name in an experiment
 * @typeParam T its options, a `learningRate` among them, which a schedule may change from step to step
 */
export interface OptimizerType<N extends string = string, T extends OptionTable = OptionTable> {
  readonly name: N
  /** What it is, in a line of a command's help or a page's form. */
  readonly says?: string
  readonly options: T
  /** Why options that are each in their range do not go together, as a sentence with both values; undefined if they do. */
  contradiction?(options: CompletedOptions<T>): string | undefined
  /** The names of what it keeps for every weight beside it, in its shape: it is in checkpoints, so that a run is resumed to the bit. */
  state(options: CompletedOptions<T>): readonly string[]
  /** What of it does not begin as zeros: the value of every element, by its name. */
  begins?(options: CompletedOptions<T>): Readonly<Record<string, number>>
  /**
   * One step on all weights. Tensors that are replaced are disposed of by whoever called it, but for those that an operation disposed of
   * already.
   *
   * @returns the tensors to use from now on, in the order in which they came
   */
  step(
    kit: OptimizerKit,
    step: OptimizerStep<CompletedOptions<T>>,
  ): { readonly weights: readonly Tensor[]; readonly state?: Readonly<Record<string, readonly Tensor[]>> }
  /**
   * Whether a recorded step may be repeated with another learning rate: `step` hands its options as they are to one operation of `ops`,
   * whose kernels take those of the repetition instead. Otherwise a step whose learning rate is its own is computed anew.
   */
  readonly varies?: boolean
  /** The same in float64, by plain loops: what `step` is compared with. */
  step64(step: OptimizerStep64<CompletedOptions<T>>): void
  /** Where a loss left the numbers: a phrase that says which option is to blame and what is known to work. */
  advice?(options: CompletedOptions<T>): string | undefined
}

/**
 * Defines an optimizer, which can be passed to `runExperiment`.
 *
 * ```js
 * const signSgd = defineOptimizer({
 *   name: 'signSgd',
 *   options: { learningRate: number({ from: 0, default: 0.001 }) },
 *   state: () => [],
 *   step: ({ tf }, { weights, gradients, options }) => ({
 *     weights: weights.map((weight, i) => tf.sub(weight, tf.mul(tf.sign(gradients[i]), options.learningRate))),
 *   }),
 *   step64({ weight, gradient, options }) {
 *     gradient.forEach((g, i) => (weight[i] -= options.learningRate * Math.sign(g)))
 *   },
 * })
 * ```
 *
 * @throws Error if it has no option `learningRate`, or one without a default
 */
export const defineOptimizer = <const N extends string, const T extends OptionTable>(
  type: OptimizerType<N, T>,
): OptimizerType<N, T> => {
  if (!Object.hasOwn(type.options, 'learningRate'))
    throw new Error(`the optimizer "${type.name}" has no option learningRate, which schedules change`)
  return type
}
