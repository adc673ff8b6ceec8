// Loop bounds are the tensors' shapes and the padding around them: each `!` on an array is in range.
import { defineKernel } from './kernel'
import { asFloat64, integers, scratch } from './matrix-product'
import { padImage } from './pooled-convolution'

/**
 * y = maxPool2x2(relu(x * filter + bias)) and the winner of each window. The four candidates of a window are computed
 * together, two channels at a time, over the taps of their patches that are not zero at all four.
 * Check: `npx vitest run packages/backend-cpu`.
 */
export const convReluPool = defineKernel(
  'DigitlabConvReluPool',
  ({ values, output }, { x, filter, bias }, _, geometry) => {
    const { batch, height, width, inputs, outputs, kernelHeight, kernelWidth, padding, rows, columns } = geometry
    const taps = kernelHeight * kernelWidth * inputs
    const paddedWidth = (width + 2 * padding) * inputs
    const padded = scratch('conv padded', (height + 2 * padding) * paddedWidth).fill(0)
    // [outputs, taps]: each channel's taps one after another
    const taken = scratch('conv filter', outputs * taps)
    asFloat64(values(filter), 0, outputs, taps, true, taken)
    const patches = scratch('conv patches', 4 * taps)
    const lit = integers('conv lit', taps)
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
    return { y: output(shape, y), winners: output(shape, winners, 'int32') }
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
  const p = Math.fround(a + bias)
  const q = Math.fround(b + bias)
  const r = Math.fround(c + bias)
  const s = Math.fround(d + bias)
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
