// What a type of layer is: everything that any part of digitlab knows of it is said here, in one object of one file.
import type { Array64, Kit, Kit64 } from './kit'
import type { Initial } from './initial-values'
import type { Layout } from './tensor-layout'
import type { MersenneTwister } from '@digitlab/random'
import type { Tensor } from '@tensorflow/tfjs-core'
import type { CompletedOptions, OptionTable } from './options'

/** [height, width, channels], or [features] once flattened. */
export type ActivationShape = readonly number[]

/** Training or evaluation: in training a layer may drop values and use the statistics of the batch. */
export type Mode = 'training' | 'evaluation'

/** An array that a layer keeps, by its short name: 'weight', 'bias', 'running_mean'. */
export interface ArraySpec {
  /** In PyTorch's layout. */
  readonly shape: readonly number[]
  /** Its values before any training. */
  readonly initial: Initial
  /** A whole number there, float32 here, which holds it up to 2^24: its type in files. */
  readonly dtype?: 'int64'
  /** Where a tensor of tfjs's layout has each value; in PyTorch's order by default. */
  readonly layout?: Layout
}

/** The arrays of a layer by their short names, in PyTorch's order. */
export type ArraySpecs = Readonly<Record<string, ArraySpec>>

/** A weight, and a bias unless a layer is told to have none: a shape that `weights` of a layer may say. */
export type WeightAndBias = { readonly weight: ArraySpec; readonly bias?: ArraySpec }

/** The same names with something else in place of what they say: tensors, float64 arrays. */
export type ByName<S, V> = { readonly [K in keyof S]: V }

/** What a layer is made of its options and of what comes before it. */
export interface LayerPlace<O> {
  readonly options: O
  /** The shape of one image's activations. */
  readonly input: ActivationShape
  /** [height, width, channels] of the image that was flattened on the way here, whose order its features are still in. */
  readonly flattened?: readonly [height: number, width: number, channels: number] | undefined
  /**
   * Ends `defineModel` with a ModelError: "layers[3] of the model "mine" (dense "fc") " and the sentence's end. Its path is the layer's,
   * or that of the option at fault.
   */
  readonly refuse: (sentence: string, option?: string) => never
}

/** A list of layers within a layer, computed one after the other. */
export type Part<T> = (x: T) => PartResult<T>

/** What a list of layers made of a batch; weights and buffers by their full names. */
export interface PartResult<T> {
  readonly y: T
  readonly buffers: Readonly<Record<string, T>>
  /** The way back, as a layer's: the gradient of its input unless not asked for, and those of its weights by their names. */
  readonly back: (
    dy: T,
    needsInputGradient: boolean,
  ) => { readonly dx?: T | undefined; readonly gradients: Readonly<Record<string, T>> }
}

/** One batch on its way through a layer. */
export interface LayerRun<O, W, B, T> {
  /** [batch, ...input] */
  readonly x: T
  readonly options: O
  readonly weights: ByName<W, T>
  readonly buffers: ByName<B, T>
  readonly mode: Mode
  /** The lists of layers that it consists of, by the names that `parts` gives them. */
  readonly parts?: Readonly<Record<string, Part<T>>>
  /** [height, width, channels] of the image that was flattened on the way here, whose order the features are still in. */
  readonly flattened?: readonly [number, number, number] | undefined
  /**
   * The run's one generator, which draws the order of the images as well; absent in evaluation. Of a layer that says `draws`. What
   * it draws goes to the backend as values or to a kernel that draws itself, never into an attribute: a recorded step would
   * repeat it.
   */
  readonly generator?: MersenneTwister | undefined
}

/** What a layer made of a batch, and how a gradient goes back through it. Its tensors belong to the tidy around it. */
export interface LayerResult<W, B, T> {
  readonly y: T
  /** Those that training changed: the tensors to use from now on. */
  readonly buffers?: Partial<ByName<B, T>>
  /**
   * The way back.
   *
   * @param dy in the shape of y
   * @param needsInputGradient false where nothing before this layer is trained
   */
  readonly back: (dy: T, needsInputGradient: boolean) => LayerGradients<W, T>
}

/** The gradient of the input, unless it was not asked for, and of every weight in its shape. */
export interface LayerGradients<W, T> {
  readonly dx?: T | undefined
  readonly gradients?: ByName<W, T>
}

/** A layer together with those after it, computed at once. */
export interface Fusion<O, W, B> {
  /** The types that follow. */
  readonly with: readonly string[]
  /** Whether these options can be computed together; always by default. @param neighbours the options of those that follow */
  fits?(options: O, neighbours: readonly Readonly<Record<string, unknown>>[]): boolean
  /** What the last of them makes. */
  forward(kit: Kit, run: LayerRun<O, W, B, Tensor>): LayerResult<W, B, Tensor>
}

/** A layer of a list within a layer, as a definition has it. */
export interface NestedLayer {
  readonly type: string
  readonly [option: string]: unknown
}

/** A node of an ONNX graph of opset 17. */
export interface OnnxNode {
  readonly op: string
  /**
   * 'x' is the layer's input, the short name of an array one of its own, the name of a part what that makes, `output` of an earlier node
   * what that made; a number is a constant of float32.
   */
  readonly inputs: readonly (string | number)[]
  /** Integers, lists of them, or a `float`. */
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>
  /** A name for the nodes that follow. The last node makes what the layer does. */
  readonly output?: string
}

/** The value of an attribute of an ONNX node. */
export type OnnxAttribute = number | readonly number[] | { readonly float: number }

/** A layer of Keras, as TensorFlow.js's layers format holds it. */
export interface KerasLayer {
  readonly class_name: string
  /** The parts that it takes, or 'x' for the layer's input; the previous one's output by default. */
  readonly takes?: readonly string[]
  readonly config: Readonly<Record<string, unknown>>
}

/**
 * A layer type. Nothing in it imports TensorFlow.js: operations are passed in.
 *
 * @typeParam N its name in a definition
 * @typeParam T its options; one that keeps arrays has a `name`, a `layerName()`
 * @typeParam W its weights, @typeParam B its buffers
 */
export interface LayerType<
  N extends string = string,
  T extends OptionTable = OptionTable,
  W extends ArraySpecs = ArraySpecs,
  B extends ArraySpecs = ArraySpecs,
> {
  readonly type: N
  readonly options: T
  /** It only gives its input another shape: the values and their order in memory are those that it is given. */
  readonly reshapes?: true
  /** Each output comes of all inputs: features are no longer in the order of the image that was flattened. */
  readonly mixes?: true
  /** It draws from the run's generator in training. */
  readonly draws?: true
  /** The images that a batch must have at least in training, where that is more than one. */
  leastBatch?(place: Omit<LayerPlace<CompletedOptions<T>>, 'refuse'>): number
  /**
   * The lists of layers within it, by name, in the order in which PyTorch makes their modules. Each takes what the layer is given. Their
   * arrays are the layer's, by their full names: `weights` and `gradients` of `forward` have them all.
   */
  parts?(options: CompletedOptions<T>): Readonly<Record<string, readonly NestedLayer[]>>
  /** The shape of what it makes. Refuses an input that it can't take. @param made what its parts make */
  output(place: LayerPlace<CompletedOptions<T>>, made?: Readonly<Record<string, ActivationShape>>): ActivationShape
  /** What is trained. */
  weights?(place: LayerPlace<CompletedOptions<T>>): W
  /** What is kept but not trained: in the state dict, not in the optimizer. */
  buffers?(place: LayerPlace<CompletedOptions<T>>): B
  /** Computes it on the current backend. */
  forward(kit: Kit, run: LayerRun<CompletedOptions<T>, W, B, Tensor>): LayerResult<W, B, Tensor>
  /** The same in float64, by plain loops: what `forward` is compared with. */
  float64(kit: Kit64, run: LayerRun<CompletedOptions<T>, W, B, Array64>): LayerResult<W, B, Array64>
  /** Longest first: the first whose types follow and whose options fit is taken. */
  readonly fusions?: readonly Fusion<CompletedOptions<T>, W, B>[]
  /** How it is written to ONNX; a type without it can't be. */
  readonly onnx?: {
    /** Its nodes, in their order. */
    write(place: Omit<LayerPlace<CompletedOptions<T>>, 'refuse'>): readonly OnnxNode[]
  }
  /** How it is written to TensorFlow.js's layers format; a type without it can't be. */
  readonly keras?: {
    /**
     * Its layers there, in their order; or, where it is told what Keras has no layer for, with which option, as the end of a sentence.
     *
     * @param names `own` for the layer that keeps the arrays; `other('padding')` for one beside it
     */
    write(
      options: CompletedOptions<T>,
      names: { readonly own: string; readonly other: (what: string) => string },
      place: Pick<LayerPlace<CompletedOptions<T>>, 'input' | 'flattened'>,
    ): readonly KerasLayer[] | string
    /** An array as Keras has it, of tfjs's layout; as it is by default. */
    array?(short: string, array: Array64, place: Omit<LayerPlace<CompletedOptions<T>>, 'refuse'>): Array64
    /** Keras's names of its arrays, by ours. */
    readonly arrays?: Readonly<Record<string, string>>
  }
}

/**
 * Defines a layer type, which can be passed to `defineModel`.
 *
 * ```js
 * const scaledTanh = defineLayer({
 *   type: 'scaledTanh',
 *   options: { scale: number({ above: 0, default: 1 }) },
 *   output: ({ input }) => input,
 *   forward({ tf }, { x, options: { scale } }) {
 *     const tanh = tf.tanh(x)
 *     return {
 *       y: tf.mul(tanh, scale),
 *       back: (dy) => ({ dx: tf.mul(dy, tf.mul(tf.sub(1, tf.square(tanh)), scale)) }),
 *     }
 *   },
 *   float64({ map }, { x, options: { scale } }) {
 *     const tanh = map(x, Math.tanh)
 *     return {
 *       y: map(tanh, (value) => scale * value),
 *       back: (dy) => ({ dx: map(dy, (value, i) => value * scale * (1 - tanh.data[i] ** 2)) }),
 *     }
 *   },
 * })
 * ```
 *
 * @throws Error if a type keeps arrays but has no option `name`
 */
export const defineLayer = <
  const N extends string,
  const T extends OptionTable,
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- no arrays at all, not any
  W extends ArraySpecs = {},
  // eslint-disable-next-line @typescript-eslint/no-empty-object-type -- no arrays at all, not any
  B extends ArraySpecs = {},
>(
  type: LayerType<N, T, W, B>,
): LayerType<N, T, W, B> => {
  if ((type.weights !== undefined || type.buffers !== undefined) && !Object.hasOwn(type.options, 'name'))
    throw new Error(`the layer type "${type.type}" keeps arrays, and so needs an option name: layerName()`)
  return type
}
