// A call of each kernel that fits, for what is done to it in the conformance suite.
import { MersenneTwister } from '@digitlab/random'
import { tensor, type Tensor } from '@tensorflow/tfjs-core'
import type { KernelName } from './contracts'

export type Given = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly dtype: 'float32' | 'int32' | 'bool' }>
>
export type Attributes = Readonly<Record<string, unknown>>

export interface Call {
  readonly name: KernelName
  readonly inputs: Given
  readonly attributes: Attributes
  /** Values that attributes are tried with. */
  readonly tried: Attributes
}

export const float32 = (...shape: readonly number[]) => ({ shape, dtype: 'float32' }) as const
const int32 = (...shape: readonly number[]) => ({ shape, dtype: 'int32' }) as const
const bool = (...shape: readonly number[]) => ({ shape, dtype: 'bool' }) as const

const counts = [-1, 0.5, NaN, 2 ** 31, Infinity]
const sgd = { learningRate: 0.1, momentum: 0.9, weightDecay: 0, count: 1, step: 1 }
const adam = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, count: 1, step: 1 }
const convolution = { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] }
const depthwise = { strides: [1, 1], pad: 'same', dilations: [1, 1] }
const pool = { filterSize: [2, 2], strides: [2, 2], pad: 'valid' }
/** For an input of [2, 5, 5, 2]: other sizes of it. */
const otherInputShapes = [
  [3, 5, 5, 2],
  [2, 6, 6, 2],
  [2, 5, 5, 3],
  [2, 5, 5],
]
const products = { transposeA: false, transposeB: false }

/** A call of each kernel that fits. */
export const calls = (): readonly Call[] => [
  {
    name: 'DigitlabGatherBatch',
    inputs: { images: bool(4, 3, 2, 1), labels: int32(4), order: int32(5) },
    attributes: { start: 1, size: 3, mean: 0, std: 1 },
    tried: { start: [...counts, 3, 5], size: [...counts, 0, 5], std: [0, -1, NaN], mean: [NaN, Infinity] },
  },
  {
    name: 'DigitlabWriteImages',
    inputs: { images: bool(4, 3, 2, 1) },
    attributes: { start: 2, bytes: new Uint8Array(12).fill(1) },
    tried: { start: [...counts, 3, 4], bytes: [new Uint8Array(5), new Uint8Array(18), new Uint8Array(30)] },
  },
  {
    name: 'DigitlabActivation',
    inputs: { x: float32(3, 2) },
    attributes: { name: 'elu', parameter: 1 },
    tried: { name: ['softsign', undefined], parameter: [NaN, Infinity] },
  },
  {
    name: 'DigitlabActivationGrad',
    inputs: { dy: float32(3, 2), x: float32(3, 2), y: float32(3, 2) },
    attributes: { name: 'tanh', parameter: 0 },
    tried: { name: ['softsign'], parameter: [NaN] },
  },
  {
    name: 'DigitlabDense',
    inputs: { x: float32(3, 4), weight: float32(4, 2), bias: float32(2) },
    attributes: { activation: 'relu' },
    tried: {},
  },
  {
    name: 'DigitlabDenseGrad',
    inputs: { dy: float32(3, 2), x: float32(3, 4), weight: float32(4, 2), y: float32(3, 2) },
    attributes: { activation: 'relu', needsInputGradient: true },
    tried: {},
  },
  {
    name: 'DigitlabConvReluPool',
    inputs: { x: float32(2, 6, 6, 2), filter: float32(3, 3, 2, 4), bias: float32(4) },
    attributes: { padding: 1 },
    tried: { padding: counts },
  },
  {
    name: 'DigitlabConvReluPoolGrad',
    inputs: {
      dy: float32(2, 3, 3, 4),
      x: float32(2, 6, 6, 2),
      filter: float32(3, 3, 2, 4),
      winners: int32(2, 3, 3, 4),
    },
    attributes: { padding: 1, needsInputGradient: true },
    tried: { padding: counts },
  },
  {
    name: 'DigitlabSoftmaxCrossEntropy',
    inputs: { logits: float32(3, 4), labels: int32(3) },
    attributes: { scale: 0.5, smoothing: 0 },
    tried: {},
  },
  {
    name: 'DigitlabSgdStep',
    inputs: { weight0: float32(3, 2), gradient0: float32(3, 2), velocity0: float32(3, 2) },
    attributes: sgd,
    tried: { count: [...counts, 2], step: [...counts.slice(0, 3), 0] },
  },
  {
    name: 'DigitlabAdamStep',
    inputs: { weight0: float32(3, 2), gradient0: float32(3, 2), first0: float32(3, 2), second0: float32(3, 2) },
    attributes: adam,
    tried: { count: [...counts, 2], step: [...counts.slice(0, 3), 0] },
  },
  {
    name: 'DigitlabOptimizerStep',
    inputs: { weight0: float32(3, 2), gradient0: float32(3, 2), first0: float32(3, 2), second0: float32(3, 2) },
    attributes: { rule: 'adadelta', rho: 0.9, learningRate: 1, epsilon: 1e-6, weightDecay: 0, count: 1, step: 1 },
    tried: { count: [...counts, 2], step: [...counts.slice(0, 3), 0], rule: ['adam', undefined] },
  },
  {
    name: 'DigitlabClipGradients',
    inputs: { gradient0: float32(3, 2) },
    attributes: { norm: 1, value: Infinity, count: 1 },
    tried: { count: [...counts, 2], norm: [0, -1, NaN], value: [0, -1, NaN] },
  },
  {
    name: 'DigitlabAverageWeights',
    inputs: { average0: float32(3, 2), weight0: float32(3, 2) },
    attributes: { decay: 0.9, count: 1, step: 2 },
    tried: { count: [...counts, 2], step: [...counts.slice(0, 3), 0], decay: [-1, 1.5, NaN] },
  },
  {
    name: 'Conv2D',
    inputs: { x: float32(2, 5, 5, 2), filter: float32(3, 3, 2, 4) },
    attributes: convolution,
    tried: { strides: [0, -1], dilations: [0, -1], pad: [-1, 2 ** 31] },
  },
  {
    name: 'FusedConv2D',
    inputs: { x: float32(2, 5, 5, 2), filter: float32(3, 3, 2, 4), bias: float32(4) },
    attributes: { ...convolution, activation: 'relu' },
    tried: {},
  },
  {
    name: 'Conv2DBackpropFilter',
    inputs: { x: float32(2, 5, 5, 2), dy: float32(2, 5, 5, 4) },
    attributes: { ...convolution, filterShape: [3, 3, 2, 4] },
    tried: {
      filterShape: [
        [3, 3, 3, 4],
        [3, 3, 2, 5],
        [9, 9, 2, 4],
        [3, 3, 2],
      ],
    },
  },
  {
    name: 'Conv2DBackpropInput',
    inputs: { dy: float32(2, 5, 5, 4), filter: float32(3, 3, 2, 4) },
    attributes: { ...convolution, inputShape: [2, 5, 5, 2] },
    tried: { inputShape: otherInputShapes },
  },
  {
    name: 'DepthwiseConv2dNativeBackpropFilter',
    inputs: { x: float32(2, 5, 5, 2), dy: float32(2, 5, 5, 6) },
    attributes: { ...depthwise, filterShape: [3, 3, 2, 3] },
    tried: {
      filterShape: [
        [3, 3, 3, 2],
        [3, 3, 2, 4],
        [3, 3, 2],
      ],
    },
  },
  {
    name: 'DepthwiseConv2dNativeBackpropInput',
    inputs: { dy: float32(2, 5, 5, 6), filter: float32(3, 3, 2, 3) },
    attributes: { ...depthwise, inputShape: [2, 5, 5, 2] },
    tried: { inputShape: otherInputShapes },
  },
  {
    name: 'BatchMatMul',
    inputs: { a: float32(2, 3, 4), b: float32(2, 4, 5) },
    attributes: products,
    tried: { transposeA: [true], transposeB: [true] },
  },
  {
    name: '_FusedMatMul',
    inputs: { a: float32(3, 4), b: float32(4, 5), bias: float32(5) },
    attributes: { ...products, activation: 'linear' },
    tried: { transposeA: [true], transposeB: [true] },
  },
  {
    name: 'Add',
    inputs: { a: float32(3, 4), b: float32(3, 4) },
    attributes: {},
    tried: {},
  },
  {
    name: 'Multiply',
    inputs: { a: float32(3, 4), b: float32(3, 4) },
    attributes: {},
    tried: {},
  },
  ...(['MaxPool', 'AvgPool'] as const).map((name) => ({
    name,
    inputs: { x: float32(2, 6, 6, 2) },
    attributes: pool,
    tried: {
      filterSize: [[0, 2]],
      strides: [
        [0, 0],
        [-1, 2],
      ],
    },
  })),
  {
    name: 'AvgPoolGrad',
    inputs: { dy: float32(2, 3, 3, 2), input: float32(2, 6, 6, 2) },
    attributes: pool,
    tried: {
      filterSize: [[0, 2]],
      strides: [
        [1, 1],
        [0, 0],
        [-1, 2],
      ],
    },
  },
  {
    name: 'DigitlabBatchNorm',
    inputs: {
      ...{ x: float32(3, 2, 5), weight: float32(5), bias: float32(5) },
      ...{ runningMean: float32(5), runningVariance: float32(5), batches: float32() },
    },
    attributes: { momentum: 0.1, epsilon: 1e-5 },
    tried: {},
  },
  {
    name: 'DigitlabBatchNormGrad',
    inputs: {
      ...{ dy: float32(3, 2, 5), x: float32(3, 2, 5), weight: float32(5) },
      ...{ mean: float32(5), inverseDeviation: float32(5) },
    },
    attributes: { needsInputGradient: true },
    tried: {},
  },
  {
    name: 'DigitlabDropout',
    inputs: { x: float32(3, 2, 5) },
    attributes: { p: 0.5, channels: 5, generator: new MersenneTwister(0) },
    tried: { p: [-0.1, 1, NaN], channels: [...counts, 0, 3] },
  },
  {
    name: 'DigitlabConvolution',
    inputs: { x: float32(2, 5, 6, 4), filter: float32(3, 2, 2, 6), bias: float32(6) },
    attributes: { stride: [1, 2], padding: [1, 0], groups: 2 },
    tried: { stride: [0, [0, 1], 0.5, [1, NaN]], padding: [-1, [0, 0.5]], groups: [0, 3, 4, 0.5] },
  },
  {
    name: 'DigitlabConvolutionGrad',
    inputs: { dy: float32(2, 5, 3, 6), x: float32(2, 5, 6, 4), filter: float32(3, 2, 2, 6) },
    attributes: { stride: [1, 2], padding: [1, 0], groups: 2, needsInputGradient: true },
    tried: { stride: [0, [0, 1], 1], padding: [-1, [0, 0.5], 1], groups: [0, 3, 4, 0.5] },
  },
  {
    name: 'MaxPoolGrad',
    inputs: { dy: float32(2, 3, 3, 2), input: float32(2, 6, 6, 2), output: float32(2, 3, 3, 2) },
    attributes: pool,
    tried: {
      filterSize: [[0, 2]],
      strides: [
        [1, 1],
        [0, 0],
        [-1, 2],
      ],
    },
  },
]

/** A tensor of ones or halves. */
export const filled = ({ shape, dtype }: Given[string]): Tensor => {
  const size = shape.reduce((product, side) => product * side, 1)
  if (dtype === 'bool') return tensor(new Uint8Array(size).fill(1), [...shape], 'bool')
  return tensor(dtype === 'int32' ? new Int32Array(size).fill(1) : new Float32Array(size).fill(0.5), [...shape], dtype)
}
