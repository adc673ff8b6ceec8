import { BackendError } from '@digitlab/backends'
import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CudaTensors } from './cuda-tensors'
import { fusedActivation, withBiasAndActivation } from './elementwise'
import { blocksFor, defineKernel, elementThreads, sizeOf, struct } from './kernel'

type Shape4D = [number, number, number, number]

interface ConvolutionAttributes {
  readonly strides: [number, number] | number
  readonly pad: Parameters<typeof backend_util.computeConv2DInfo>[4]
  readonly dataFormat: 'NHWC' | 'NCHW'
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
  readonly dilations?: [number, number] | number
}

const infoOf = (
  x: readonly number[],
  filter: readonly number[],
  { strides, pad, dataFormat, dimRoundingMode, dilations = 1 }: ConvolutionAttributes,
): backend_util.Conv2DInfo => {
  if (dataFormat === 'NCHW')
    throw new BackendError('the cuda backend takes images as NHWC, not NCHW: transpose them, or use another backend')
  return backend_util.computeConv2DInfo(x as Shape4D, filter as Shape4D, strides, dilations, pad, dimRoundingMode)
}

/** The struct `Convolution` of `cuda/convolution.cu`. */
const sizes = (info: backend_util.Conv2DInfo): ArrayBuffer =>
  struct(
    ...[info.batchSize, info.inHeight, info.inWidth, info.inChannels],
    ...[info.outHeight, info.outWidth, info.outChannels, info.filterHeight, info.filterWidth],
    ...[info.strideHeight, info.strideWidth, info.dilationHeight, info.dilationWidth],
    ...[info.padInfo.top, info.padInfo.left],
  )

const forward = (
  tensors: CudaTensors,
  x: TensorInfo,
  filter: TensorInfo,
  attributes: ConvolutionAttributes,
): TensorInfo => {
  const info = infoOf(x.shape, filter.shape, attributes)
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
  ['x', 'filter'],
  (tensors, [x, filter], attributes: ConvolutionAttributes) => forward(tensors, x, filter, attributes),
)

/** tfjs's `FusedConv2D`. */
export const fusedConv2d = defineKernel(
  'FusedConv2D',
  ['x', 'filter', 'bias', 'preluActivationWeights'],
  (
    tensors,
    [x, filter, bias, prelu],
    attributes: ConvolutionAttributes & { readonly activation: string; readonly leakyreluAlpha?: number },
  ) =>
    withBiasAndActivation(
      tensors,
      forward(tensors, x, filter, attributes),
      bias as TensorInfo | undefined,
      fusedActivation(attributes.activation, prelu as TensorInfo | undefined, attributes.leakyreluAlpha),
    ),
)

/** tfjs's `Conv2DBackpropFilter`. */
export const conv2dBackpropFilter = defineKernel(
  'Conv2DBackpropFilter',
  ['x', 'dy'],
  (tensors, [x, dy], attributes: ConvolutionAttributes & { readonly filterShape: number[] }) => {
    const info = infoOf(x.shape, attributes.filterShape, attributes)
    const dFilter = tensors.output(attributes.filterShape, 'float32')
    tensors.device.launch({
      kernel: 'convolutionFilterGrad',
      blocks: [sizeOf(dFilter)],
      threads: 256,
      arguments: [...[x, dy, dFilter].map((tensor) => tensors.address(tensor)), sizes(info)],
    })
    return dFilter
  },
)

/** tfjs's `Conv2DBackpropInput`. */
export const conv2dBackpropInput = defineKernel(
  'Conv2DBackpropInput',
  ['dy', 'filter'],
  (tensors, [dy, filter], attributes: ConvolutionAttributes & { readonly inputShape: number[] }) => {
    const info = infoOf(attributes.inputShape, filter.shape, attributes)
    const dx = tensors.output(attributes.inputShape, 'float32')
    tensors.device.launch({
      kernel: 'convolutionInputGrad',
      blocks: blocksFor(sizeOf(dx)),
      threads: elementThreads,
      arguments: [...[dy, filter, dx].map((tensor) => tensors.address(tensor)), sizes(info)],
    })
    return dx
  },
)
