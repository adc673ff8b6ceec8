import type { WindowSizes } from '@digitlab/ops/backend'
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
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
  kernels.convolution(
    ...[what[kind], address(x), address(filter), address(y)],
    ...[info.batchSize, info.inHeight, info.inWidth, info.inChannels],
    ...[info.outHeight, info.outWidth, info.outChannels, info.filterHeight, info.filterWidth],
    ...[info.strideHeight, info.strideWidth, info.dilationHeight, info.dilationWidth],
    ...[info.padInfo.top, info.padInfo.left, scratch(kernels.convolutionScratch(taps))],
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
