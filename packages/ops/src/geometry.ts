// The sizes of convolutions, poolings and matrix products, computed and checked once for every backend.
import { backend_util, broadcast_util, util, type TensorInfo } from '@tensorflow/tfjs-core'
import { expectShape, OpsError } from './expect'

type Shape4D = [number, number, number, number]
type Padding = Parameters<typeof backend_util.computeConv2DInfo>[4]

/** The attributes of tfjs's convolutions. */
export interface ConvolutionAttributes {
  readonly strides: [number, number] | number
  readonly pad: Padding
  readonly dataFormat: 'NHWC' | 'NCHW'
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
  readonly dilations?: [number, number] | number
}

/** The attributes of the gradients of tfjs's depthwise convolutions, which are NHWC. */
export type DepthwiseAttributes = Omit<ConvolutionAttributes, 'dataFormat'>

/** The attributes of tfjs's poolings. */
export interface PoolAttributes {
  readonly filterSize: [number, number] | number
  readonly strides: [number, number] | number
  readonly pad: Padding
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
  readonly dataFormat?: 'NHWC' | 'NCHW'
}

/** The sizes of a convolution or a pooling, as tfjs computes them. */
export type WindowSizes = backend_util.Conv2DInfo

/** One number for height and width, or both. */
export type Sides = number | readonly [height: number, width: number]

/** Height and width. */
export const bothSides = (sides: Sides): readonly [height: number, width: number] =>
  typeof sides === 'number' ? [sides, sides] : sides

/**
 * Padding as tfjs takes it. Never as one number: with that tfjs computes the width of the output of the filter's height and the vertical
 * stride.
 */
export const tfjsPadding = ([height, width]: readonly [number, number]): Padding =>
  height + width === 0
    ? 'valid'
    : [
        [0, 0],
        [height, height],
        [width, width],
        [0, 0],
      ]

/** Height or width after a convolution or a pooling: floor((size + 2 padding - kernel) / stride) + 1. */
export const outputSize = (size: number, kernel: number, stride: number, padding: number): number =>
  Math.floor((size + 2 * padding - kernel) / stride) + 1

const expectWindow = (what: string, info: WindowSizes): void => {
  const { strideHeight, strideWidth, dilationHeight, dilationWidth, filterHeight, filterWidth } = info
  const steps = [strideHeight, strideWidth, dilationHeight, dilationWidth, filterHeight, filterWidth]
  if (!steps.every((step) => Number.isInteger(step) && step > 0))
    throw new OpsError(
      `${what}: a window of ${filterHeight} x ${filterWidth}, strides ${strideHeight} and ${strideWidth} and dilations ${dilationHeight} and ${dilationWidth} must be whole numbers above 0`,
    )
  const { padInfo, outHeight, outWidth } = info
  const sizes = [padInfo.top, padInfo.left, outHeight, outWidth]
  if (!sizes.every((size) => Number.isInteger(size)) || outHeight < 0 || outWidth < 0)
    throw new OpsError(
      `${what}: with padding ${padInfo.top} and ${padInfo.left} the output has ${outHeight} x ${outWidth} positions; use "same", "valid" or whole numbers`,
    )
}

/**
 * The sizes of tfjs's convolution of x [batch, height, width, in] with a filter [height, width, in, out], NHWC.
 *
 * @param dy where there is one, the shape of a gradient of the output: it has the output's, or is longer in height or width, of which
 * tfjs reads the beginning
 * @returns undefined for NCHW
 * @throws OpsError if the shapes do not fit
 */
export const convolutionSizes = (
  name: string,
  x: readonly number[],
  filter: readonly number[],
  { strides, pad, dataFormat, dimRoundingMode, dilations = 1 }: ConvolutionAttributes,
  dy?: readonly number[],
): WindowSizes | undefined => {
  if (dataFormat === 'NCHW') return undefined
  expectShape(`the images of ${name}`, x, [-1, -1, -1, -1])
  expectShape(`the filter of ${name}`, filter, [-1, -1, x[3] ?? -1, -1])
  const info = backend_util.computeConv2DInfo(x as Shape4D, filter as Shape4D, strides, dilations, pad, dimRoundingMode)
  expectWindow(name, info)
  if (dy) expectCovered(name, dy, info)
  return info
}

/**
 * The sizes of tfjs's depthwise convolution of x [batch, height, width, channels] with a filter [height, width, channels, multiplier], whose
 * output has channels times multiplier of them; as {@link convolutionSizes}.
 */
export const depthwiseSizes = (
  name: string,
  x: readonly number[],
  filter: readonly number[],
  { strides, pad, dimRoundingMode, dilations = 1 }: DepthwiseAttributes,
  dy: readonly number[],
): WindowSizes => {
  expectShape(`the images of ${name}`, x, [-1, -1, -1, -1])
  expectShape(`the filter of ${name}`, filter, [-1, -1, x[3] ?? -1, -1])
  const info = backend_util.computeConv2DInfo(
    ...([x as Shape4D, filter as Shape4D, strides, dilations, pad, dimRoundingMode, true] as const),
  )
  expectWindow(name, info)
  expectCovered(name, dy, info)
  return info
}

/** The sizes of tfjs's pooling of x [batch, height, width, channels]; as {@link convolutionSizes}. */
export const poolSizes = (
  name: string,
  x: readonly number[],
  { filterSize, strides, pad, dimRoundingMode, dataFormat }: PoolAttributes,
  dy?: readonly number[],
): WindowSizes | undefined => {
  if (dataFormat === 'NCHW') return undefined
  expectShape(`the images of ${name}`, x, [-1, -1, -1, -1])
  const info = backend_util.computePool2DInfo(x as Shape4D, filterSize, strides, 1, pad, dimRoundingMode)
  expectWindow(name, info)
  if (dy) expectCovered(name, dy, info)
  return info
}

const expectCovered = (name: string, dy: readonly number[], { outShape }: WindowSizes): void => {
  const [batch, rows = 0, columns = 0, channels] = outShape
  const covered =
    dy.length === 4 && dy[0] === batch && dy[3] === channels && (dy[1] ?? 0) >= rows && (dy[2] ?? 0) >= columns
  if (!covered)
    throw new OpsError(
      `the gradient dy of ${name} must have the shape of its output, [${outShape.join(', ')}], not [${dy.join(', ')}]`,
    )
}

/** Which side of a matrix product is stored transposed. */
export interface Transposes {
  readonly transposeA: boolean
  readonly transposeB: boolean
}

/** The sizes of a product of two stacks of matrices. */
export interface MatMulSizes {
  readonly rows: number
  readonly inner: number
  readonly columns: number
  /** Of the stacks of a and b, and of the product: broadcast against each other. */
  readonly stackOfA: readonly number[]
  readonly stackOfB: readonly number[]
  readonly stack: readonly number[]
}

/**
 * The sizes of tfjs's product of a [...stack, rows, inner] and b [...stack, inner, columns].
 *
 * @throws OpsError if the shapes do not fit
 */
export const matMulSizes = (a: TensorInfo, b: TensorInfo, { transposeA, transposeB }: Transposes): MatMulSizes => {
  if (a.shape.length < 2 || b.shape.length < 2)
    throw new OpsError(
      `matMul takes matrices or stacks of them, not [${a.shape.join(', ')}] and [${b.shape.join(', ')}]: reshape a vector to one row or column`,
    )
  const [rowsOfA = 0, columnsOfA = 0] = a.shape.slice(-2)
  const [rowsOfB = 0, columnsOfB = 0] = b.shape.slice(-2)
  const [rows, inner] = transposeA ? [columnsOfA, rowsOfA] : [rowsOfA, columnsOfA]
  const [innerOfB, columns] = transposeB ? [columnsOfB, rowsOfB] : [rowsOfB, columnsOfB]
  if (inner !== innerOfB)
    throw new OpsError(
      `matMul: the inner sizes ${inner} and ${innerOfB} of [${a.shape.join(', ')}]${transposeA ? ' transposed' : ''} and [${b.shape.join(', ')}]${transposeB ? ' transposed' : ''} must be the same`,
    )
  const [stackOfA, stackOfB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)]
  return { rows, inner, columns, stackOfA, stackOfB, stack: stackOf(stackOfA, stackOfB) }
}

const stackOf = (a: number[], b: number[]): number[] => broadcast_util.assertAndGetBroadcastShape(a, b)

/** Whether a bias is one value a column of the last axis: what fused kernels add by themselves. */
export const isRowOf = (bias: TensorInfo, columns: number): boolean =>
  bias.dtype === 'float32' && util.sizeFromShape(bias.shape) === columns && (bias.shape.at(-1) ?? 1) === columns
