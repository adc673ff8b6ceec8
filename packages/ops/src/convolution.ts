import {
  conv2d,
  engine,
  relu,
  maxPool as stockMaxPool,
  add,
  sum,
  tidy,
  where,
  greater,
  zerosLike,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
} from '@tensorflow/tfjs-core'
import { expectShape, OpsError } from './kernels'

/** How a convolution moves over its input: PyTorch's stride and zero padding, the same in both directions. */
export interface ConvolutionOptions {
  readonly stride: number
  readonly padding: number
}

/** Height or width after a convolution or a pooling: floor((size + 2 padding - kernel) / stride) + 1. */
export const outputSize = (size: number, kernel: number, stride: number, padding: number): number =>
  Math.floor((size + 2 * padding - kernel) / stride) + 1

/**
 * y = x * filter + bias, a cross-correlation as in PyTorch and tfjs, made of stock operations.
 *
 * @param x [batch, height, width, in]
 * @param filter [kernel, kernel, in, out] (HWIO)
 * @param bias [out]
 * @returns [batch, outHeight, outWidth, out]
 */
export const convolution = (x: Tensor4D, filter: Tensor4D, bias: Tensor1D, options: ConvolutionOptions): Tensor4D => {
  checkConvolution(x, filter, bias, options)
  return tidy(() => add(conv2d(x, filter, options.stride, options.padding), bias))
}

/** The gradients of a convolution with respect to its inputs. */
export interface ConvolutionGradients {
  /** [batch, height, width, in]; undefined where it was not asked for. */
  readonly dx: Tensor4D | undefined
  readonly dFilter: Tensor4D // [kernel, kernel, in, out]
  readonly dBias: Tensor1D // [out]
}

/** The gradient of {@link convolution} for dy [batch, outHeight, outWidth, out], by the stock kernels. */
export const convolutionGrad = (
  dy: Tensor4D,
  x: Tensor4D,
  filter: Tensor4D,
  options: ConvolutionOptions,
  needsInputGradient: boolean,
): ConvolutionGradients => {
  const attributes = { strides: options.stride, pad: options.padding, dataFormat: 'NHWC', dimRoundingMode: 'floor' }
  const [dFilter, dBias, dx] = tidy(() => {
    const filterGradient: Tensor = engine().runKernel(
      'Conv2DBackpropFilter',
      { x, dy },
      { ...attributes, filterShape: filter.shape },
    )
    const gradients = [filterGradient, sum(dy, [0, 1, 2])]
    if (needsInputGradient) {
      const inputShape = x.shape
      gradients.push(engine().runKernel('Conv2DBackpropInput', { dy, filter }, { ...attributes, inputShape }))
    }
    return gradients
  })
  return { dx: dx as Tensor4D | undefined, dFilter: dFilter as Tensor4D, dBias: dBias as Tensor1D }
}

/** max(x, 0). */
export const rectify = (x: Tensor): Tensor => relu(x)

/** The gradient of {@link rectify}, given what it returned: dy where y > 0, else 0. */
export const rectifyGrad = (dy: Tensor, y: Tensor): Tensor => tidy(() => where(greater(y, 0), dy, zerosLike(dy)))

/** The largest of each size x size window, without padding or overlap; a rest that fills no window is left out. */
export const maxPool = (x: Tensor4D, size: number): Tensor4D => stockMaxPool(x, size, size, 0, 'floor')

/** The gradient of {@link maxPool} for its input x and its output y: dy goes to the first largest of each window. */
export const maxPoolGrad = (dy: Tensor4D, x: Tensor4D, y: Tensor4D, size: number): Tensor4D =>
  engine().runKernel(
    'MaxPoolGrad',
    { dy, input: x, output: y },
    { filterSize: size, strides: size, pad: 0, dimRoundingMode: 'floor' },
  )

export const checkConvolution = (
  x: Tensor4D,
  filter: Tensor4D,
  bias: Tensor1D,
  { stride, padding }: ConvolutionOptions,
) => {
  const [height, width, , outputs] = filter.shape
  expectShape('the filter of a convolution', filter.shape, [-1, -1, x.shape[3], -1])
  expectShape('the bias of a convolution', bias.shape, [outputs])
  const out = [outputSize(x.shape[1], height, stride, padding), outputSize(x.shape[2], width, stride, padding)]
  if (out.some((size) => size < 1))
    throw new OpsError(
      `a ${height} x ${width} filter does not fit an image of ${x.shape[1]} x ${x.shape[2]} with padding ${padding}`,
    )
}
