// What a kernel is given, what it makes, and the sizes that it may rely on: said and checked once for every backend.
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import { expectCount, expectTensor, OpsError } from './expect'
import {
  convolutionSizes,
  matMulSizes,
  outputSize,
  poolSizes,
  type ConvolutionAttributes,
  type MatMulSizes,
  type PoolAttributes,
  type Transposes,
  type WindowSizes,
} from './geometry'

/** What follows the product of a dense layer: nothing, or max(x, 0). */
export type Activation = 'identity' | 'relu'

/** PyTorch's `torch.optim.SGD`. */
export interface SgdOptions {
  readonly learningRate: number
  /** 0 for none; the velocity starts as the first gradient, as in PyTorch. */
  readonly momentum: number
  /** L2 penalty, added to the gradient as weightDecay x weight. */
  readonly weightDecay: number
}

/** PyTorch's `torch.optim.Adam`. */
export interface AdamOptions {
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
}

/** How many tensors an optimizer's step is given, and which step it is, from 1. */
export interface StepCount {
  readonly count: number
  readonly step: number
}

/** A dense layer's: x is [batch, inputs] in memory, whatever its shape. */
export interface DenseSizes {
  readonly batch: number
  readonly inputs: number
  readonly outputs: number
}

/** Those of a convolution of stride 1 with 2 x 2 max-pooling behind it. */
export interface ConvReluPoolSizes {
  readonly batch: number
  readonly height: number
  readonly width: number
  readonly inputs: number
  readonly outputs: number
  readonly kernelHeight: number
  readonly kernelWidth: number
  readonly padding: number
  /** Of the pooled output. */
  readonly rows: number
  readonly columns: number
}

/** Those of a batch that is gathered from resident images. */
export interface GatherSizes {
  readonly count: number
  readonly pixels: number
  /** [size, height, width, channels] of the batch. */
  readonly shape: readonly number[]
  /** Of the order. */
  readonly length: number
}

type Tensors<Names extends string> = { readonly [Name in Names]: TensorInfo }
type Lists<Names extends string> = { readonly [Name in Names]: readonly TensorInfo[] }
type Fused = { readonly activation: string; readonly leakyreluAlpha?: number }
type FusedInputs = { readonly bias?: TensorInfo; readonly preluActivationWeights?: TensorInfo }

/**
 * Every kernel that a backend may have for the operations of this package, and those of tfjs that our backends have all in common: name
 * to inputs, attributes, outputs and sizes. Where `sizes` may be undefined, the call is tfjs's own kernel's.
 */
export interface KernelContracts {
  DigitlabGatherBatch: {
    inputs: Tensors<'images' | 'labels' | 'order'>
    attributes: { readonly start: number; readonly size: number }
    outputs: Tensors<'batchImages' | 'batchLabels'>
    sizes: GatherSizes
  }
  DigitlabWriteImages: {
    inputs: Tensors<'images'>
    attributes: { readonly start: number; readonly bytes: Uint8Array }
    outputs: object
    /** The place of the first byte. */
    sizes: { readonly offset: number }
  }
  DigitlabDense: {
    inputs: Tensors<'x' | 'weight' | 'bias'>
    attributes: { readonly activation: Activation }
    outputs: Tensors<'y'>
    sizes: DenseSizes
  }
  DigitlabDenseGrad: {
    inputs: Tensors<'dy' | 'x' | 'weight' | 'y'>
    attributes: { readonly activation: Activation; readonly needsInputGradient: boolean }
    outputs: Tensors<'dWeight' | 'dBias'> & { readonly dx: TensorInfo | undefined }
    sizes: DenseSizes
  }
  DigitlabConvReluPool: {
    inputs: Tensors<'x' | 'filter' | 'bias'>
    attributes: { readonly padding: number }
    outputs: Tensors<'y' | 'winners'>
    sizes: ConvReluPoolSizes
  }
  DigitlabConvReluPoolGrad: {
    inputs: Tensors<'dy' | 'x' | 'filter' | 'winners'>
    attributes: { readonly padding: number; readonly needsInputGradient: boolean }
    outputs: Tensors<'dFilter' | 'dBias'> & { readonly dx: TensorInfo | undefined }
    sizes: ConvReluPoolSizes
  }
  DigitlabSoftmaxCrossEntropy: {
    inputs: Tensors<'logits' | 'labels'>
    attributes: { readonly scale: number }
    outputs: Tensors<'summary' | 'dLogits'>
    sizes: { readonly batch: number; readonly classes: number }
  }
  DigitlabSgdStep: {
    inputs: Lists<'weight' | 'gradient' | 'velocity'>
    attributes: SgdOptions & StepCount
    outputs: object
    /** Elements of each weight. */
    sizes: readonly number[]
  }
  DigitlabAdamStep: {
    inputs: Lists<'weight' | 'gradient' | 'first' | 'second'>
    attributes: AdamOptions & StepCount
    outputs: object
    sizes: readonly number[]
  }
  DigitlabCopyOut: {
    inputs: Lists<'tensor'>
    attributes: { readonly count: number; readonly target: Float32Array }
    outputs: object
    sizes: readonly number[]
  }
  DigitlabSumIn: {
    inputs: Lists<'tensor'>
    attributes: { readonly count: number; readonly parts: readonly Float32Array[]; readonly own: number }
    outputs: object
    sizes: readonly number[]
  }
  Conv2D: {
    inputs: Tensors<'x' | 'filter'>
    attributes: ConvolutionAttributes
    outputs: Tensors<'y'>
    sizes: WindowSizes | undefined
  }
  FusedConv2D: {
    inputs: Tensors<'x' | 'filter'> & FusedInputs
    attributes: ConvolutionAttributes & Fused
    outputs: Tensors<'y'>
    sizes: WindowSizes | undefined
  }
  Conv2DBackpropFilter: {
    inputs: Tensors<'x' | 'dy'>
    attributes: ConvolutionAttributes & { readonly filterShape: number[] }
    outputs: Tensors<'dFilter'>
    sizes: WindowSizes | undefined
  }
  Conv2DBackpropInput: {
    inputs: Tensors<'dy' | 'filter'>
    attributes: ConvolutionAttributes & { readonly inputShape: number[] }
    outputs: Tensors<'dx'>
    sizes: WindowSizes | undefined
  }
  BatchMatMul: {
    inputs: Tensors<'a' | 'b'>
    attributes: Transposes
    outputs: Tensors<'c'>
    sizes: MatMulSizes | undefined
  }
  _FusedMatMul: {
    inputs: Tensors<'a' | 'b'> & FusedInputs
    attributes: Transposes & Fused
    outputs: Tensors<'c'>
    sizes: MatMulSizes | undefined
  }
  MaxPoolGrad: {
    inputs: Tensors<'dy' | 'input'>
    attributes: PoolAttributes
    outputs: Tensors<'dx'>
    sizes: WindowSizes | undefined
  }
}

/** A kernel by tfjs's name of it. */
export type KernelName = keyof KernelContracts
/** The tensors that a kernel is given. */
export type KernelInputs<N extends KernelName> = KernelContracts[N]['inputs']
/** The attributes that a kernel is given. */
export type KernelAttributes<N extends KernelName> = KernelContracts[N]['attributes']
/** The tensors that a kernel makes. */
export type KernelOutputs<N extends KernelName> = KernelContracts[N]['outputs']
/** The sizes that a kernel may rely on. */
export type KernelSizes<N extends KernelName> = KernelContracts[N]['sizes']

/** A contract as it is held to. */
export interface KernelContract<N extends KernelName> {
  /** The names of the inputs. */
  readonly inputs: readonly (keyof KernelInputs<N> & string)[]
  /** Whether each of them is a list: weight0, weight1, ..., as many as the attribute `count` says. */
  readonly lists: boolean
  /** The names of the outputs, in the order in which tfjs has them. */
  readonly outputs: readonly (keyof KernelOutputs<N> & string)[]
  /**
   * The sizes of a call.
   *
   * @throws OpsError where tensors are missing or do not fit each other, or an attribute is out of its range
   */
  readonly sizes: (inputs: KernelInputs<N>, attributes: KernelAttributes<N>) => KernelSizes<N>
}

const sizeOf = (shape: readonly number[]) => util.sizeFromShape([...shape])

const denseSizes = ({ x, weight, bias }: Partial<Tensors<'x' | 'weight' | 'bias'>>): DenseSizes => {
  if (x === undefined || x.shape.length === 0) throw new OpsError('a dense layer takes a batch of images or vectors')
  const [batch = 0, ...rest] = x.shape
  const [inputs, outputs] = [sizeOf(rest), weight?.shape[1] ?? -1]
  expectTensor('the input of a dense layer', x, x.shape)
  expectTensor('the weight of a dense layer', weight, [inputs, outputs])
  if (bias !== undefined) expectTensor('the bias of a dense layer', bias, [outputs])
  return { batch, inputs, outputs }
}

const convReluPoolSizes = (
  { x, filter, bias }: Partial<Tensors<'x' | 'filter' | 'bias'>>,
  padding: number,
): ConvReluPoolSizes => {
  expectTensor('the images of a convolution', x, [-1, -1, -1, -1])
  const [batch, height, width, inputs] = x?.shape as [number, number, number, number]
  expectConvolution([batch, height, width, inputs], filter, bias, 1, padding)
  const [kernelHeight, kernelWidth, , outputs] = filter?.shape as [number, number, number, number]
  return {
    ...{ batch, height, width, inputs, outputs, kernelHeight, kernelWidth, padding },
    rows: Math.floor(outputSize(height, kernelHeight, 1, padding) / 2),
    columns: Math.floor(outputSize(width, kernelWidth, 1, padding) / 2),
  }
}

/** Throws an {@link OpsError} where a convolution of images [batch, height, width, in] cannot be computed. */
export const expectConvolution = (
  images: readonly number[],
  filter: TensorInfo | undefined,
  bias: TensorInfo | undefined,
  stride: number,
  padding: number,
): void => {
  const [, rows = 0, columns = 0, inputs = 0] = images
  expectTensor('the filter of a convolution', filter, [-1, -1, inputs, -1])
  const [height = 0, width = 0, , outputs = 0] = filter?.shape ?? []
  if (bias !== undefined) expectTensor('the bias of a convolution', bias, [outputs])
  expectCount('the stride of a convolution', stride, 1)
  expectCount('the padding of a convolution', padding, 0)
  expectCount('the height of a filter', height, 1)
  expectCount('the width of a filter', width, 1)
  const fits = outputSize(rows, height, stride, padding) >= 1 && outputSize(columns, width, stride, padding) >= 1
  if (!fits)
    throw new OpsError(
      `a ${height} x ${width} filter does not fit an image of ${rows} x ${columns} with padding ${padding}`,
    )
}

/** The elements of each weight; everything else is in the shapes of the weights. */
const stepSizes = <Names extends string>(
  inputs: Lists<Names | 'weight'>,
  { count, step }: StepCount,
  beside: readonly Names[],
): number[] => {
  expectCount('the number of weights', count, 0)
  expectCount('the step of an optimizer', step, 1)
  return Array.from({ length: count }, (_, i) => {
    const weight = inputs.weight[i]
    expectTensor(`weight ${i}`, weight, weight?.shape ?? [])
    for (const name of beside) expectTensor(`${name} ${i}`, inputs[name][i], weight?.shape ?? [])
    return sizeOf(weight?.shape ?? [])
  })
}

/** The elements of each tensor, which together are as many as each array has. */
const sharedSizes = ({ tensor }: Lists<'tensor'>, count: number, arrays: readonly Float32Array[]): number[] => {
  expectCount('the number of tensors', count, 0)
  const sizes = Array.from({ length: count }, (_, i) => {
    expectTensor(`tensor ${i}`, tensor[i], tensor[i]?.shape ?? [])
    return sizeOf(tensor[i]?.shape ?? [])
  })
  const total = sizes.reduce((sum, size) => sum + size, 0)
  for (const { length } of arrays)
    if (length !== total)
      throw new OpsError(`expected room for ${total} values of the tensors, there is room for ${length}`)
  return sizes
}

const contract = <N extends KernelName>(
  inputs: KernelContract<N>['inputs'],
  outputs: KernelContract<N>['outputs'],
  sizes: KernelContract<N>['sizes'],
): KernelContract<N> => ({ inputs, lists: false, outputs, sizes })

const inPlace = <N extends KernelName>(
  inputs: KernelContract<N>['inputs'],
  sizes: KernelContract<N>['sizes'],
): KernelContract<N> => ({ inputs, lists: true, outputs: [], sizes })

/** What is not float32 is tfjs's own kernel's. */
const ofFloats = <Sizes>(tensors: readonly TensorInfo[], sizes: () => Sizes): Sizes | undefined =>
  tensors.every(({ dtype }) => dtype === 'float32') ? sizes() : undefined

/** A gradient that is longer than the output, of which tfjs reads the beginning, is tfjs's own kernel's. */
const covered = (dy: TensorInfo, sizes: WindowSizes | undefined): WindowSizes | undefined =>
  sizes && util.arraysEqual(dy.shape, sizes.outShape) ? sizes : undefined

const fusedInputs = ['bias', 'preluActivationWeights'] as const
const optional: ReadonlySet<string> = new Set(['bias', 'preluActivationWeights'])

/** The contract of each kernel, by tfjs's name of it. */
export const kernelContracts: { readonly [N in KernelName]: KernelContract<N> } = {
  DigitlabGatherBatch: contract(
    ['images', 'labels', 'order'],
    ['batchImages', 'batchLabels'],
    ({ images, labels, order }, { start, size }) => {
      expectTensor('the resident images', images, [-1, -1, -1, -1], 'bool')
      const [count = 0, ...shape] = images.shape
      expectTensor('the resident labels', labels, [count], 'int32')
      expectTensor('the order of the images', order, [-1], 'int32')
      const [length = 0] = order.shape
      expectCount('the start of a batch', start, 0)
      expectCount('the size of a batch', size, 1)
      if (start + size > length)
        throw new OpsError(`a batch of ${size} from position ${start} is not within an order of ${length}`)
      return { count, pixels: sizeOf(shape), shape: [size, ...shape], length }
    },
  ),
  DigitlabWriteImages: contract(['images'], [], ({ images }, { start, bytes }) => {
    expectTensor('the resident images', images, [-1, -1, -1, -1], 'bool')
    const [count = 0, ...shape] = images.shape
    const pixels = sizeOf(shape)
    expectCount('the first image to be written', start, 0)
    if (bytes.length % pixels !== 0 || start * pixels + bytes.length > count * pixels)
      throw new OpsError(
        `${bytes.length} bytes from image ${start} on are no whole images of ${pixels} bytes within ${count} of them`,
      )
    return { offset: start * pixels }
  }),
  DigitlabDense: contract(['x', 'weight', 'bias'], ['y'], (inputs) => {
    expectTensor('the bias of a dense layer', inputs.bias, [-1])
    return denseSizes(inputs)
  }),
  DigitlabDenseGrad: contract(['dy', 'x', 'weight', 'y'], ['dWeight', 'dBias', 'dx'], ({ dy, x, weight, y }) => {
    const sizes = denseSizes({ x, weight })
    expectTensor('the gradient of a dense layer', dy, [sizes.batch, sizes.outputs])
    expectTensor('the output of a dense layer', y, [sizes.batch, sizes.outputs])
    return sizes
  }),
  DigitlabConvReluPool: contract(['x', 'filter', 'bias'], ['y', 'winners'], (inputs, { padding }) => {
    const sizes = convReluPoolSizes(inputs, padding)
    expectTensor('the bias of a convolution', inputs.bias, [sizes.outputs])
    return sizes
  }),
  DigitlabConvReluPoolGrad: contract(
    ['dy', 'x', 'filter', 'winners'],
    ['dFilter', 'dBias', 'dx'],
    ({ dy, x, filter, winners }, { padding }) => {
      const sizes = convReluPoolSizes({ x, filter }, padding)
      const { batch, rows, columns, outputs } = sizes
      expectTensor('the gradient of a pooled convolution', dy, [batch, rows, columns, outputs])
      expectTensor('the winners of a pooled convolution', winners, [batch, rows, columns, outputs], 'int32')
      return sizes
    },
  ),
  DigitlabSoftmaxCrossEntropy: contract(['logits', 'labels'], ['summary', 'dLogits'], ({ logits, labels }) => {
    expectTensor('the logits', logits, [-1, -1])
    const [batch = 0, classes = 0] = logits.shape
    expectCount('the number of classes', classes, 1)
    expectTensor('the labels of a batch', labels, [batch], 'int32')
    return { batch, classes }
  }),
  DigitlabSgdStep: inPlace(['weight', 'gradient', 'velocity'], (inputs, attributes) =>
    stepSizes(inputs, attributes, attributes.momentum === 0 ? ['gradient'] : ['gradient', 'velocity']),
  ),
  DigitlabAdamStep: inPlace(['weight', 'gradient', 'first', 'second'], (inputs, attributes) =>
    stepSizes(inputs, attributes, ['gradient', 'first', 'second']),
  ),
  DigitlabCopyOut: inPlace(['tensor'], (inputs, { count, target }) => sharedSizes(inputs, count, [target])),
  DigitlabSumIn: inPlace(['tensor'], (inputs, { count, parts, own }) => {
    if (!(Number.isInteger(own) && own >= 0 && own < parts.length))
      throw new OpsError(`the part ${own} is none of ${parts.length}`)
    return sharedSizes(inputs, count, parts)
  }),
  Conv2D: contract(['x', 'filter'], ['y'], ({ x, filter }, attributes) =>
    ofFloats([x, filter], () => convolutionSizes('Conv2D', x.shape, filter.shape, attributes)),
  ),
  FusedConv2D: contract(['x', 'filter', ...fusedInputs], ['y'], ({ x, filter }, attributes) =>
    ofFloats([x, filter], () => convolutionSizes('FusedConv2D', x.shape, filter.shape, attributes)),
  ),
  Conv2DBackpropFilter: contract(['x', 'dy'], ['dFilter'], ({ x, dy }, attributes) =>
    ofFloats([x, dy], () =>
      covered(dy, convolutionSizes('Conv2DBackpropFilter', x.shape, attributes.filterShape, attributes, dy.shape)),
    ),
  ),
  Conv2DBackpropInput: contract(['dy', 'filter'], ['dx'], ({ dy, filter }, attributes) =>
    ofFloats([dy, filter], () =>
      covered(dy, convolutionSizes('Conv2DBackpropInput', attributes.inputShape, filter.shape, attributes, dy.shape)),
    ),
  ),
  BatchMatMul: contract(['a', 'b'], ['c'], ({ a, b }, transposes) =>
    ofFloats([a, b], () => matMulSizes(a, b, transposes)),
  ),
  _FusedMatMul: contract(['a', 'b', ...fusedInputs], ['c'], ({ a, b }, transposes) =>
    ofFloats([a, b], () => matMulSizes(a, b, transposes)),
  ),
  MaxPoolGrad: contract(['dy', 'input'], ['dx'], ({ dy, input }, attributes) =>
    ofFloats([dy, input], () => covered(dy, poolSizes('MaxPoolGrad', input.shape, attributes, dy.shape))),
  ),
}

/** The inputs of a call by their names, lists of weight0, weight1, ... taken together. */
export const inputsOf = <N extends KernelName>(
  name: N,
  inputs: Readonly<Record<string, TensorInfo | undefined>>,
): KernelInputs<N> => {
  const { inputs: names, lists } = kernelContracts[name]
  const listed = (input: string): TensorInfo[] => {
    const list: TensorInfo[] = []
    for (let one = inputs[`${input}0`]; one !== undefined; one = inputs[`${input}${list.length}`]) list.push(one)
    return list
  }
  const missing = lists ? undefined : names.find((input) => inputs[input] === undefined && !optional.has(input))
  if (missing !== undefined) throw new OpsError(`${name} was called without its input ${missing}`)
  // As many as the attribute `count` says: `sizes` throws where one is missing.
  return Object.fromEntries(names.map((input) => [input, lists ? listed(input) : inputs[input]])) as KernelInputs<N>
}
