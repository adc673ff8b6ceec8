// Every index is within the sizes that the caller passes: each `!` is in range.

/**
 * c [rows, columns] += a [rows, depth] b [depth, columns], all in float64, rows of a one after another, rows of b
 * `stride` apart. Four rows and two columns at a time stay in registers; sums run over depth in order, so that the same
 * input gives the same bits.
 *
 * Float64 throughout: JavaScript computes in it, and an array of it saves a conversion at every load.
 */
export const addProduct = (
  a: Float64Array,
  b: Float64Array,
  c: Float64Array,
  rows: number,
  depth: number,
  columns: number,
): void => {
  let row = 0
  for (; row + 4 <= rows; row += 4) {
    const a0 = row * depth
    const a1 = a0 + depth
    const a2 = a1 + depth
    const a3 = a2 + depth
    const c0 = row * columns
    let column = 0
    for (; column + 2 <= columns; column += 2) {
      let s00 = 0
      let s01 = 0
      let s10 = 0
      let s11 = 0
      let s20 = 0
      let s21 = 0
      let s30 = 0
      let s31 = 0
      for (let k = 0, at = column; k < depth; k++, at += columns) {
        const b0 = b[at]!
        const b1 = b[at + 1]!
        const x0 = a[a0 + k]!
        const x1 = a[a1 + k]!
        const x2 = a[a2 + k]!
        const x3 = a[a3 + k]!
        s00 += x0 * b0
        s01 += x0 * b1
        s10 += x1 * b0
        s11 += x1 * b1
        s20 += x2 * b0
        s21 += x2 * b1
        s30 += x3 * b0
        s31 += x3 * b1
      }
      let to = c0 + column
      c[to]! += s00
      c[to + 1]! += s01
      to += columns
      c[to]! += s10
      c[to + 1]! += s11
      to += columns
      c[to]! += s20
      c[to + 1]! += s21
      to += columns
      c[to]! += s30
      c[to + 1]! += s31
    }
    for (; column < columns; column++)
      for (let r = row; r < row + 4; r++) c[r * columns + column]! += dot(a, b, r * depth, column, depth, columns)
  }
  for (; row < rows; row++)
    for (let column = 0; column < columns; column++)
      c[row * columns + column]! += dot(a, b, row * depth, column, depth, columns)
}

const dot = (
  a: Float64Array,
  b: Float64Array,
  from: number,
  column: number,
  depth: number,
  columns: number,
): number => {
  let sum = 0
  for (let k = 0; k < depth; k++) sum += a[from + k]! * b[k * columns + column]!
  return sum
}

/** A matrix [rows, columns] as float64; of its transpose [columns, rows] where `transposed`. `from` counts elements. */
export const asFloat64 = (
  source: ArrayLike<number>,
  from: number,
  rows: number,
  columns: number,
  transposed: boolean,
  target: Float64Array,
): void => {
  if (!transposed) for (let i = 0; i < rows * columns; i++) target[i] = source[from + i]!
  else
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        target[row * columns + column] = source[from + column * rows + row]!
}

/**
 * to[at + i] += the sum over n, 0 to count - 1, of factors[n] from[starts[n] + i], for i below `length`: eight at a time in
 * registers. (The dense layers have such a loop of their own: one for both, with a stride, was a tenth slower for each.)
 */
export const addScaledRuns = (
  from: Float64Array,
  starts: Int32Array,
  factors: Float64Array,
  count: number,
  to: Float64Array | Float32Array,
  at: number,
  length: number,
): void => {
  let i = 0
  for (; i + 8 <= length; i += 8) {
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
      const start = starts[n]! + i
      s0 += factor * from[start]!
      s1 += factor * from[start + 1]!
      s2 += factor * from[start + 2]!
      s3 += factor * from[start + 3]!
      s4 += factor * from[start + 4]!
      s5 += factor * from[start + 5]!
      s6 += factor * from[start + 6]!
      s7 += factor * from[start + 7]!
    }
    const base = at + i
    to[base]! += s0
    to[base + 1]! += s1
    to[base + 2]! += s2
    to[base + 3]! += s3
    to[base + 4]! += s4
    to[base + 5]! += s5
    to[base + 6]! += s6
    to[base + 7]! += s7
  }
  for (; i + 3 <= length; i += 3) {
    let s0 = 0
    let s1 = 0
    let s2 = 0
    for (let n = 0; n < count; n++) {
      const factor = factors[n]!
      const start = starts[n]! + i
      s0 += factor * from[start]!
      s1 += factor * from[start + 1]!
      s2 += factor * from[start + 2]!
    }
    to[at + i]! += s0
    to[at + i + 1]! += s1
    to[at + i + 2]! += s2
  }
  for (; i < length; i++) {
    let sum = 0
    for (let n = 0; n < count; n++) sum += factors[n]! * from[starts[n]! + i]!
    to[at + i]! += sum
  }
}

const held = new Map<string, Float64Array>()

/** Memory for a kernel's own use, kept between calls by name; its content is whatever the last call left. */
export const scratch = (name: string, size: number): Float64Array => {
  const before = held.get(name)
  if (before && before.length >= size) return before.subarray(0, size)
  const memory = new Float64Array(size)
  held.set(name, memory)
  return memory
}

const heldIntegers = new Map<string, Int32Array>()

/** As {@link scratch}, for integers. */
export const integers = (name: string, size: number): Int32Array => {
  const before = heldIntegers.get(name)
  if (before && before.length >= size) return before.subarray(0, size)
  const memory = new Int32Array(size)
  heldIntegers.set(name, memory)
  return memory
}
