// Loop bounds are the tensors' shapes: each `!` on an array is in range.
import { defineKernel } from './kernel'
import { integers, scratch } from './matrix-product'

/**
 * y = activation(x W + b). Rows of W are added up for the inputs that are not zero: four of five pixels are.
 * Check: `npx vitest run packages/backend-cpu`.
 */
export const dense = defineKernel(
  'DigitlabDense',
  ({ values, output }, { x, weight, bias }, { activation }, { batch, inputs, outputs }) => {
    const y = new Float32Array(batch * outputs)
    const w = scratch('dense weight', inputs * outputs)
    w.set(values<Float32Array>(weight))
    forward(
      values(x),
      w,
      bias ? values(bias) : new Float32Array(outputs),
      y,
      batch,
      inputs,
      outputs,
      activation === 'relu',
    )
    return { y: output([batch, outputs], y) }
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
  const { columns, factors, ends } = nonZeros(x, batch, inputs)
  for (let b = 0, from = 0; b < batch; b++) {
    for (let o = 0; o < outputs; o++) sums[o] = bias[o]!
    const end = ends[b]!
    addRows(w, columns, factors, from, end, sums, 0, outputs)
    from = end
    for (let o = 0; o < outputs; o++) {
      const sum = sums[o]!
      y[b * outputs + o] = rectified && !(sum > 0) && sum === sum ? 0 : sum
    }
  }
}

/** dx = dz W^T, dW = x^T dz, db = the sum of dz, where dz is dy with what ReLU stopped set to zero. */
export const denseGrad = defineKernel(
  'DigitlabDenseGrad',
  ({ values, output }, { dy, x, weight, y }, { activation, needsInputGradient }, { batch, inputs, outputs }) => {
    const dz = scratch('dense dz', batch * outputs)
    const [dyValues, yValues] = [values<Float32Array>(dy), values<Float32Array>(y)]
    for (let i = 0; i < dz.length; i++) dz[i] = activation === 'relu' && !(yValues[i]! > 0) ? 0 : dyValues[i]!

    const dBias = scratch('dense db', outputs).fill(0)
    for (let b = 0; b < batch; b++) for (let o = 0; o < outputs; o++) dBias[o]! += dz[b * outputs + o]!
    const dWeight = new Float32Array(inputs * outputs)
    weightGradient(values(x), dz, dWeight, batch, inputs, outputs)
    const dx = new Float32Array(needsInputGradient ? batch * inputs : 0)
    if (needsInputGradient) inputGradient(values(weight), dz, dx, batch, inputs, outputs)
    return {
      dWeight: output(weight.shape, dWeight),
      dBias: output([outputs], new Float32Array(dBias)),
      dx: needsInputGradient ? output(x.shape, dx) : undefined,
    }
  },
)

/** Input by input, over the images in which it is not zero: those are sorted by input first, by counting. */
const weightGradient = (
  x: Float32Array,
  dz: Float64Array,
  dWeight: Float32Array,
  batch: number,
  inputs: number,
  outputs: number,
): void => {
  const { columns, factors: byImage, ends: imageEnds } = nonZeros(x, batch, inputs)
  const count = imageEnds[batch - 1] ?? 0
  const ends = integers('dense ends', inputs + 1).fill(0)
  for (let n = 0; n < count; n++) ends[columns[n]! + 1]!++
  for (let i = 1; i <= inputs; i++) ends[i]! += ends[i - 1]!
  const images = integers('dense images', count)
  const factors = scratch('dense factors', count)
  // ends[i] is where input i begins; it moves on to where it ends.
  for (let b = 0, n = 0; b < batch; b++)
    for (const end = imageEnds[b]!; n < end; n++) {
      const place = ends[columns[n]!]!++
      images[place] = b
      factors[place] = byImage[n]!
    }
  for (let i = 0, from = 0; i < inputs; i++) {
    const end = ends[i]!
    if (end > from) addRows(dz, images, factors, from, end, dWeight, i * outputs, outputs)
    from = end
  }
}

/** What is not zero in x [batch, inputs], image by image. */
interface NonZeros {
  x: Float32Array | undefined
  readonly batch: number
  readonly inputs: number
  readonly columns: Int32Array
  readonly factors: Float64Array
  /** Where each image's end. */
  readonly ends: Int32Array
}

/** Those found last: the gradient of a layer asks for what its forward pass asked for. */
const found: NonZeros[] = []

/** For kernels that change values in place. */
export const forgetNonZeros = (x: Float32Array): void => {
  for (const held of found) if (held.x === x) held.x = undefined
}

const nonZeros = (x: Float32Array, batch: number, inputs: number): NonZeros => {
  const before = found.find((held) => held.x === x && held.batch === batch && held.inputs === inputs)
  if (before) return before
  const reused = found.length === 4 ? found.shift() : undefined
  const fits = reused !== undefined && reused.columns.length >= x.length && reused.ends.length >= batch
  const columns = fits ? reused.columns : new Int32Array(x.length)
  const factors = fits ? reused.factors : new Float64Array(x.length)
  const ends = fits ? reused.ends : new Int32Array(batch)
  // Two at a time: a pair of float32 zeros is a float64 zero (of either sign).
  const pairs =
    inputs % 2 === 0 && x.byteOffset % 8 === 0 ? new Float64Array(x.buffer, x.byteOffset, x.length / 2) : undefined
  let count = 0
  for (let b = 0; b < batch; b++) {
    const from = b * inputs
    for (let i = 0; i < inputs; i++) {
      if (pairs && i % 2 === 0 && pairs[(from + i) / 2] === 0) {
        i++
        continue
      }
      const value = x[from + i]!
      if (value === 0) continue
      columns[count] = i
      factors[count++] = value
    }
    ends[b] = count
  }
  const made = { x, batch, inputs, columns, factors, ends }
  found.push(made)
  return made
}

/** to[o] += the sum over n, first to end - 1, of factors[n] x from[rows[n], o], eight o at a time in registers: a cache line of float64. */
const addRows = (
  from: Float64Array,
  rows: Int32Array,
  factors: Float64Array,
  first: number,
  end: number,
  to: Float64Array | Float32Array,
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
    for (let n = first; n < end; n++) {
      const factor = factors[n]!
      const at = rows[n]! * outputs + o
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
    for (let n = first; n < end; n++) {
      const at = rows[n]! * outputs + o
      s0 += factors[n]! * from[at]!
      s1 += factors[n]! * from[at + 1]!
    }
    to[start + o]! += s0
    to[start + o + 1]! += s1
  }
  if (o < outputs) {
    let sum = 0
    for (let n = first; n < end; n++) sum += factors[n]! * from[rows[n]! * outputs + o]!
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
