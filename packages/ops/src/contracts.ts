// What kernels may rely on is checked here, once for every backend.
import type { TensorInfo } from '@tensorflow/tfjs-core'
import {
  alike,
  channelSizes,
  convReluPoolSizes,
  covered,
  denseSizes,
  expectActivation,
  expectClip,
  keptBy,
  movedSizes,
  ofFloats,
  sizeOf,
  stepSizes,
} from './contract-sizes'
import { expectCount, expectTensor, OpsError } from './expect'
import { convolutionSizes, depthwiseSizes, matMulSizes, poolSizes } from './geometry'
import type { KernelAttributes, KernelInputs, KernelName, KernelOutputs, KernelSizes } from './signatures'

export type * from './signatures'

/** A kernel's contract, as it is checked. */
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
   * @throws OpsError if tensors are missing or do not fit each other, or an attribute is out of its range
   */
  readonly sizes: (inputs: KernelInputs<N>, attributes: KernelAttributes<N>) => KernelSizes<N>
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

const fusedInputs = ['bias', 'preluActivationWeights'] as const
const optional: ReadonlySet<string> = new Set(['bias', 'preluActivationWeights'])

/** The contract of each kernel, by tfjs's name of it. */
export const kernelContracts: { readonly [N in KernelName]: KernelContract<N> } = {
  DigitlabGatherBatch: contract(
    ['images', 'labels', 'order'],
    ['batchImages', 'batchLabels'],
    ({ images, labels, order }, { start, size, mean, std }) => {
      if (!(Number.isFinite(mean) && std > 0 && std < Infinity))
        throw new OpsError(
          `images are normalized by a mean and a standard deviation above 0, not by ${mean} and ${std}`,
        )
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
        `${bytes.length} bytes from image ${start} on are not whole images of ${pixels} bytes within ${count} of them`,
      )
    return { offset: start * pixels }
  }),
  DigitlabActivation: contract(['x'], ['y'], ({ x }, attributes) => {
    expectActivation(attributes)
    expectTensor('the input of an activation', x, x.shape)
    return { count: sizeOf(x.shape) }
  }),
  DigitlabActivationGrad: contract(['dy', 'x', 'y'], ['dx'], ({ dy, x, y }, attributes) => {
    expectActivation(attributes)
    expectTensor('the input of an activation', x, x.shape)
    expectTensor('the output of an activation', y, x.shape)
    expectTensor('the gradient of an activation', dy, x.shape)
    return { count: sizeOf(x.shape) }
  }),
  DigitlabDense: contract(['x', 'weight', 'bias'], ['y'], denseSizes),
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
  DigitlabBatchNorm: contract(
    ['x', 'weight', 'bias', 'runningMean', 'runningVariance', 'batches'],
    ['y', 'mean', 'inverseDeviation'],
    ({ x, weight, bias, runningMean, runningVariance, batches }) => {
      const sizes = channelSizes(x, { weight, bias, runningMean, runningVariance })
      expectTensor('the number of batches of a normalization', batches, [])
      return sizes
    },
  ),
  DigitlabBatchNormGrad: contract(
    ['dy', 'x', 'weight', 'mean', 'inverseDeviation'],
    ['dWeight', 'dBias', 'dx'],
    ({ dy, x, weight, mean, inverseDeviation }) => {
      const sizes = channelSizes(x, { weight, mean, inverseDeviation })
      expectTensor('the gradient of a normalization', dy, x.shape)
      return sizes
    },
  ),
  DigitlabDropout: contract(['x'], ['y', 'mask'], ({ x }, { p, channels }) => {
    expectTensor('the input of a dropout', x, x.shape)
    if (!(p >= 0 && p < 1)) throw new OpsError(`dropout takes a probability at least 0 and below 1, not ${p}`)
    expectCount('the channels of a dropout', channels, 1)
    const [batch = 0, ...rest] = x.shape
    if (sizeOf(rest) % channels !== 0)
      throw new OpsError(`an image of [${rest.join(', ')}] does not consist of ${channels} channels`)
    return { batch, positions: sizeOf(rest) / channels }
  }),
  DigitlabConvolution: contract(['x', 'filter', 'bias'], ['y'], ({ x, filter, bias }, moves) => {
    expectTensor('the images of a convolution', x, [-1, -1, -1, -1])
    return movedSizes(x.shape, filter, bias, moves)
  }),
  DigitlabConvolutionGrad: contract(['dy', 'x', 'filter'], ['dFilter', 'dBias', 'dx'], ({ dy, x, filter }, moves) => {
    expectTensor('the images of a convolution', x, [-1, -1, -1, -1])
    const sizes = movedSizes(x.shape, filter, undefined, moves)
    expectTensor('the gradient of a convolution', dy, [sizes.batch, sizes.rows, sizes.columns, sizes.outputs])
    return sizes
  }),
  DigitlabSoftmaxCrossEntropy: contract(
    ['logits', 'labels'],
    ['summary', 'dLogits'],
    ({ logits, labels }, { smoothing }) => {
      if (!(smoothing >= 0 && smoothing <= 1))
        throw new OpsError(`labels are smoothed by a share from 0 to 1, not by ${String(smoothing)}`)
      expectTensor('the logits', logits, [-1, -1])
      const [batch = 0, classes = 0] = logits.shape
      expectCount('the number of classes', classes, 1)
      expectTensor('the labels of a batch', labels, [batch], 'int32')
      return { batch, classes }
    },
  ),
  DigitlabSgdStep: inPlace(['weight', 'gradient', 'velocity'], (inputs, attributes) =>
    stepSizes(inputs, attributes, attributes.momentum === 0 ? ['gradient'] : ['gradient', 'velocity']),
  ),
  DigitlabAdamStep: inPlace(['weight', 'gradient', 'first', 'second'], (inputs, attributes) =>
    stepSizes(inputs, attributes, ['gradient', 'first', 'second']),
  ),
  DigitlabOptimizerStep: inPlace(['weight', 'gradient', 'first', 'second', 'third'], (inputs, attributes) =>
    stepSizes(inputs, attributes, ['gradient', ...keptBy(attributes)]),
  ),
  DigitlabClipGradients: inPlace(['gradient'], ({ gradient }, attributes) => {
    expectClip(attributes)
    return stepSizes({ weight: gradient }, { count: attributes.count, step: 1 }, [])
  }),
  DigitlabAverageWeights: inPlace(['average', 'weight'], (inputs, attributes) => {
    if (!(attributes.decay >= 0 && attributes.decay <= 1))
      throw new OpsError(`an average of weights decays by a share from 0 to 1, not by ${String(attributes.decay)}`)
    return stepSizes(inputs, attributes, ['average'])
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
  DepthwiseConv2dNativeBackpropFilter: contract(['x', 'dy'], ['dFilter'], ({ x, dy }, attributes) =>
    ofFloats([x, dy], () =>
      covered(
        dy,
        depthwiseSizes('DepthwiseConv2dNativeBackpropFilter', x.shape, attributes.filterShape, attributes, dy.shape),
      ),
    ),
  ),
  DepthwiseConv2dNativeBackpropInput: contract(['dy', 'filter'], ['dx'], ({ dy, filter }, attributes) =>
    ofFloats([dy, filter], () =>
      covered(
        dy,
        depthwiseSizes('DepthwiseConv2dNativeBackpropInput', attributes.inputShape, filter.shape, attributes, dy.shape),
      ),
    ),
  ),
  Add: contract(['a', 'b'], ['c'], alike),
  Multiply: contract(['a', 'b'], ['c'], alike),
  BatchMatMul: contract(['a', 'b'], ['c'], ({ a, b }, transposes) =>
    ofFloats([a, b], () => matMulSizes(a, b, transposes)),
  ),
  _FusedMatMul: contract(['a', 'b', ...fusedInputs], ['c'], ({ a, b }, transposes) =>
    ofFloats([a, b], () => matMulSizes(a, b, transposes)),
  ),
  MaxPool: contract(['x'], ['y'], ({ x }, attributes) =>
    ofFloats([x], () => poolSizes('MaxPool', x.shape, attributes)),
  ),
  AvgPool: contract(['x'], ['y'], ({ x }, attributes) =>
    ofFloats([x], () => poolSizes('AvgPool', x.shape, attributes)),
  ),
  AvgPoolGrad: contract(['dy', 'input'], ['dx'], ({ dy, input }, attributes) =>
    ofFloats([dy, input], () => covered(dy, poolSizes('AvgPoolGrad', input.shape, attributes, dy.shape))),
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
