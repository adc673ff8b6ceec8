import { backend_util, util } from '@tensorflow/tfjs-core'
import { defineKernel } from './kernel'

interface PoolAttributes {
  readonly filterSize: [number, number] | number
  readonly strides: [number, number] | number
  readonly pad: Parameters<typeof backend_util.computePool2DInfo>[4]
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

/** tfjs's `MaxPoolGrad`, NHWC: the first largest of a window gets its gradient. Kernel: `assembly/max-pool-grad.ts`. */
export const maxPoolGrad = defineKernel(
  'MaxPoolGrad',
  ['dy', 'input'],
  ({ address, output, kernels, took }, [dy, x], attributes: PoolAttributes) => {
    if (x.dtype !== 'float32' || dy.dtype !== 'float32') return undefined
    const { filterSize, strides, pad, dimRoundingMode } = attributes
    const shape = x.shape as [number, number, number, number]
    const info = backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode)
    if (util.sizeFromShape(info.outShape) === 0) return undefined
    took('maxPoolGrad')
    const dx = output(x.shape, 'float32')
    kernels.maxPoolGrad(
      ...[address(dy), address(x), address(dx), info.batchSize, info.inHeight, info.inWidth, info.inChannels],
      ...[info.outHeight, info.outWidth, info.filterHeight, info.filterWidth, info.strideHeight, info.strideWidth],
      ...[info.padInfo.top, info.padInfo.left],
    )
    return dx
  },
)
