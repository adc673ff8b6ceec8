import {
  conv2d,
  engine,
  getBackend,
  pad,
  reverse,
  slice,
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
import { expectConvolution } from './contracts'
import { expectTensor } from './expect'
import { outputSize } from './geometry'

/** How a convolution moves over its input: PyTorch's stride and zero padding, the same in both directions. */
export interface ConvolutionOptions {
  readonly stride: number
  readonly padding: number
}

/**
 * y = x * filter + bias, a cross-correlation as in PyTorch and tfjs, made of stock operations.
 *
 * @param x [batch, height, width, in]
 * @param filter [kernel, kernel, in, out] (HWIO)
 * @param bias [out]
 * @returns [batch, outHeight, outWidth, out]
 */
export const convolution = (x: Tensor4D, filter: Tensor4D, bias: Tensor1D, options: ConvolutionOptions): Tensor4D => {
  expectConvolution(x.shape, filter, bias, options.stride, options.padding)
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
  const { stride, padding } = options
  expectConvolution(x.shape, filter, undefined, stride, padding)
  const [batch, height, width] = x.shape
  const [kernelHeight, kernelWidth, , outputs] = filter.shape
  const [rows, columns] = [
    outputSize(height, kernelHeight, stride, padding),
    outputSize(width, kernelWidth, stride, padding),
  ]
  expectTensor('the gradient of a convolution', dy, [batch, rows, columns, outputs])
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

/** tfjs's backends whose `MaxPoolGrad` takes the last of equal candidates: their shaders compare with `>=`. */
const takesLast = new Set(['webgl', 'webgpu'])

/**
 * The gradient of {@link maxPool} for its input x and its output y: dy goes to the first largest of each window in memory
 * order, as in PyTorch, on every backend.
 */
export const maxPoolGrad = (dy: Tensor4D, x: Tensor4D, y: Tensor4D, size: number): Tensor4D =>
  takesLast.has(getBackend()) ? maxPoolGradBackwards(dy, x, y, size) : stockMaxPoolGrad(dy, x, y, size)

const stockMaxPoolGrad = (dy: Tensor4D, x: Tensor4D, y: Tensor4D, size: number): Tensor4D =>
  engine().runKernel(
    'MaxPoolGrad',
    { dy, input: x, output: y },
    { filterSize: size, strides: size, pad: 0, dimRoundingMode: 'floor' },
  )

/** The last of a window that is read backwards is the first. */
const maxPoolGradBackwards = (dy: Tensor4D, x: Tensor4D, y: Tensor4D, size: number): Tensor4D =>
  tidy(() => {
    const [batch, height, width, channels] = x.shape
    const [, rows, columns] = y.shape
    const backwards = (tensor: Tensor4D) => reverse(tensor, [1, 2])
    const filled = slice(x, [0, 0, 0, 0], [batch, rows * size, columns * size, channels]) // what windows cover
    const dx = backwards(stockMaxPoolGrad(backwards(dy), backwards(filled), backwards(y), size))
    return pad(dx, [
      [0, 0],
      [0, height - rows * size],
      [0, width - columns * size],
      [0, 0],
    ]) // [batch, height, width, channels]
  })
