import type { WindowSizes } from '@digitlab/ops/backend'
import { util } from '@tensorflow/tfjs-core'
import { defineKernel } from './kernel'

const sizes = (info: WindowSizes) =>
  [
    ...[info.inHeight, info.inWidth, info.inChannels, info.outHeight, info.outWidth],
    ...[info.filterHeight, info.filterWidth, info.strideHeight, info.strideWidth, info.padInfo.top, info.padInfo.left],
  ] as const

/** A window that lies outside the image altogether is the stock kernel's affair. */
const within = ({ padInfo, filterHeight, filterWidth, inHeight, inWidth, outShape }: WindowSizes): boolean =>
  Math.max(padInfo.top, padInfo.bottom) < filterHeight &&
  Math.max(padInfo.left, padInfo.right) < filterWidth &&
  inHeight * inWidth * util.sizeFromShape(outShape) > 0

/** tfjs's `MaxPool`, NHWC. Kernel: `assembly/pool.ts`. */
export const maxPool = defineKernel('MaxPool', ({ address, output, share, took }, { x }, _, info) => {
  if (!within(info)) return undefined
  took('maxPool')
  const y = output(info.outShape, 'float32')
  share('maxPool', { items: info.batchSize }, address(x), address(y), ...sizes(info))
  return { y }
})

/** tfjs's `AvgPool`, NHWC. Kernel: `assembly/pool.ts`. */
export const avgPool = defineKernel('AvgPool', ({ address, output, share, took }, { x }, _, info) => {
  if (!within(info)) return undefined
  took('avgPool')
  const y = output(info.outShape, 'float32')
  share('averagePool', { items: info.batchSize }, address(x), address(y), ...sizes(info))
  return { y }
})

/** tfjs's `AvgPoolGrad`, NHWC, which tfjs-backend-wasm lacks. Kernel: `assembly/pool.ts`. */
export const avgPoolGrad = defineKernel(
  'AvgPoolGrad',
  ({ address, output, share, took }, { dy, input: x }, _, info) => {
    took('avgPoolGrad')
    const dx = output(x.shape, 'float32')
    share('averagePoolGrad', { items: info.batchSize }, address(dy), address(dx), ...sizes(info))
    return { dx }
  },
)
