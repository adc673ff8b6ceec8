// Loop bounds are the tensors' shapes: each `!` on an array is in range.
import type { TensorInfo } from '@tensorflow/tfjs-core'
import { defineKernel, sizeOf } from './kernel'
import { scratch } from './matrix-product'

/**
 * y = activation(x W + b). Rows of W are added up for the inputs that are not zero: four of five pixels are.
 * Check: `npx vitest run packages/backend-cpu`.
 */
export const dense = defineKernel(
  'DigitlabDense',
  ['x', 'weight', 'bias'],
  ({ values, output }, [x, weight, bias], { activation }: { activation: 'identity' | 'relu' }) => {
    const [inputs = 0, outputs = 0] = weight.shape
    const batch = x.shape[0] ?? 0
    const y = new Float32Array(batch * outputs)
    const w = scratch('dense weight', inputs * outputs)
    w.set(values<Float32Array>(weight))
    forward(values(x), w, values(bias), y, batch, inputs, outputs, activation === 'relu')
    return output([batch, outputs], y)
  },
)

const forward = (
  x: Float32Array,
  w: Float64Array,
  bias: Float32Array,
  y: Float32Array,
  batch: number,
  inputs: number,
  outputs: number,
  rectified: boolean,
): void => {
  const sums = scratch('dense sums', outputs)
  const rows = litBy(inputs)
  const factors = scratch('dense factors', inputs)
  for (let b = 0; b < batch; b++) {
    for (let o = 0; o < outputs; o++) sums[o] = bias[o]!
    let count = 0
    for (let i = 0; i < inputs; i++) {
      const value = x[b * inputs + i]!
      if (value === 0) continue
      rows[count] = i * outputs
      factors[count++] = value
    }
    addRows(w, rows, factors, count, sums, 0, outputs)
    for (let o = 0; o < outputs; o++) {
      const sum = sums[o]!
      y[b * outputs + o] = rectified && !(sum > 0) && sum === sum ? 0 : sum
    }
  }
}

/** dx = dz W^T, dW = x^T dz, db = the sum of dz, where dz is dy with what ReLU stopped set to zero. */
export const denseGrad = defineKernel(
  'DigitlabDenseGrad',
  ['dy', 'x', 'weight', 'y'],
  (
    { values, output },
    [dy, x, weight, y],
    { activation, needsInputGradient }: { activation: 'identity' | 'relu'; needsInputGradient: boolean },
  ) => {
    const [inputs = 0, outputs = 0] = weight.shape
    const batch = x.shape[0] ?? 0
    const dz = scratch('dense dz', batch * outputs)
    const [dyValues, yValues] = [values<Float32Array>(dy), values<Float32Array>(y)]
    for (let i = 0; i < dz.length; i++) dz[i] = activation === 'relu' && !(yValues[i]! > 0) ? 0 : dyValues[i]!

    const dBias = scratch('dense db', outputs).fill(0)
    for (let i = 0; i < dz.length; i++) dBias[i % outputs]! += dz[i]!
    const dWeight = scratch('dense dw', inputs * outputs).fill(0)
    weightGradient(values(x), dz, dWeight, batch, inputs, outputs)
    const gradients: TensorInfo[] = [
      output(weight.shape, new Float32Array(dWeight)),
      output([outputs], new Float32Array(dBias)),
    ]
    if (needsInputGradient) {
      const dx = new Float32Array(sizeOf(x))
      inputGradient(values(weight), dz, dx, batch, inputs, outputs)
      gradients.push(output(x.shape, dx))
    }
    return gradients
  },
)

/** Input by input: over the images in which it is not zero. */
const weightGradient = (
  x: Float32Array,
  dz: Float64Array,
  dWeight: Float64Array,
  batch: number,
  inputs: number,
  outputs: number,
): void => {
  const rows = litBy(batch)
  const factors = scratch('dense factors', batch)
  for (let i = 0; i < inputs; i++) {
    let count = 0
    for (let b = 0; b < batch; b++) {
      const value = x[b * inputs + i]!
      if (value === 0) continue
      rows[count] = b * outputs
      factors[count++] = value
    }
    if (count > 0) addRows(dz, rows, factors, count, dWeight, i * outputs, outputs)
  }
}

/** to[o] += the sum over n of factors[n] x from[rows[n] + o], eight o at a time in registers: a cache line of float64. */
const addRows = (
  from: Float64Array,
  rows: Int32Array,
  factors: Float64Array,
  count: number,
  to: Float64Array,
  start: number,
  outputs: number,
): void => {
  let o = 0
  for (; o + 8 <= outputs; o += 8) {
    let s0 = 0
    let s1 = 0
    let s2 = 0
    let s3 = 0
    let s4 = 0
    let s5 = 0
    let s6 = 0
    let s7 = 0
    for (let n = 0; n < count; n++) {
      const factor = factors[n]!
      const at = rows[n]! + o
      s0 += factor * from[at]!
      s1 += factor * from[at + 1]!
      s2 += factor * from[at + 2]!
      s3 += factor * from[at + 3]!
      s4 += factor * from[at + 4]!
      s5 += factor * from[at + 5]!
      s6 += factor * from[at + 6]!
      s7 += factor * from[at + 7]!
    }
    const at = start + o
    to[at]! += s0
    to[at + 1]! += s1
    to[at + 2]! += s2
    to[at + 3]! += s3
    to[at + 4]! += s4
    to[at + 5]! += s5
    to[at + 6]! += s6
    to[at + 7]! += s7
  }
  for (; o + 2 <= outputs; o += 2) {
    let s0 = 0
    let s1 = 0
    for (let n = 0; n < count; n++) {
      const at = rows[n]! + o
      s0 += factors[n]! * from[at]!
      s1 += factors[n]! * from[at + 1]!
    }
    to[start + o]! += s0
    to[start + o + 1]! += s1
  }
  if (o < outputs) {
    let sum = 0
    for (let n = 0; n < count; n++) sum += factors[n]! * from[rows[n]! + o]!
    to[start + o]! += sum
  }
}

const inputGradient = (
  w: Float32Array,
  dz: Float64Array,
  dx: Float32Array,
  batch: number,
  inputs: number,
  outputs: number,
): void => {
  for (let b = 0; b < batch; b++)
    for (let i = 0; i < inputs; i++) {
      let sum = 0
      for (let o = 0; o < outputs; o++) sum += dz[b * outputs + o]! * w[i * outputs + o]!
      dx[b * inputs + i] = sum
    }
}

/** Room for the places of what is not zero, kept between calls. */
const litBy = (count: number): Int32Array => {
  if (lit.length < count) lit = new Int32Array(count)
  return lit
}
let lit = new Int32Array(0)
