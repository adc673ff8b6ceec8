// The operations once more, as plain loops over float64: what every backend is compared with. Written to be read, not
// to be fast. Loop bounds are the shapes: each `!` on an array is in range.

import type { ConvolutionMoves } from './contracts'
import type { PoolWindows } from './convolution'
import { bothSides, outputSize } from './geometry'

export { activate, activateGrad, activations64, erf } from './activation64'
export { batchNorm, batchNormGrad } from './batch-norm64'

/** A float64 array with its shape, in row-major order. */
export interface Array64 {
  readonly shape: readonly number[]
  readonly data: Float64Array
}

/** An array of a shape: of the data, which are copied, or of zeros. */
export const array64 = (shape: readonly number[], data?: ArrayLike<number>): Array64 => {
  const size = shape.reduce((product, side) => product * side, 1)
  return { shape, data: data ? Float64Array.from(data) : new Float64Array(size) }
}

const dims = (array: Array64) => array.shape as readonly [number, number, number, number]

/** x [batch, in] weight [in, out] + bias [out] -> [batch, out] */
export const dense = (x: Array64, weight: Array64, bias: Array64 | undefined): Array64 => {
  const [inputs, outputs] = dims(weight)
  const batch = x.data.length / inputs
  const y = array64([batch, outputs])
  for (let b = 0; b < batch; b++)
    for (let o = 0; o < outputs; o++) {
      let total = bias ? bias.data[o]! : 0
      for (let i = 0; i < inputs; i++) total += x.data[b * inputs + i]! * weight.data[i * outputs + o]!
      y.data[b * outputs + o] = total
    }
  return y
}

/** The gradient of {@link dense} for dy [batch, out]: dx [batch, in], dWeight [in, out], dBias [out]. */
export const denseGrad = (dy: Array64, x: Array64, weight: Array64) => {
  const [inputs, outputs] = dims(weight)
  const batch = x.data.length / inputs
  const gradients = { dx: array64(x.shape), dWeight: array64(weight.shape), dBias: array64([outputs]) }
  for (let b = 0; b < batch; b++)
    for (let o = 0; o < outputs; o++) {
      const g = dy.data[b * outputs + o]!
      gradients.dBias.data[o]! += g
      for (let i = 0; i < inputs; i++) {
        gradients.dWeight.data[i * outputs + o]! += x.data[b * inputs + i]! * g
        gradients.dx.data[b * inputs + i]! += weight.data[i * outputs + o]! * g
      }
    }
  return gradients
}

/**
 * Calls `visit` for every value of x that a place of the filter is laid over: with its flat index, and with those where the weights that
 * multiply it and the values of y that this adds to begin; there are `count` of each, side by side, one for each output of its group.
 */
const convolve = (
  x: readonly number[],
  filter: readonly number[],
  y: readonly number[],
  { stride, padding, groups = 1 }: ConvolutionMoves,
  visit: (xi: number, fi: number, yi: number, count: number) => void,
) => {
  const [batch, height, width, inputs] = x as [number, number, number, number]
  const [kernelHeight, kernelWidth, taken, outputs] = filter as [number, number, number, number]
  const [, outHeight, outWidth] = y as [number, number, number, number]
  const [[down, right], [top, left]] = [bothSides(stride), bothSides(padding)]
  const count = outputs / groups
  for (let b = 0; b < batch; b++)
    for (let r = 0; r < outHeight; r++)
      for (let c = 0; c < outWidth; c++)
        for (let kr = 0; kr < kernelHeight; kr++)
          for (let kc = 0; kc < kernelWidth; kc++) {
            const row = r * down + kr - top
            const column = c * right + kc - left
            if (row < 0 || row >= height || column < 0 || column >= width) continue
            const xi = ((b * height + row) * width + column) * inputs
            const fi = (kr * kernelWidth + kc) * taken * outputs
            const yi = ((b * outHeight + r) * outWidth + c) * outputs
            for (let g = 0; g < groups; g++)
              for (let i = 0; i < taken; i++)
                visit(xi + g * taken + i, fi + i * outputs + g * count, yi + g * count, count)
          }
}

/** x [batch, height, width, in] * filter [height, width, in / groups, out] + bias [out], NHWC. */
export const convolution = (
  x: Array64,
  filter: Array64,
  bias: Array64 | undefined,
  moves: ConvolutionMoves,
): Array64 => {
  const [batch, height, width] = dims(x)
  const [kernelHeight, kernelWidth, , outputs] = dims(filter)
  const [[down, right], [top, left]] = [bothSides(moves.stride), bothSides(moves.padding)]
  const y = array64([
    ...[batch, outputSize(height, kernelHeight, down, top), outputSize(width, kernelWidth, right, left), outputs],
  ])
  if (bias) for (let i = 0; i < y.data.length; i++) y.data[i] = bias.data[i % outputs]!
  const [from, weights, to] = [x.data, filter.data, y.data]
  convolve(x.shape, filter.shape, y.shape, moves, (xi, fi, yi, count) => {
    const value = from[xi]!
    for (let o = 0; o < count; o++) to[yi + o]! += value * weights[fi + o]!
  })
  return y
}

/** The gradient of {@link convolution} for dy in the shape of its output. */
export const convolutionGrad = (dy: Array64, x: Array64, filter: Array64, moves: ConvolutionMoves) => {
  const outputs = dims(filter)[3]
  const gradients = { dx: array64(x.shape), dFilter: array64(filter.shape), dBias: array64([outputs]) }
  for (let i = 0; i < dy.data.length; i++) gradients.dBias.data[i % outputs]! += dy.data[i]!
  const [from, weights, above] = [x.data, filter.data, dy.data]
  const [dx, dFilter] = [gradients.dx.data, gradients.dFilter.data]
  convolve(x.shape, filter.shape, dy.shape, moves, (xi, fi, yi, count) => {
    const value = from[xi]!
    for (let o = 0; o < count; o++) {
      dx[xi]! += weights[fi + o]! * above[yi + o]!
      dFilter[fi + o]! += value * above[yi + o]!
    }
  })
  return gradients
}

/** `f` of every value. */
export const map = (x: Array64, f: (value: number, index: number) => number): Array64 => ({
  shape: x.shape,
  data: x.data.map(f),
})

/** max(x, 0) */
export const relu = (x: Array64): Array64 =>
  array64(
    x.shape,
    x.data.map((value) => Math.max(value, 0)),
  )

/** dy where y > 0, else 0. */
export const reluGrad = (dy: Array64, y: Array64): Array64 =>
  array64(
    dy.shape,
    dy.data.map((value, i) => (y.data[i]! > 0 ? value : 0)),
  )

/** The shape that windows make of images, and what calls `visit` with the index of every value of each window and of the window. */
export const windows64 = (shape: readonly number[], { size, stride = size, padding = 0 }: PoolWindows) => {
  const [batch, height, width, channels] = shape as [number, number, number, number]
  const [[tall, wide], [down, right], [top, left]] = [bothSides(size), bothSides(stride), bothSides(padding)]
  const [rows, columns] = [outputSize(height, tall, down, top), outputSize(width, wide, right, left)]
  /** Calls with the index of every value of every window, and that of the window. */
  const visit = (each: (from: number, to: number) => void) => {
    for (let to = 0; to < batch * rows * columns * channels; to++) {
      const channel = to % channels
      const c = Math.floor(to / channels) % columns
      const r = Math.floor(to / channels / columns) % rows
      const b = Math.floor(to / channels / columns / rows)
      for (let row = r * down - top; row < r * down - top + tall; row++)
        for (let column = c * right - left; column < c * right - left + wide; column++)
          if (row >= 0 && row < height && column >= 0 && column < width)
            each(((b * height + row) * width + column) * channels + channel, to)
    }
  }
  return { shape: [batch, rows, columns, channels], visit, values: tall * wide }
}

/** The flat index into x of the first largest of each window. */
const winners = (x: Array64, windows: PoolWindows): { shape: readonly number[]; indices: Int32Array } => {
  const { shape, visit } = windows64(x.shape, windows)
  const indices = new Int32Array(shape.reduce((product, side) => product * side, 1)).fill(-1)
  visit((from, to) => {
    if (indices[to]! < 0 || x.data[from]! > x.data[indices[to]!]!) indices[to] = from
  })
  return { shape, indices }
}

/** The largest of each window of x [batch, height, width, channels]. */
export const maxPool = (x: Array64, windows: PoolWindows): Array64 => {
  const { shape, indices } = winners(x, windows)
  return array64(
    shape,
    Array.from(indices, (index) => x.data[index]!),
  )
}

/** dy at the winner of each window of x, 0 elsewhere. */
export const maxPoolGrad = (dy: Array64, x: Array64, windows: PoolWindows): Array64 => {
  const dx = array64(x.shape)
  winners(x, windows).indices.forEach((index, i) => (dx.data[index]! += dy.data[i]!))
  return dx
}

/** Loss (scale x the sum over the batch), count of right answers, and the loss's gradient for logits [batch, classes]. */
export const softmaxCrossEntropy = (logits: Array64, labels: ArrayLike<number>, scale: number, smoothing = 0) => {
  const [batch, classes] = dims(logits)
  const dLogits = array64(logits.shape)
  let [loss, correct] = [0, 0]
  for (let b = 0; b < batch; b++) {
    const row = logits.data.subarray(b * classes, (b + 1) * classes)
    const largest = row.reduce((best, value) => Math.max(best, value), -Infinity)
    const total = row.reduce((sum, value) => sum + Math.exp(value - largest), 0)
    const label = labels[b]!
    const mean = row.reduce((sum, value) => sum + value / classes, 0)
    loss += scale * (largest + Math.log(total) - (1 - smoothing) * row[label]! - smoothing * mean)
    if (row.indexOf(largest) === label) correct++
    row.forEach((value, c) => {
      const target = (c === label ? 1 - smoothing : 0) + smoothing / classes
      dLogits.data[b * classes + c] = scale * (Math.exp(value - largest) / total - target)
    })
  }
  return { loss, correct, dLogits }
}
