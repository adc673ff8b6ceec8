import { BackendError } from '@digitlab/backends'
import {
  convolutionSizes,
  type ConvolutionAttributes,
  type ConvolutionSizes,
  type KernelAttributes,
  type KernelInputs,
  type WindowSizes,
} from '@digitlab/ops/backend'
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import { planProduct, type Plan } from './convolution-plan'
import type { CudaTensors } from './cuda-tensors'
import { fusedActivation, withBiasAndActivation } from './elementwise'
import { defineKernel, expectType, sizeOf, struct } from './kernel'
import { usesTensorCores } from './mat-mul'
import { beginningOf } from './strided'

/** What the contract leaves to tfjs's own kernels, which do not exist here. */
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
export interface Sizes {
  readonly batch: number
  readonly height: number
  readonly width: number
  readonly inputs: number
  readonly rows: number
  readonly columns: number
  readonly outputs: number
  readonly kernel: readonly [height: number, width: number]
  readonly stride: readonly [height: number, width: number]
  readonly dilation: readonly [height: number, width: number]
  readonly padding: readonly [top: number, left: number]
  readonly groups: number
}

export const convolutionStruct = (of: Sizes): ArrayBuffer =>
  struct(
    ...[of.batch, of.height, of.width, of.inputs, of.rows, of.columns, of.outputs],
    ...[...of.kernel, ...of.stride, ...of.dilation, ...of.padding, of.groups],
  )

/** Of a convolution of tfjs's. */
const sizesOf = (info: WindowSizes): Sizes => ({
  ...{ batch: info.batchSize, height: info.inHeight, width: info.inWidth, inputs: info.inChannels },
  ...{ rows: info.outHeight, columns: info.outWidth, outputs: info.outChannels, groups: 1 },
  kernel: [info.filterHeight, info.filterWidth],
  stride: [info.strideHeight, info.strideWidth],
  dilation: [info.dilationHeight, info.dilationWidth],
  padding: [info.padInfo.top, info.padInfo.left],
})

/** Of a convolution of ours. */
const undilated = (sizes: ConvolutionSizes): Sizes => ({ ...sizes, dilation: [1, 1] })

/** The products that a convolution and its gradients are. */
const convolutionPlans = {
  output: ({ batch, rows, columns, inputs, outputs, kernel, groups }: Sizes): Plan =>
    planProduct(
      {
        ...{ rows: batch * rows * columns, columns: outputs / groups, groups },
        steps: (kernel[0] * kernel[1] * inputs) / groups,
      },
      'pixels',
    ),
  filterGradient: ({ batch, rows, columns, inputs, outputs, kernel, groups }: Sizes): Plan =>
    planProduct(
      {
        ...{ rows: (kernel[0] * kernel[1] * inputs) / groups, columns: outputs / groups, groups },
        steps: batch * rows * columns,
      },
      'taps',
    ),
  inputGradient: ({ batch, height, width, inputs, outputs, kernel, groups }: Sizes): Plan =>
    planProduct(
      {
        ...{ rows: batch * height * width, columns: inputs / groups, groups },
        steps: (kernel[0] * kernel[1] * outputs) / groups,
      },
      'pixels',
    ),
}

/** What parts of a product add up to: the first of its values, a bias for each output of them, the rest. */
interface Sum {
  readonly first: TensorInfo
  readonly rest?: TensorInfo | undefined
  readonly bias?: TensorInfo | undefined
}

/**
 * Launches a product on what it adds up to, or on parts that are added up then.
 *
 * @param launch takes the addresses of the first values and of the rest, and of the bias if it should be added already
 */
const inParts = (
  tensors: CudaTensors,
  { parts }: Plan,
  { first, rest, bias }: Sum,
  outputs: number,
  launch: (first: number, rest: number, bias: number) => void,
): void => {
  const address = (tensor: TensorInfo | undefined) => (tensor ? tensors.address(tensor) : 0)
  if (parts === 1) return launch(address(first), address(rest), address(bias))
  const size = sizeOf(first) + (rest ? sizeOf(rest) : 0)
  const partials = tensors.output([parts, size], 'float32')
  launch(address(partials), rest ? address(partials) + 4 * sizeOf(first) : 0, 0)
  const few = parts <= mostOfFew
  tensors.device.launch({
    kernel: few ? 'convolutionSumFew' : 'convolutionSum',
    blocks: [Math.ceil(size / (few ? 256 : sumColumns))],
    threads: 256,
    arguments: [...[partials, bias, first, rest].map(address), parts, size, sizeOf(first), outputs],
  })
  tensors.disposeData(partials.dataId)
}

/** Values that a block of `convolutionSum` adds up. */
const sumColumns = 8
/** Up to so many parts are added by one thread for each value. */
const mostOfFew = 8

const threads = 128

/** @param exactly in float32, whatever the backend's precision */
const kernelOf = (tensors: CudaTensors, product: string, { tile }: Plan, exactly: boolean): string =>
  `${product}${tile}${usesTensorCores(tensors) && !exactly ? 'Tensor' : ''}`

/** y [batch, rows, columns, outputs], with the bias [outputs] where there is one. */
export const forward = (
  tensors: CudaTensors,
  { x, filter, bias }: { readonly x: TensorInfo; readonly filter: TensorInfo; readonly bias?: TensorInfo | undefined },
  sizes: Sizes,
  exactly = false,
): TensorInfo => {
  const y = tensors.output([sizes.batch, sizes.rows, sizes.columns, sizes.outputs], 'float32')
  const plan = convolutionPlans.output(sizes)
  inParts(tensors, plan, { first: y, bias }, sizes.outputs, (to, _, added) =>
    tensors.device.launch({
      kernel: kernelOf(tensors, 'convolution', plan, exactly),
      ...{ blocks: [plan.blocks], threads },
      arguments: [
        ...[tensors.address(x), tensors.address(filter), added, to],
        ...[convolutionStruct(sizes), struct(...plan.division)],
      ],
    }),
  )
  return y
}

/** dFilter, and dBias where it is given. */
export const filterGradient = (
  tensors: CudaTensors,
  { x, dy }: { readonly x: TensorInfo; readonly dy: TensorInfo },
  { dFilter, dBias }: { readonly dFilter: TensorInfo; readonly dBias?: TensorInfo },
  sizes: Sizes,
  exactly = false,
): void => {
  const plan = convolutionPlans.filterGradient(sizes)
  inParts(tensors, plan, { first: dFilter, rest: dBias }, sizes.outputs, (filter, bias) =>
    tensors.device.launch({
      kernel: kernelOf(tensors, 'convolutionFilterGrad', plan, exactly),
      ...{ blocks: [plan.blocks], threads },
      arguments: [
        ...[tensors.address(x), tensors.address(dy), filter, bias],
        ...[convolutionStruct(sizes), struct(...plan.division)],
      ],
    }),
  )
}

/** dx [batch, height, width, inputs]. */
export const inputGradient = (
  tensors: CudaTensors,
  { dy, filter }: { readonly dy: TensorInfo; readonly filter: TensorInfo },
  sizes: Sizes,
  exactly = false,
): TensorInfo => {
  const dx = tensors.output([sizes.batch, sizes.height, sizes.width, sizes.inputs], 'float32')
  const plan = convolutionPlans.inputGradient(sizes)
  inParts(tensors, plan, { first: dx }, sizes.outputs, (to) =>
    tensors.device.launch({
      kernel: kernelOf(tensors, 'convolutionInputGrad', plan, exactly),
      ...{ blocks: [plan.blocks], threads },
      arguments: [
        ...[tensors.address(dy), tensors.address(filter), to],
        ...[convolutionStruct(sizes), struct(...plan.division)],
      ],
    }),
  )
  return dx
}

/** Kernels: `cuda/convolution.cu`; contract: `convolution` of @digitlab/ops. */
export const convolution = defineKernel('DigitlabConvolution', (tensors, inputs, _, sizes) => ({
  y: forward(tensors, inputs, undilated(sizes)),
}))

/** Kernels: the same; contract: `convolutionGrad` of @digitlab/ops. */
export const convolutionGrad = defineKernel(
  'DigitlabConvolutionGrad',
  (tensors, { dy, x, filter }, { needsInputGradient }, contract) => {
    const sizes = undilated(contract)
    const dFilter = tensors.output(filter.shape, 'float32')
    const dBias = tensors.output([sizes.outputs], 'float32')
    filterGradient(tensors, { x, dy }, { dFilter, dBias }, sizes)
    return { dFilter, dBias, dx: needsInputGradient ? inputGradient(tensors, { dy, filter }, sizes) : undefined }
  },
)

/** tfjs's `Conv2D`. */
export const conv2d = defineKernel(
  'Conv2D',
  (tensors, { x, filter }, _, info) => ({ y: forward(tensors, { x, filter }, sizesOf(info)) }),
  (_, { x, filter }, attributes) => refused('Conv2D', [x, filter], attributes),
)

/** tfjs's `FusedConv2D`. */
export const fusedConv2d = defineKernel(
  'FusedConv2D',
  (tensors, { x, filter, bias, preluActivationWeights }, { activation, leakyreluAlpha }, info) => {
    const finish = fusedActivation(activation, preluActivationWeights, leakyreluAlpha)
    // A bias of each output goes along; others are broadcast as tfjs has it.
    const own = bias?.dtype === 'float32' && util.arraysEqual(bias.shape, [info.outChannels])
    const y = forward(tensors, { x, filter, bias: own ? bias : undefined }, sizesOf(info))
    return { y: withBiasAndActivation(tensors, y, own ? undefined : bias, finish) }
  },
  (_, { x, filter }, attributes) => refused('FusedConv2D', [x, filter], attributes),
)

const filterGradientOf = (
  tensors: CudaTensors,
  inputs: KernelInputs<'Conv2DBackpropFilter'>,
  { filterShape }: KernelAttributes<'Conv2DBackpropFilter'>,
  info: WindowSizes,
) => {
  const dFilter = tensors.output(filterShape, 'float32')
  filterGradient(tensors, inputs, { dFilter }, sizesOf(info))
  return { dFilter }
}

/** tfjs's `Conv2DBackpropFilter`. */
export const conv2dBackpropFilter = defineKernel(
  'Conv2DBackpropFilter',
  filterGradientOf,
  (tensors, { x, dy }, attributes) => {
    const name = 'Conv2DBackpropFilter'
    const info = convolutionSizes(name, x.shape, attributes.filterShape, attributes)
    if (!info || x.dtype !== 'float32' || dy.dtype !== 'float32') return refused(name, [x, dy], attributes)
    const taken = beginningOf(tensors, dy, info.outShape)
    const made = filterGradientOf(tensors, { x, dy: taken }, attributes, info)
    tensors.disposeData(taken.dataId)
    return made
  },
)

/** tfjs's `Conv2DBackpropInput`. */
export const conv2dBackpropInput = defineKernel(
  'Conv2DBackpropInput',
  (tensors, inputs, _, info) => ({ dx: inputGradient(tensors, inputs, sizesOf(info)) }),
  (tensors, { dy, filter }, attributes) => {
    const name = 'Conv2DBackpropInput'
    const info = convolutionSizes(name, attributes.inputShape, filter.shape, attributes)
    if (!info || dy.dtype !== 'float32' || filter.dtype !== 'float32') return refused(name, [dy, filter], attributes)
    const taken = beginningOf(tensors, dy, info.outShape)
    const dx = inputGradient(tensors, { dy: taken, filter }, sizesOf(info))
    tensors.disposeData(taken.dataId)
    return { dx }
  },
)
