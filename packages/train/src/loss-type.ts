// What a loss is: computed of logits and labels, on a backend and in float64, in one object of one file.
import type { Array64, CompletedOptions, Kit64, OptionTable } from '@digitlab/models'
import type * as operations from '@digitlab/ops'
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core'

/** What a loss computes with. */
export interface LossKit {
  readonly ops: Pick<typeof operations, 'softmaxCrossEntropy'>
  readonly tf: operations.TensorOperations
}

/** A batch's logits. */
export interface LossInputs<O> {
  /** [batch, classes] */
  readonly logits: Tensor2D
  /** [batch] int32 */
  readonly labels: Tensor1D
  /** What the sum over the batch is multiplied by: 1 / batch. */
  readonly scale: number
  readonly options: O
}

/** The same in float64. */
export interface LossInputs64<O> {
  readonly logits: Array64
  readonly labels: ArrayLike<number>
  readonly scale: number
  readonly options: O
}

/** What a batch comes to: the loss alone, shape [], or with it how many logits are largest at their label, shape [2]. */
export type LossOutputs = { readonly dLogits: Tensor2D } & ({ readonly loss: Tensor } | { readonly summary: Tensor1D })

/**
 * A loss.
 *
 * @typeParam N its name in an experiment
 * @typeParam T its options
 */
export interface LossType<N extends string = string, T extends OptionTable = OptionTable> {
  readonly name: N
  /** What it is, in a line of a command's help or a page's form. */
  readonly says?: string
  readonly options: T
  /** @returns the loss of a batch, and its gradient for the logits, [batch, classes]; a tidy around it takes the rest */
  loss(kit: LossKit, inputs: LossInputs<CompletedOptions<T>>): LossOutputs
  /** The same in float64, by plain loops: what `loss` is compared with. */
  loss64(kit: Kit64, inputs: LossInputs64<CompletedOptions<T>>): { readonly loss: number; readonly dLogits: Array64 }
  /** Of one image, from its logits: the mean over the test images is what an evaluation tells. */
  ofImage(logits: ArrayLike<number>, label: number, options: CompletedOptions<T>): number
  /** What a guess comes to, which a run that learned is below; absent where nothing is known of it. */
  guess?(classes: number, options: CompletedOptions<T>): number
}

/** Defines a loss, which can be passed to `runExperiment`. */
export const defineLoss = <const N extends string, const T extends OptionTable>(type: LossType<N, T>): LossType<N, T> =>
  type
