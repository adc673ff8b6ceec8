import { BackendError } from '@digitlab/backends'
import {
  convolutionSizes,
  type ConvolutionAttributes,
  type KernelAttributes,
  type KernelInputs,
  type WindowSizes,
} from '@digitlab/ops/backend'
import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { CudaTensors } from './cuda-tensors'
import { fusedActivation, withBiasAndActivation } from './elementwise'
import { blocksFor, defineKernel, elementThreads, expectType, sizeOf, struct } from './kernel'
import { beginningOf } from './strided'

/** What the contract leaves to tfjs's own kernels, which there are none of here. */
const refused = (
  name: string,
  tensors: readonly TensorInfo[],
  { dataFormat }: Pick<ConvolutionAttributes, 'dataFormat'>,
): never => {
  for (const tensor of tensors) expectType(name, tensor, 'float32')
  throw new BackendError(
    `the cuda backend takes images as NHWC, not ${dataFormat}: transpose them, or use another backend`,
  )
}

/** The struct `Convolution` of `cuda/convolution.cu`. */
const sizes = (info: WindowSizes): ArrayBuffer =>
  struct(
    ...[info.batchSize, info.inHeight, info.inWidth, info.inChannels],
    ...[info.outHeight, info.outWidth, info.outChannels, info.filterHeight, info.filterWidth],
    ...[info.strideHeight, info.strideWidth, info.dilationHeight, info.dilationWidth],
    ...[info.padInfo.top, info.padInfo.left],
  )

const forward = (tensors: CudaTensors, x: TensorInfo, filter: TensorInfo, info: WindowSizes): TensorInfo => {
  const y = tensors.output(info.outShape, 'float32')
  tensors.device.launch({
    kernel: 'convolution',
    blocks: blocksFor(sizeOf(y)),
    threads: elementThreads,
    arguments: [...[x, filter, y].map((tensor) => tensors.address(tensor)), sizes(info)],
  })
  return y
}

/** tfjs's `Conv2D`. */
export const conv2d = defineKernel(
  'Conv2D',
  (tensors, { x, filter }, _, info) => ({ y: forward(tensors, x, filter, info) }),
  (_, { x, filter }, attributes) => refused('Conv2D', [x, filter], attributes),
)

/** tfjs's `FusedConv2D`. */
export const fusedConv2d = defineKernel(
  'FusedConv2D',
  (tensors, { x, filter, bias, preluActivationWeights }, { activation, leakyreluAlpha }, info) => {
    const finish = fusedActivation(activation, preluActivationWeights, leakyreluAlpha)
    return { y: withBiasAndActivation(tensors, forward(tensors, x, filter, info), bias, finish) }
  },
  (_, { x, filter }, attributes) => refused('FusedConv2D', [x, filter], attributes),
)

const filterGradient = (
  tensors: CudaTensors,
  { x, dy }: KernelInputs<'Conv2DBackpropFilter'>,
  { filterShape }: KernelAttributes<'Conv2DBackpropFilter'>,
  info: WindowSizes,
) => {
  const dFilter = tensors.output(filterShape, 'float32')
  tensors.device.launch({
    kernel: 'convolutionFilterGrad',
    blocks: [sizeOf(dFilter)],
    threads: 256,
    arguments: [...[x, dy, dFilter].map((tensor) => tensors.address(tensor)), sizes(info)],
  })
  return { dFilter }
}

/** tfjs's `Conv2DBackpropFilter`. */
export const conv2dBackpropFilter = defineKernel(
  'Conv2DBackpropFilter',
  filterGradient,
  (tensors, { x, dy }, attributes) => {
    const name = 'Conv2DBackpropFilter'
    const info = convolutionSizes(name, x.shape, attributes.filterShape, attributes)
    if (!info || x.dtype !== 'float32' || dy.dtype !== 'float32') return refused(name, [x, dy], attributes)
    const taken = beginningOf(tensors, dy, info.outShape)
    const made = filterGradient(tensors, { x, dy: taken }, attributes, info)
    tensors.disposeData(taken.dataId)
    return made
  },
)

const inputGradient = (
  tensors: CudaTensors,
  { dy, filter }: KernelInputs<'Conv2DBackpropInput'>,
  { inputShape }: KernelAttributes<'Conv2DBackpropInput'>,
  info: WindowSizes,
) => {
  const dx = tensors.output(inputShape, 'float32')
  tensors.device.launch({
    kernel: 'convolutionInputGrad',
    blocks: blocksFor(sizeOf(dx)),
    threads: elementThreads,
    arguments: [...[dy, filter, dx].map((tensor) => tensors.address(tensor)), sizes(info)],
  })
  return { dx }
}

/** tfjs's `Conv2DBackpropInput`. */
export const conv2dBackpropInput = defineKernel(
  'Conv2DBackpropInput',
  inputGradient,
  (tensors, { dy, filter }, attributes) => {
    const name = 'Conv2DBackpropInput'
    const info = convolutionSizes(name, attributes.inputShape, filter.shape, attributes)
    if (!info || dy.dtype !== 'float32' || filter.dtype !== 'float32') return refused(name, [dy, filter], attributes)
    const taken = beginningOf(tensors, dy, info.outShape)
    const made = inputGradient(tensors, { dy: taken, filter }, attributes, info)
    tensors.disposeData(taken.dataId)
    return made
  },
)
