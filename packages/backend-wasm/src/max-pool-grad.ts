import { defineKernel } from './kernel'

/** tfjs's `MaxPoolGrad`, NHWC: the first largest of a window gets its gradient. Kernel: `assembly/max-pool-grad.ts`. */
export const maxPoolGrad = defineKernel(
  'MaxPoolGrad',
  ({ address, output, share, took }, { dy, input: x }, _, info) => {
    took('maxPoolGrad')
    const dx = output(x.shape, 'float32')
    share(
      ...(['maxPoolGrad', { items: info.batchSize }] as const),
      ...[address(dy), address(x), address(dx), info.inHeight, info.inWidth, info.inChannels],
      ...[info.outHeight, info.outWidth, info.filterHeight, info.filterWidth, info.strideHeight, info.strideWidth],
      ...[info.padInfo.top, info.padInfo.left],
    )
    return { dx }
  },
)
