import type { ConvolutionSizes, WindowSizes } from '@digitlab/ops/backend'
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import { columnPartials } from './column-sums'
import type { Instance } from './instance'
import { defineKernel } from './kernel'
import { finished, finishes } from './mat-mul'

/** What `assembly/convolution.ts` computes, by number. */
const what = { output: 0, filterGradient: 1, inputGradient: 2 } as const

interface Convolved {
  readonly x: TensorInfo
  readonly filter: TensorInfo
  readonly y: TensorInfo
}

/** Computes one of the three from the other two. */
const compute = (
  { address, kernels, scratch, took, clear }: Instance,
  kind: keyof typeof what,
  info: WindowSizes,
  { x, filter, y }: Convolved,
): void => {
  took(`convolution ${kind}`)
  const taps = info.filterHeight * info.filterWidth * info.inChannels
  // Of nothing the sum is zero.
  if (taps * util.sizeFromShape(info.outShape) === 0)
    return clear({ output: y, filterGradient: filter, inputGradient: x }[kind])
  if (kind === 'inputGradient') clear(x) // windows add to it
  kernels.convolution(
    ...[what[kind], address(x), address(filter), address(y)],
    ...[info.batchSize, info.inHeight, info.inWidth, info.inChannels],
    ...[info.outHeight, info.outWidth, info.outChannels, info.filterHeight, info.filterWidth],
    ...[info.strideHeight, info.strideWidth, info.dilationHeight, info.dilationWidth],
    ...[info.padInfo.top, info.padInfo.left, info.inChannels, info.outChannels],
    scratch(kernels.convolutionScratch(taps)),
  )
}

/** tfjs's `Conv2D`, NHWC. Kernel: `assembly/convolution.ts`. */
export const conv2d = defineKernel('Conv2D', (instance, { x, filter }, _, info) => {
  const y = instance.output(info.outShape, 'float32')
  compute(instance, 'output', info, { x, filter, y })
  return { y }
})

/** tfjs's `FusedConv2D`, NHWC, without activation or with ReLU. Kernel: `assembly/convolution.ts`. */
export const fusedConv2d = defineKernel('FusedConv2D', (instance, inputs, { activation }, info) => {
  if (!finishes(activation, inputs)) return undefined
  const { x, filter, bias } = inputs
  const y = instance.output(info.outShape, 'float32')
  compute(instance, 'output', info, { x, filter, y })
  const pixels = info.batchSize * info.outHeight * info.outWidth
  return { y: finished(instance, y, [pixels, info.outChannels], bias, activation === 'relu') }
})

/** tfjs's `Conv2DBackpropFilter`, NHWC, which tfjs-backend-wasm lacks. Kernel: `assembly/convolution.ts`. */
export const conv2dBackpropFilter = defineKernel(
  'Conv2DBackpropFilter',
  (instance, { x, dy }, { filterShape }, info) => {
    const dFilter = instance.output(filterShape, 'float32')
    compute(instance, 'filterGradient', info, { x, filter: dFilter, y: dy })
    return { dFilter }
  },
)

/** tfjs's `Conv2DBackpropInput`, NHWC. Kernel: `assembly/convolution.ts`. */
export const conv2dBackpropInput = defineKernel(
  'Conv2DBackpropInput',
  (instance, { dy, filter }, { inputShape }, info) => {
    const dx = instance.output(inputShape, 'float32')
    compute(instance, 'inputGradient', info, { x: dx, filter, y: dy })
    return { dx }
  },
)

/** One of the three of a convolution that has filters of its own for each channel, channel by channel. */
const computeDepthwise = (
  { address, kernels, scratch, took, clear }: Instance,
  kind: 'filterGradient' | 'inputGradient',
  info: WindowSizes,
  { x, filter, y }: Convolved,
): void => {
  took(`depthwise ${kind}`)
  const taps = info.filterHeight * info.filterWidth
  if (taps * info.inChannels * util.sizeFromShape(info.outShape) === 0)
    return clear({ filterGradient: filter, inputGradient: x }[kind])
  if (kind === 'inputGradient') clear(x) // windows add to it
  const room = scratch(kernels.convolutionScratch(taps))
  const made = info.outChannels / info.inChannels
  for (let channel = 0; channel < info.inChannels; channel++)
    kernels.convolution(
      ...[what[kind], address(x) + 4 * channel, address(filter) + 4 * channel * made, address(y) + 4 * channel * made],
      ...[info.batchSize, info.inHeight, info.inWidth, 1],
      ...[info.outHeight, info.outWidth, made, info.filterHeight, info.filterWidth],
      ...[info.strideHeight, info.strideWidth, info.dilationHeight, info.dilationWidth],
      ...[info.padInfo.top, info.padInfo.left, info.inChannels, info.outChannels, room],
    )
}

/** tfjs's `DepthwiseConv2dNativeBackpropFilter`, which tfjs-backend-wasm lacks. Kernel: `assembly/convolution.ts`. */
export const depthwiseBackpropFilter = defineKernel(
  'DepthwiseConv2dNativeBackpropFilter',
  (instance, { x, dy }, { filterShape }, info) => {
    const dFilter = instance.output(filterShape, 'float32')
    computeDepthwise(instance, 'filterGradient', info, { x, filter: dFilter, y: dy })
    return { dFilter }
  },
)

/** tfjs's `DepthwiseConv2dNativeBackpropInput`, which tfjs-backend-wasm lacks. Kernel: `assembly/convolution.ts`. */
export const depthwiseBackpropInput = defineKernel(
  'DepthwiseConv2dNativeBackpropInput',
  (instance, { dy, filter }, { inputShape }, info) => {
    const dx = instance.output(inputShape, 'float32')
    computeDepthwise(instance, 'inputGradient', info, { x: dx, filter, y: dy })
    return { dx }
  },
)

/** What `assembly/direct-convolution.ts` is told of a convolution. */
const directSizes = ({ height, width, inputs, rows, columns, outputs, kernel, stride, padding }: ConvolutionSizes) =>
  [height, width, inputs, rows, columns, outputs, ...kernel, ...stride, ...padding] as const

const directBytes = (
  { kernels }: Instance,
  { height, width, inputs, rows, columns, outputs, kernel, padding }: ConvolutionSizes,
): number =>
  kernels.directScratch(...[height, width, inputs, rows * columns, outputs, kernel[0] * kernel[1] * inputs, ...padding])

/** The convolution of y's gradient, with the filter turned, that gives x's: of stride 1, and no more padding than the filter has. */
const turned = (sizes: ConvolutionSizes): ConvolutionSizes | undefined => {
  const { kernel, stride, padding, rows, columns, height, width, inputs, outputs } = sizes
  const around = [kernel[0] - 1 - padding[0], kernel[1] - 1 - padding[1]] as const
  if (stride[0] * stride[1] !== 1 || around[0] < 0 || around[1] < 0) return undefined
  const exchanged = { inputs: outputs, outputs: inputs, height: rows, width: columns, rows: height, columns: width }
  return { ...sizes, ...exchanged, padding: around }
}

/** Whether no sum is over nothing, which is zero. */
const sums = ({ batch, rows, columns, inputs, outputs }: ConvolutionSizes): boolean =>
  batch * rows * columns * inputs * outputs > 0

/** x's gradient straight from y's, or by way of patches. */
const inputGradient = (instance: Instance, sizes: ConvolutionSizes, { x, filter, y }: Convolved): void => {
  const { address, kernels, scratch, share, took } = instance
  const back = sizes.groups === 1 && sums(sizes) ? turned(sizes) : undefined
  if (!back) return computeGroups(instance, 'inputGradient', sizes, { x, filter, y })
  took('convolution inputGradient direct')
  const { kernel, inputs, outputs, batch } = sizes
  const other = scratch(4 * kernel[0] * kernel[1] * inputs * outputs)
  kernels.turnFilter(address(filter), ...kernel, inputs, outputs, other)
  const split = { items: batch, room: directBytes(instance, back) }
  share('directConvolution', split, address(y), other, 0, address(x), ...directSizes(back))
}

/** Whether `assembly/single-convolution.ts` computes it. */
const isSingle = ({ inputs, outputs, stride, groups }: ConvolutionSizes): boolean =>
  groups === 1 && inputs === 1 && outputs >= 4 && stride[0] * stride[1] === 1

/** What is summed of a batch by itself, whatever the threads: a filter's gradient is the sum of so many. */
const mostShards = 16

/** The gradients of filter and bias of a convolution of a single input. */
const singleGradient = (
  { address, kernels, scratch, share, took }: Instance,
  { batch, height, width, rows, columns, outputs, kernel, padding }: ConvolutionSizes,
  { x, dy, dFilter, dBias }: Readonly<Record<'x' | 'dy' | 'dFilter' | 'dBias', TensorInfo>>,
): void => {
  took('convolution filterGradient single')
  const taps = kernel[0] * kernel[1]
  const shards = Math.min(batch, mostShards)
  const partial = scratch(kernels.singleShardsBytes(shards, taps, outputs))
  const room = kernels.singleFilterGradRoom(height, width, columns, outputs, taps, ...padding)
  const sizes = [batch, shards, height, width, rows, columns, outputs, ...kernel, ...padding] as const
  share('singleFilterGrad', { items: shards, room }, address(x), address(dy), partial, ...sizes)
  const split = { items: taps * outputs, grain: 64 }
  share('singleShardsSum', split, partial, address(dFilter), address(dBias), shards, taps, outputs)
}

/** Computes one of the three of a convolution of ours from the other two by way of patches, group by group. */
const computeGroups = (
  { address, kernels, scratch, took, clear }: Instance,
  kind: keyof typeof what,
  { batch, height, width, inputs, outputs, kernel, stride, padding, groups, rows, columns }: ConvolutionSizes,
  { x, filter, y }: Convolved,
): void => {
  took(`convolution ${kind}`)
  const [taken, made] = [inputs / groups, outputs / groups]
  const taps = kernel[0] * kernel[1] * taken
  if (taps * batch * rows * columns * outputs === 0)
    return clear({ output: y, filterGradient: filter, inputGradient: x }[kind])
  if (kind === 'inputGradient') clear(x) // windows add to it
  const room = scratch(kernels.convolutionScratch(taps))
  for (let group = 0; group < groups; group++)
    kernels.convolution(
      ...[what[kind], address(x) + 4 * group * taken, address(filter) + 4 * group * made],
      ...[address(y) + 4 * group * made, batch, height, width, taken, rows, columns, made, ...kernel, ...stride, 1, 1],
      ...[...padding, inputs, outputs, room],
    )
}

/** Kernels: `assembly/single-convolution.ts`, `direct-convolution.ts`, `convolution.ts`; contract: `convolution` of @digitlab/ops. */
export const convolution = defineKernel('DigitlabConvolution', (instance, { x, filter, bias }, _, sizes) => {
  const { address, kernels, output, share, took } = instance
  const { batch, height, width, rows, columns, outputs, kernel, padding, groups } = sizes
  const y = output([batch, rows, columns, outputs], 'float32')
  if (isSingle(sizes) && sums(sizes)) {
    took('convolution output single')
    const tensors = [address(x), address(filter), bias ? address(bias) : 0, address(y)] as const
    const room = kernels.singleConvolutionRoom(
      ...([height, width, rows, columns, outputs, kernel[0] * kernel[1], ...padding] as const),
    )
    const shapes = [height, width, rows, columns, outputs, ...kernel, ...padding] as const
    share('singleConvolution', { items: batch, room }, ...tensors, ...shapes)
    return { y }
  }
  if (groups === 1 && sums(sizes)) {
    took('convolution output direct')
    const tensors = [address(x), address(filter), bias ? address(bias) : 0, address(y)] as const
    const split = { items: batch, room: directBytes(instance, sizes) }
    share('directConvolution', split, ...tensors, ...directSizes(sizes))
    return { y }
  }
  computeGroups(instance, 'output', sizes, { x, filter, y })
  if (bias) kernels.addBias(address(y), batch * rows * columns, outputs, address(bias), 0)
  return { y }
})

/** Kernels: the same; contract: `convolutionGrad` of @digitlab/ops. */
export const convolutionGrad = defineKernel(
  'DigitlabConvolutionGrad',
  (instance, { dy, x, filter }, { needsInputGradient }, sizes) => {
    const { address, output, share, took } = instance
    const { batch, rows, columns, inputs, outputs, kernel, groups } = sizes
    const dFilter = output(filter.shape, 'float32')
    const dBias = output([outputs], 'float32')
    const dx = needsInputGradient ? output(x.shape, 'float32') : undefined
    if (dx) inputGradient(instance, sizes, { x: dx, filter, y: dy })
    if (isSingle(sizes) && sums(sizes)) {
      singleGradient(instance, sizes, { x, dy, dFilter, dBias })
      return { dFilter, dBias, dx }
    }
    if (groups === 1 && sums(sizes)) {
      took('convolution filterGradient direct')
      // Of four taps by eight filters each.
      const blocks = kernel[0] * Math.ceil((kernel[1] * inputs) / 4) * Math.ceil(outputs / 8)
      const tensors = [address(x), address(dy), address(dFilter)] as const
      const split = { items: blocks, room: directBytes(instance, sizes) }
      share('directFilterGrad', split, ...tensors, batch, ...directSizes(sizes))
    } else computeGroups(instance, 'filterGradient', sizes, { x, filter: dFilter, y: dy })
    const every = { x: dy, rows: batch * rows * columns, columns: outputs }
    const { address: partials, shards } = columnPartials(instance, 'plain', every)
    share('biasSums', { items: outputs, grain: 4 }, partials, shards, outputs, address(dBias))
    return { dFilter, dBias, dx }
  },
)
