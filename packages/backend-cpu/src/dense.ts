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
  const lit = litBy(inputs)
  for (let b = 0; b < batch; b++) {
    for (let o = 0; o < outputs; o++) sums[o] = bias[o]!
    const count = findLit(x, b * inputs, inputs, lit)
    let n = 0
    for (; n + 4 <= count; n += 4) {
      const [i0, i1, i2, i3] = [lit[n]!, lit[n + 1]!, lit[n + 2]!, lit[n + 3]!]
      const at = b * inputs
      const [x0, x1, x2, x3] = [x[at + i0]!, x[at + i1]!, x[at + i2]!, x[at + i3]!]
      const [w0, w1, w2, w3] = [i0 * outputs, i1 * outputs, i2 * outputs, i3 * outputs]
      for (let o = 0; o < outputs; o++)
        sums[o]! += x0 * w[w0 + o]! + x1 * w[w1 + o]! + x2 * w[w2 + o]! + x3 * w[w3 + o]!
    }
    for (; n < count; n++) {
      const i = lit[n]!
      const value = x[b * inputs + i]!
      for (let o = 0; o < outputs; o++) sums[o]! += value * w[i * outputs + o]!
    }
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
      output(weight.shape, Float32Array.from(dWeight)),
      output([outputs], Float32Array.from(dBias)),
    ]
    if (needsInputGradient) {
      const dx = new Float32Array(sizeOf(x))
      inputGradient(values(weight), dz, dx, batch, inputs, outputs)
      gradients.push(output(x.shape, dx))
    }
    return gradients
  },
)

const weightGradient = (
  x: Float32Array,
  dz: Float64Array,
  dWeight: Float64Array,
  batch: number,
  inputs: number,
  outputs: number,
): void => {
  const lit = litBy(inputs)
  for (let b = 0; b < batch; b++) {
    const count = findLit(x, b * inputs, inputs, lit)
    const from = b * outputs
    for (let n = 0; n < count; n++) {
      const i = lit[n]!
      const value = x[b * inputs + i]!
      const to = i * outputs
      for (let o = 0; o < outputs; o++) dWeight[to + o]! += value * dz[from + o]!
    }
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

let lit = new Int32Array(0)
const litBy = (inputs: number): Int32Array => {
  if (lit.length < inputs) lit = new Int32Array(inputs)
  return lit
}

/** The positions of what is not zero in a row; how many there are. */
const findLit = (x: Float32Array, from: number, inputs: number, found: Int32Array): number => {
  let count = 0
  for (let i = 0; i < inputs; i++) if (x[from + i] !== 0) found[count++] = i
  return count
}
