import { defineKernel } from './kernel'

/** tfjs's `MaxPoolGrad`, NHWC: the first largest of a window gets its gradient. Kernel: `assembly/max-pool-grad.ts`. */
export const maxPoolGrad = defineKernel(
  'MaxPoolGrad',
  ({ address, output, kernels, took }, { dy, input: x }, _, info) => {
    took('maxPoolGrad')
    const dx = output(x.shape, 'float32')
    kernels.maxPoolGrad(
      ...[address(dy), address(x), address(dx), info.batchSize, info.inHeight, info.inWidth, info.inChannels],
      ...[info.outHeight, info.outWidth, info.filterHeight, info.filterWidth, info.strideHeight, info.strideWidth],
      ...[info.padInfo.top, info.padInfo.left],
    )
    return { dx }
  },
)
