import {
  add,
  concat,
  conv2d,
  engine,
  getBackend,
  maxPool as stockMaxPool,
  pad,
  reverse,
  slice,
  split,
  sum,
  tidy,
  type GradConfig,
  type NamedAttrMap,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
} from '@tensorflow/tfjs-core'
import { kernelContracts, type ConvolutionMoves, type ConvolutionSizes, type KernelAttributes } from './contracts'
import { bothSides, tfjsPadding, outputSize, type Sides } from './geometry'
import { hasKernel, runKernel } from './kernels'

/** As many parts of the channels as there are groups. */
const parts = (x: Tensor4D, { groups }: ConvolutionSizes): Tensor4D[] => (groups === 1 ? [x] : split(x, groups, 3))

const together = (tensors: readonly Tensor4D[]): Tensor4D =>
  tensors.length === 1 ? (tensors[0] as Tensor4D) : concat([...tensors], 3)

/**
 * y = x * filter + bias, a cross-correlation as in PyTorch and tfjs. Of several groups, each takes its part of the channels and makes
 * its part of the outputs.
 *
 * Kernel `DigitlabConvolution`; the reference is made of stock operations.
 *
 * @param x [batch, height, width, in]
 * @param filter [kernelHeight, kernelWidth, in / groups, out] (HWIO)
 * @param bias [out], or none
 * @returns [batch, outHeight, outWidth, out]
 */
export const convolution = (
  x: Tensor4D,
  filter: Tensor4D,
  bias: Tensor1D | undefined,
  moves: ConvolutionMoves,
): Tensor4D => {
  const given = bias ? { x, filter, bias } : { x, filter }
  if (hasKernel('convolution')) return runKernel('convolution', given, moves, gradient).y as Tensor4D
  const sizes = kernelContracts.DigitlabConvolution.sizes(given, moves)
  return tidy(() => {
    const filters = parts(filter, sizes)
    const made = parts(x, sizes).map((part, i) =>
      conv2d(part, filters[i] as Tensor4D, [...sizes.stride] as [number, number], tfjsPadding(sizes.padding)),
    )
    return bias ? add(together(made), bias) : together(made)
  })
}

/** The gradients of a convolution with respect to its inputs. */
export interface ConvolutionGradients {
  /** [batch, height, width, in]; undefined if it was not asked for. */
  readonly dx: Tensor4D | undefined
  readonly dFilter: Tensor4D // [kernelHeight, kernelWidth, in / groups, out]
  readonly dBias: Tensor1D // [out]
}

/**
 * The gradient of {@link convolution} for dy [batch, outHeight, outWidth, out].
 *
 * Kernel `DigitlabConvolutionGrad`, whose output dx is there where it is asked for.
 */
export const convolutionGrad = (
  dy: Tensor4D,
  x: Tensor4D,
  filter: Tensor4D,
  moves: ConvolutionMoves,
  needsInputGradient: boolean,
): ConvolutionGradients => {
  const given = { dy, x, filter }
  if (hasKernel('convolutionGrad')) {
    const { dx, dFilter, dBias } = runKernel('convolutionGrad', given, { ...moves, needsInputGradient })
    return { dx: dx as Tensor4D | undefined, dFilter: dFilter as Tensor4D, dBias: dBias as Tensor1D }
  }
  const sizes = kernelContracts.DigitlabConvolutionGrad.sizes(given, { ...moves, needsInputGradient })
  const attributes = {
    ...{ strides: [...sizes.stride], pad: tfjsPadding(sizes.padding), dataFormat: 'NHWC' },
  }
  const [dFilter, dBias, dx] = tidy(() => {
    const [gradients, images, filters] = [parts(dy, sizes), parts(x, sizes), parts(filter, sizes)]
    const each = <T extends Tensor>(make: (dy: Tensor4D, x: Tensor4D, filter: Tensor4D) => T) =>
      gradients.map((part, i) => make(part, images[i] as Tensor4D, filters[i] as Tensor4D))
    const made: Tensor[] = [
      together(
        each((dy, x, { shape }) =>
          engine().runKernel<Tensor4D>('Conv2DBackpropFilter', { x, dy }, { ...attributes, filterShape: shape }),
        ),
      ),
      sum(dy, [0, 1, 2]),
    ]
    if (needsInputGradient)
      made.push(
        together(
          each((dy, { shape }, filter) =>
            engine().runKernel<Tensor4D>('Conv2DBackpropInput', { dy, filter }, { ...attributes, inputShape: shape }),
          ),
        ),
      )
    return made
  })
  return { dx: dx as Tensor4D | undefined, dFilter: dFilter as Tensor4D, dBias: dBias as Tensor1D }
}

/** For tfjs's autograd: a loss of one's own goes back through the kernel. */
const gradient: Omit<GradConfig, 'kernelName'> = {
  inputsToSave: ['x', 'filter'],
  gradFunc(dy, saved, attributes: NamedAttrMap) {
    const [x, filter] = saved as [Tensor4D, Tensor4D]
    const moves = attributes as unknown as KernelAttributes<'DigitlabConvolution'>
    const { dx, dFilter, dBias } = convolutionGrad(dy as Tensor4D, x, filter, moves, true)
    return { x: () => dx as Tensor, filter: () => dFilter, bias: () => dBias }
  },
}

/** The windows of a pooling. */
export interface PoolWindows {
  readonly size: Sides
  /** How far apart they are: side by side by default. */
  readonly stride?: Sides | undefined
  /** What lies around the image and never is the largest; none by default. */
  readonly padding?: Sides | undefined
}

const sidesOf = ({ size, stride = size, padding = 0 }: PoolWindows) => ({
  size: [...bothSides(size)] as [number, number],
  stride: [...bothSides(stride)] as [number, number],
  padding: bothSides(padding),
})

/** The largest of each window; a rest that fills no window is left out. */
export const maxPool = (x: Tensor4D, windows: PoolWindows): Tensor4D => {
  const { size, stride, padding } = sidesOf(windows)
  return stockMaxPool(x, size, stride, tfjsPadding(padding))
}

/**
 * The mean of each window, without padding; a rest that fills no window is left out. By the kernel itself: tfjs's `avgPool` makes a copy
 * of what it gives.
 */
export const averagePool = (x: Tensor4D, windows: Omit<PoolWindows, 'padding'>): Tensor4D => {
  const { size, stride } = sidesOf(windows)
  const attributes = { filterSize: size, strides: stride, pad: 'valid' }
  return engine().runKernel('AvgPool', { x }, attributes)
}

/** The gradient of {@link averagePool}: each value of a window gets its share of dy [batch, outHeight, outWidth, channels]. */
export const averagePoolGrad = (dy: Tensor4D, x: Tensor4D, windows: Omit<PoolWindows, 'padding'>): Tensor4D => {
  const { size, stride } = sidesOf(windows)
  const attributes = { filterSize: size, strides: stride, pad: 'valid' }
  return engine().runKernel('AvgPoolGrad', { dy, input: x }, attributes)
}

/** tfjs's backends whose `MaxPoolGrad` takes the last of equal candidates: their shaders compare with `>=`. */
const takesLast = new Set(['webgl', 'webgpu'])

/**
 * The gradient of {@link maxPool} for its input x and its output y: dy goes to the first largest of each window in memory
 * order, as in PyTorch, on every backend.
 */
export const maxPoolGrad = (dy: Tensor4D, x: Tensor4D, y: Tensor4D, windows: PoolWindows): Tensor4D =>
  takesLast.has(getBackend())
    ? maxPoolGradBackwards(dy, x, y, windows)
    : stockMaxPoolGrad(dy, x, y, windows, tfjsPadding(sidesOf(windows).padding))

const stockMaxPoolGrad = (dy: Tensor4D, x: Tensor4D, y: Tensor4D, windows: PoolWindows, pad: unknown): Tensor4D => {
  const { size, stride } = sidesOf(windows)
  const attributes = { filterSize: size, strides: stride, pad } as unknown as NamedAttrMap
  return engine().runKernel('MaxPoolGrad', { dy, input: x, output: y }, attributes)
}

/** The last of a window that is read backwards is the first. */
const maxPoolGradBackwards = (dy: Tensor4D, x: Tensor4D, y: Tensor4D, windows: PoolWindows): Tensor4D =>
  tidy(() => {
    const { size, stride, padding } = sidesOf(windows)
    const [batch, height, width, channels] = x.shape
    /** What windows cover of a side, and what they need before and behind it. */
    const along = (length: number, axis: 0 | 1) => {
      const [side, step, before] = [size[axis], stride[axis], padding[axis]]
      const whole = (outputSize(length, side, step, before) - 1) * step + side
      const covered = Math.min(length, whole - before)
      return { covered, before, behind: whole - before - covered }
    }
    const [rows, columns] = [along(height, 0), along(width, 1)]
    const backwards = (tensor: Tensor4D) => reverse(tensor, [1, 2])
    const filled = slice(x, [0, 0, 0, 0], [batch, rows.covered, columns.covered, channels])
    const turnedPad = [
      [0, 0],
      [rows.behind, rows.before],
      [columns.behind, columns.before],
      [0, 0],
    ]
    const dx = backwards(stockMaxPoolGrad(backwards(dy), backwards(filled), backwards(y), windows, turnedPad))
    return pad(dx, [
      [0, 0],
      [0, height - rows.covered],
      [0, width - columns.covered],
      [0, 0],
    ]) // [batch, height, width, channels]
  })
