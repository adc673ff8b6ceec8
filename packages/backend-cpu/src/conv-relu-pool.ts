// Loop bounds are the tensors' shapes and the padding around them: each `!` on an array is in range.
import type { TensorInfo } from '@tensorflow/tfjs-core'
import { defineKernel } from './kernel'
import { scratch } from './matrix-product'

interface Geometry {
  readonly height: number
  readonly width: number
  readonly inputs: number
  readonly outputs: number
  readonly kernelHeight: number
  readonly kernelWidth: number
  readonly padding: number
  /** of the pooled output */
  readonly rows: number
  readonly columns: number
}

const geometryOf = (x: TensorInfo, filter: TensorInfo, padding: number): Geometry => {
  const [, height = 0, width = 0, inputs = 0] = x.shape
  const [kernelHeight = 0, kernelWidth = 0, , outputs = 0] = filter.shape
  const rows = Math.floor((height + 2 * padding - kernelHeight + 1) / 2)
  const columns = Math.floor((width + 2 * padding - kernelWidth + 1) / 2)
  return { height, width, inputs, outputs, kernelHeight, kernelWidth, padding, rows, columns }
}

/** An image within its padding of zeros, [height + 2 padding, width + 2 padding, inputs], as float64. */
const padImage = (x: Float32Array, image: number, geometry: Geometry, padded: Float64Array): void => {
  const { height, width, inputs, padding } = geometry
  const line = width * inputs
  const stride = (width + 2 * padding) * inputs
  for (let row = 0; row < height; row++) {
    const from = (image * height + row) * line
    const to = (row + padding) * stride + padding * inputs
    for (let i = 0; i < line; i++) padded[to + i] = x[from + i]!
  }
}

/**
 * y = maxPool2x2(relu(x * filter + bias)) and the winner of each window. The four candidates of a window are computed
 * together, two channels at a time, over the taps of their patches that are not zero at all four.
 * Check: `npx vitest run packages/backend-cpu`.
 */
export const convReluPool = defineKernel(
  'DigitlabConvReluPool',
  ['x', 'filter', 'bias'],
  ({ values, output }, [x, filter, bias], { padding }: { padding: number }) => {
    const geometry = geometryOf(x, filter, padding)
    const { height, width, inputs, outputs, kernelHeight, kernelWidth, rows, columns } = geometry
    const batch = x.shape[0] ?? 0
    const taps = kernelHeight * kernelWidth * inputs
    const paddedWidth = (width + 2 * padding) * inputs
    const padded = scratch('conv padded', (height + 2 * padding) * paddedWidth).fill(0)
    // [outputs, taps]: each channel's taps one after another
    const taken = scratch('conv filter', outputs * taps)
    const filterValues = values<Float32Array>(filter)
    for (let o = 0; o < outputs; o++)
      for (let t = 0; t < taps; t++) taken[o * taps + t] = filterValues[t * outputs + o]!
    const patches = scratch('conv patches', 4 * taps)
    const lit = new Int32Array(taps)
    const biasValues = values<Float32Array>(bias)
    const shape = [batch, rows, columns, outputs]
    const y = new Float32Array(batch * rows * columns * outputs)
    const winners = new Int32Array(y.length)
    let at = 0
    for (let image = 0; image < batch; image++) {
      padImage(values(x), image, geometry, padded)
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) {
          const corner = 2 * row * paddedWidth + 2 * column * inputs
          const line = kernelWidth * inputs
          const count = gatherPatches(padded, corner, paddedWidth, kernelHeight, line, inputs, patches, lit)
          poolWindow(patches, lit, count, taken, biasValues, taps, outputs, y, winners, at)
          at += outputs
        }
    }
    return [output(shape, y), output(shape, winners, 'int32')]
  },
)

/**
 * The taps of a window's four positions that are not zero at all four: the values of the four in `patches`, one tap after
 * another, and which taps they are in `lit`. @returns how many
 */
const gatherPatches = (
  padded: Float64Array,
  corner: number,
  stride: number,
  kernelHeight: number,
  line: number,
  inputs: number,
  patches: Float64Array,
  lit: Int32Array,
): number => {
  let count = 0
  let tap = 0
  for (let kr = 0; kr < kernelHeight; kr++) {
    const upper = corner + kr * stride
    const lower = upper + stride
    for (let i = 0; i < line; i++, tap++) {
      const a = padded[upper + i]!
      const b = padded[upper + inputs + i]!
      const c = padded[lower + i]!
      const d = padded[lower + inputs + i]!
      if (a === 0 && b === 0 && c === 0 && d === 0) continue
      const to = 4 * count
      patches[to] = a
      patches[to + 1] = b
      patches[to + 2] = c
      patches[to + 3] = d
      lit[count++] = tap
    }
  }
  return count
}

const poolWindow = (
  patches: Float64Array,
  lit: Int32Array,
  count: number,
  filter: Float64Array,
  bias: Float32Array,
  taps: number,
  outputs: number,
  y: Float32Array,
  winners: Int32Array,
  at: number,
): void => {
  let o = 0
  for (; o + 2 <= outputs; o += 2) {
    let p0 = 0
    let p1 = 0
    let p2 = 0
    let p3 = 0
    let q0 = 0
    let q1 = 0
    let q2 = 0
    let q3 = 0
    const first = o * taps
    for (let n = 0, from = 0; n < count; n++, from += 4) {
      const tap = first + lit[n]!
      const f = filter[tap]!
      const g = filter[tap + taps]!
      const a = patches[from]!
      const b = patches[from + 1]!
      const c = patches[from + 2]!
      const d = patches[from + 3]!
      p0 += a * f
      p1 += b * f
      p2 += c * f
      p3 += d * f
      q0 += a * g
      q1 += b * g
      q2 += c * g
      q3 += d * g
    }
    choose(p0, p1, p2, p3, bias[o]!, y, winners, at + o)
    choose(q0, q1, q2, q3, bias[o + 1]!, y, winners, at + o + 1)
  }
  for (; o < outputs; o++) {
    let p0 = 0
    let p1 = 0
    let p2 = 0
    let p3 = 0
    for (let n = 0, from = 0; n < count; n++, from += 4) {
      const f = filter[o * taps + lit[n]!]!
      p0 += patches[from]! * f
      p1 += patches[from + 1]! * f
      p2 += patches[from + 2]! * f
      p3 += patches[from + 3]! * f
    }
    choose(p0, p1, p2, p3, bias[o]!, y, winners, at + o)
  }
}

/** The first largest of four sums; what is not above zero passes nothing, and NaN stays NaN. */
const choose = (
  a: number,
  b: number,
  c: number,
  d: number,
  bias: number,
  y: Float32Array,
  winners: Int32Array,
  at: number,
) => {
  // Rounded to float32 first: which one wins is then a matter of values that PyTorch has too.
  const [p, q, r, s] = [Math.fround(a + bias), Math.fround(b + bias), Math.fround(c + bias), Math.fround(d + bias)]
  let best = p
  let winner = 0
  if (q > best) {
    best = q
    winner = 1
  }
  if (r > best) {
    best = r
    winner = 2
  }
  if (s > best) {
    best = s
    winner = 3
  }
  y[at] = best > 0 ? best : best === best ? 0 : NaN
  winners[at] = best > 0 ? winner : -1
}

/**
 * The gradient: each winner adds dy times its patch to its channel's filter, and dy times the filter to its patch of dx.
 * A patch is `kernelHeight` runs of memory, so both are sums over runs.
 */
export const convReluPoolGrad = defineKernel(
  'DigitlabConvReluPoolGrad',
  ['dy', 'x', 'filter', 'winners'],
  (
    { values, output },
    [dy, x, filter, winners],
    { padding, needsInputGradient }: { padding: number; needsInputGradient: boolean },
  ) => {
    const geometry = geometryOf(x, filter, padding)
    const { height, width, inputs, outputs, kernelHeight, kernelWidth, rows, columns } = geometry
    const batch = x.shape[0] ?? 0
    const line = kernelWidth * inputs
    const taps = kernelHeight * line
    const stride = (width + 2 * padding) * inputs
    const paddedSize = (height + 2 * padding) * stride
    const padded = scratch('conv padded', paddedSize).fill(0)
    const dPadded = scratch('conv dx', paddedSize)
    const dFilter = scratch('conv df', outputs * taps).fill(0) // [outputs, taps]
    const dBias = scratch('conv db', outputs).fill(0)
    const taken = scratch('conv filter', outputs * taps) // [outputs, taps]
    const filterValues = values<Float32Array>(filter)
    for (let o = 0; o < outputs; o++)
      for (let t = 0; t < taps; t++) taken[o * taps + t] = filterValues[t * outputs + o]!
    const [dyValues, winnerValues] = [values<Float32Array>(dy), values<Int32Array>(winners)]
    const dx = new Float32Array(needsInputGradient ? batch * height * width * inputs : 0)
    let at = 0
    for (let image = 0; image < batch; image++) {
      padImage(values(x), image, geometry, padded)
      if (needsInputGradient) dPadded.fill(0)
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++)
          for (let o = 0; o < outputs; o++, at++) {
            const winner = winnerValues[at]!
            const g = dyValues[at]!
            if (winner < 0 || g === 0) continue
            dBias[o]! += g
            const corner = (2 * row + (winner >> 1)) * stride + (2 * column + (winner & 1)) * inputs
            addRuns(padded, corner, stride, dFilter, o * taps, kernelHeight, line, g)
            if (needsInputGradient) scatterRuns(taken, o * taps, dPadded, corner, stride, kernelHeight, line, g)
          }
      if (needsInputGradient) unpadImage(dPadded, image, geometry, dx)
    }
    const dFilterValues = new Float32Array(outputs * taps)
    for (let o = 0; o < outputs; o++)
      for (let t = 0; t < taps; t++) dFilterValues[t * outputs + o] = dFilter[o * taps + t]!
    const gradients = [output(filter.shape, dFilterValues), output([outputs], new Float32Array(dBias))]
    if (needsInputGradient) gradients.push(output(x.shape, dx))
    return gradients
  },
)

const addRuns = (
  from: Float64Array,
  corner: number,
  stride: number,
  to: Float64Array,
  start: number,
  runs: number,
  line: number,
  g: number,
) => {
  for (let run = 0, t = start; run < runs; run++)
    for (let i = corner + run * stride, end = i + line; i < end; i++, t++) to[t]! += g * from[i]!
}

const scatterRuns = (
  from: Float64Array,
  start: number,
  to: Float64Array,
  corner: number,
  stride: number,
  runs: number,
  line: number,
  g: number,
) => {
  for (let run = 0, t = start; run < runs; run++)
    for (let i = corner + run * stride, end = i + line; i < end; i++, t++) to[i]! += g * from[t]!
}

const unpadImage = (
  padded: Float64Array,
  image: number,
  { height, width, inputs, padding }: Geometry,
  target: Float32Array,
) => {
  const line = width * inputs
  const stride = (width + 2 * padding) * inputs
  for (let row = 0; row < height; row++) {
    const to = (image * height + row) * line
    const from = (row + padding) * stride + padding * inputs
    for (let i = 0; i < line; i++) target[to + i] = padded[from + i]!
  }
}
