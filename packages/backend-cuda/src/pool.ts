import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core'
import { blocksFor, defineKernel, elementThreads, sizeOf, struct } from './kernel'

interface PoolAttributes {
  readonly filterSize: [number, number] | number
  readonly strides: [number, number] | number
  readonly pad: Parameters<typeof backend_util.computePool2DInfo>[4]
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

const infoOf = (
  x: TensorInfo,
  { filterSize, strides, pad, dimRoundingMode }: PoolAttributes,
): backend_util.Conv2DInfo =>
  backend_util.computePool2DInfo(
    x.shape as [number, number, number, number],
    ...([filterSize, strides, 1, pad, dimRoundingMode] as const),
  )

/** The struct `Pool` of `cuda/pool.cu`. */
const sizes = (info: backend_util.Conv2DInfo): ArrayBuffer =>
  struct(
    ...[info.batchSize, info.inHeight, info.inWidth, info.inChannels, info.outHeight, info.outWidth],
    ...[info.effectiveFilterHeight, info.effectiveFilterWidth, info.strideHeight, info.strideWidth],
    ...[info.dilationHeight, info.dilationWidth, info.padInfo.top, info.padInfo.left],
  )

const pooling = (name: string, kernel: string) =>
  defineKernel(name, ['x'], (tensors, [x], attributes: PoolAttributes) => {
    const info = infoOf(x, attributes)
    const y = tensors.output(info.outShape, x.dtype)
    tensors.device.launch({
      kernel,
      blocks: blocksFor(sizeOf(y)),
      threads: elementThreads,
      arguments: [tensors.address(x), tensors.address(y), sizes(info)],
    })
    return y
  })

/** tfjs's `MaxPool`. */
export const maxPool = pooling('MaxPool', 'maxPool')

/** tfjs's `AvgPool`. */
export const avgPool = pooling('AvgPool', 'averagePool')

/** tfjs's `MaxPoolGrad`: dy goes to the first largest of each window. */
export const maxPoolGrad = defineKernel(
  'MaxPoolGrad',
  ['dy', 'input'],
  (tensors, [dy, x], attributes: PoolAttributes) => {
    const dx = tensors.output(x.shape, 'float32')
    tensors.device.launch({
      kernel: 'maxPoolGrad',
      blocks: blocksFor(sizeOf(dx)),
      threads: elementThreads,
      arguments: [...[dy, x, dx].map((tensor) => tensors.address(tensor)), sizes(infoOf(x, attributes))],
    })
    return dx
  },
)

/** tfjs's `AvgPoolGrad`. */
export const avgPoolGrad = defineKernel(
  'AvgPoolGrad',
  ['dy', 'input'],
  (tensors, [dy, x], attributes: PoolAttributes) => {
    const dx = tensors.output(x.shape, 'float32')
    tensors.device.launch({
      kernel: 'averagePoolGrad',
      blocks: blocksFor(sizeOf(dx)),
      threads: elementThreads,
      arguments: [...[dy, dx].map((tensor) => tensors.address(tensor)), sizes(infoOf(x, attributes))],
    })
    return dx
  },
)
