import { BackendError } from '@digitlab/backends'
import { poolSizes, type PoolAttributes, type WindowSizes } from '@digitlab/ops/backend'
import { util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core'
import { typeNumber, type CudaTensors } from './cuda-tensors'
import { blocksFor, defineKernel, defineTfjsKernel, elementThreads, expectType, sizeOf, struct } from './kernel'
import { beginningOf } from './strided'

const infoOf = (name: string, x: TensorInfo, attributes: PoolAttributes, dy?: TensorInfo): WindowSizes => {
  const info = poolSizes(name, x.shape, attributes, dy?.shape)
  if (info) return info
  throw new BackendError('the cuda backend takes images as NHWC, not NCHW: transpose them, or use another backend')
}

/** The struct `Pool` of `cuda/pool.cu`. */
const sizes = (info: WindowSizes): ArrayBuffer =>
  struct(
    ...[info.batchSize, info.inHeight, info.inWidth, info.inChannels, info.outHeight, info.outWidth],
    ...[info.effectiveFilterHeight, info.effectiveFilterWidth, info.strideHeight, info.strideWidth],
    ...[info.dilationHeight, info.dilationWidth, info.padInfo.top, info.padInfo.left],
  )

/** @param types the types that the kernel is told of, or the one that it takes */
const pooling = (name: string, kernel: string, types: readonly DataType[]) =>
  defineTfjsKernel(name, ['x'], (tensors, [x], attributes: PoolAttributes) => {
    expectType(name, x, ...types)
    const info = infoOf(name, x, attributes)
    // As tfjs has it, whatever the padding.
    const whole = info.filterHeight === 1 && info.filterWidth === 1 && util.arraysEqual(info.inShape, info.outShape)
    if (whole) return tensors.alias(x, x.shape, x.dtype)
    const y = tensors.output(info.outShape, x.dtype)
    tensors.device.launch({
      kernel,
      blocks: blocksFor(sizeOf(y)),
      threads: elementThreads,
      arguments: [
        ...[tensors.address(x), tensors.address(y)],
        ...(types.length > 1 ? [typeNumber(x.dtype)] : []),
        sizes(info),
      ],
    })
    return y
  })

/** tfjs's `MaxPool`. */
export const maxPool = pooling('MaxPool', 'maxPool', ['float32', 'int32', 'bool'])

/** tfjs's `AvgPool`. */
export const avgPool = pooling('AvgPool', 'averagePool', ['float32'])

/** dx for dy, of which the beginning is taken where it is longer than the output. */
const gradient = (
  tensors: CudaTensors,
  name: string,
  { dy, x }: { readonly dy: TensorInfo; readonly x: TensorInfo },
  attributes: PoolAttributes,
  run: (dy: TensorInfo, dx: TensorInfo, info: WindowSizes) => void,
): TensorInfo => {
  for (const tensor of [dy, x]) expectType(name, tensor, 'float32')
  const info = infoOf(name, x, attributes, dy)
  const dx = tensors.output(x.shape, 'float32')
  const taken = beginningOf(tensors, dy, info.outShape)
  run(taken, dx, info)
  tensors.disposeData(taken.dataId)
  return dx
}

/** Whether windows lie side by side and cover the image. */
const apart = (info: WindowSizes): boolean =>
  info.dilationHeight * info.dilationWidth === 1 &&
  info.strideHeight === info.effectiveFilterHeight &&
  info.strideWidth === info.effectiveFilterWidth &&
  info.padInfo.top === 0 &&
  info.padInfo.left === 0 &&
  info.inHeight === info.outHeight * info.strideHeight &&
  info.inWidth === info.outWidth * info.strideWidth

const maxPoolGradient = (tensors: CudaTensors, dy: TensorInfo, x: TensorInfo, attributes: PoolAttributes) => ({
  dx: gradient(tensors, 'MaxPoolGrad', { dy, x }, attributes, (dy, dx, info) =>
    tensors.device.launch({
      kernel: apart(info) ? 'maxPoolGradApart' : 'maxPoolGrad',
      blocks: blocksFor(sizeOf(apart(info) ? dy : dx)),
      threads: elementThreads,
      arguments: [...[dy, x, dx].map((tensor) => tensors.address(tensor)), sizes(info)],
    }),
  ),
})

/** tfjs's `MaxPoolGrad`: dy goes to the first largest of each window. */
export const maxPoolGrad = defineKernel(
  'MaxPoolGrad',
  (tensors, { dy, input }, attributes) => maxPoolGradient(tensors, dy, input, attributes),
  (tensors, { dy, input }, attributes) => maxPoolGradient(tensors, dy, input, attributes),
)

/** tfjs's `AvgPoolGrad`. */
export const avgPoolGrad = defineTfjsKernel(
  'AvgPoolGrad',
  ['dy', 'input'],
  (tensors, [dy, x], attributes: PoolAttributes) =>
    gradient(tensors, 'AvgPoolGrad', { dy, x }, attributes, (dy, dx, info) =>
      tensors.device.launch({
        kernel: 'averagePoolGrad',
        blocks: blocksFor(sizeOf(dx)),
        threads: elementThreads,
        arguments: [...[dy, dx].map((tensor) => tensors.address(tensor)), sizes(info)],
      }),
    ),
)
