import { backend_util, util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { Instance } from './instance'
import { defineKernel } from './kernel'
import { fusedActivation } from './mat-mul'

type Shape4D = [number, number, number, number]
type Padding = Parameters<typeof backend_util.computeConv2DInfo>[4]

interface ConvolutionAttributes {
  readonly strides: [number, number] | number
  readonly pad: Padding
  readonly dataFormat: 'NHWC' | 'NCHW'
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
  readonly dilations?: [number, number] | number
}

/** What `assembly/convolution.ts` computes, by number. */
const what = { output: 0, filterGradient: 1, inputGradient: 2 } as const

/** The sizes of a convolution as tfjs sees them; undefined for what the stock kernel has to take (or refuse). */
const convolutionInfo = (
  xShape: readonly number[],
  filterShape: readonly number[],
  { strides, pad, dataFormat, dimRoundingMode, dilations }: ConvolutionAttributes,
  tensors: readonly TensorInfo[],
) => {
  if (dataFormat === 'NCHW' || tensors.some(({ dtype }) => dtype !== 'float32')) return undefined
  const info = backend_util.computeConv2DInfo(
    xShape as Shape4D,
    filterShape as Shape4D,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
  )
  return util.sizeFromShape(info.outShape) > 0 && info.batchSize > 0 ? info : undefined
}

const compute = (
  { kernels, scratch, took }: Instance,
  kind: keyof typeof what,
  info: backend_util.Conv2DInfo,
  x: number,
  filter: number,
  y: number,
): void => {
  took(`convolution ${kind}`)
  const taps = info.filterHeight * info.filterWidth * info.inChannels
  kernels.convolution(
    ...[what[kind], x, filter, y, info.batchSize, info.inHeight, info.inWidth, info.inChannels],
    ...[info.outHeight, info.outWidth, info.outChannels, info.filterHeight, info.filterWidth],
    ...[info.strideHeight, info.strideWidth, info.dilationHeight, info.dilationWidth],
    ...[info.padInfo.top, info.padInfo.left, scratch(kernels.convolutionScratch(taps))],
  )
}

/** tfjs's `Conv2D`, NHWC. Kernel: `assembly/convolution.ts`. */
export const conv2d = defineKernel(
  'Conv2D',
  ['x', 'filter'],
  (instance, [x, filter], attributes: ConvolutionAttributes) => {
    const info = convolutionInfo(x.shape, filter.shape, attributes, [x, filter])
    if (!info) return undefined
    const { address, output } = instance
    const y = output(info.outShape, 'float32')
    compute(instance, 'output', info, address(x), address(filter), address(y))
    return y
  },
)

/** tfjs's `FusedConv2D`, NHWC, without activation or with ReLU. Kernel: `assembly/convolution.ts`. */
export const fusedConv2d = defineKernel(
  'FusedConv2D',
  ['x', 'filter', 'bias', 'preluActivationWeights'],
  (instance, [x, filter, bias, prelu], attributes: ConvolutionAttributes & { readonly activation: string }) => {
    const activation = fusedActivation(attributes.activation)
    const info = convolutionInfo(x.shape, filter.shape, attributes, [x, filter])
    // The type says that bias is there, and an optional input of tfjs's may not be.
    const optionalBias = bias as TensorInfo | undefined
    const biasFits = !optionalBias || util.sizeFromShape(optionalBias.shape) === info?.outChannels
    if (!info || !activation || !biasFits || (prelu as TensorInfo | undefined)) return undefined
    const { address, output, kernels } = instance
    const y = output(info.outShape, 'float32')
    compute(instance, 'output', info, address(x), address(filter), address(y))
    const pixels = info.batchSize * info.outHeight * info.outWidth
    const biasAddress = optionalBias ? address(optionalBias) : 0
    if (optionalBias || activation === 'relu')
      kernels.addBias(address(y), pixels, info.outChannels, biasAddress, Number(activation === 'relu'))
    return y
  },
)

/** tfjs's `Conv2DBackpropFilter`, NHWC, which tfjs-backend-wasm lacks. Kernel: `assembly/convolution.ts`. */
export const conv2dBackpropFilter = defineKernel(
  'Conv2DBackpropFilter',
  ['x', 'dy'],
  (instance, [x, dy], attributes: ConvolutionAttributes & { readonly filterShape: Shape4D }) => {
    const info = convolutionInfo(x.shape, attributes.filterShape, attributes, [x, dy])
    if (!info) return undefined
    const { address, output } = instance
    const dFilter = output(attributes.filterShape, 'float32')
    compute(instance, 'filterGradient', info, address(x), address(dFilter), address(dy))
    return dFilter
  },
)

/** tfjs's `Conv2DBackpropInput`, NHWC. Kernel: `assembly/convolution.ts`. */
export const conv2dBackpropInput = defineKernel(
  'Conv2DBackpropInput',
  ['dy', 'filter'],
  (instance, [dy, filter], attributes: ConvolutionAttributes & { readonly inputShape: Shape4D }) => {
    const info = convolutionInfo(attributes.inputShape, filter.shape, attributes, [dy, filter])
    if (!info) return undefined
    const { address, output } = instance
    const dx = output(attributes.inputShape, 'float32')
    compute(instance, 'inputGradient', info, address(dx), address(filter), address(dy))
    return dx
  },
)
