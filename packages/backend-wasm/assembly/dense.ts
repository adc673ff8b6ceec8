// y = activation(x W + b), and its gradient: dz = dy where the activation passes it; dW = x^T dz, db = sum dz, dx = dz W^T.
//
// Two ways for x W and x^T dz, by the number of outputs:
// - narrow (a classifier's few classes): dot products, vectors along the inputs, of four rows of x by two columns of W,
//   transposed; for dW of sixteen columns of x by two of dz. Where all that is zero is skipped: listed first, then summed.
// - wide: each row of y is the sum of the rows of W whose x is not zero, vectors along the outputs; each row of dW the sum
//   of the rows of dz whose x is not zero. The rows to add are listed first.
// dx is four rows by eight columns at a time in both.
//
// Every kernel but the first three computes what is asked for of one result: rows of y or dx, rows of dW, columns of db. What they share
// (W transposed, rows of full blocks, dz) is made by the first three, each into a place of its own in scratch memory.
//
// Blocks are no larger because V8 before its version 12 moves all loads of a loop's body to its top: sums and loads
// together must fit the fifteen vector registers that it has on x64.
//
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.
import { sgdStep } from './optimizer-step'
import { clear, copy, fma, lanesSum, roundUp, splat } from './simd'

/** Rows of x are read in blocks of this many columns; others are copied into rows that are whole blocks. */
const BLOCK: usize = 16

/** Bytes of scratch memory that one range needs. */
export function denseRoom(batch: f64, inputs: f64, outputs: f64): f64 {
  const paddedIn = roundUp<f64>(inputs, <f64>BLOCK)
  const paddedOut = roundUp<f64>(outputs, 4)
  const lists = max<f64>(2 * paddedIn, 8 * (batch + 1)) * 4 + 32
  return lists + paddedOut * 4
}

/** Rows from .. to - 1 of W [inputs, outputs] into columns of [outputs, paddedIn]; with the last row, zeros behind the inputs. */
export function denseTranspose(
  weight: usize,
  inputs: usize,
  outputs: usize,
  to: usize,
  _room: usize,
  first: usize,
  end: usize,
): void {
  const rowBytes = roundUp<usize>(inputs, BLOCK) * 4
  const outBytes = outputs * 4
  weight += first * outBytes
  to += first * 4
  const bytes = (end - first) * 4
  const behind = end == inputs ? rowBytes - inputs * 4 : 0
  let o: usize = 0
  // Five rows side by side, so that W is read few times.
  for (; o + 5 <= outputs; o += 5) {
    let from = weight + o * 4
    for (let p = to + o * rowBytes, stop = p + bytes; p < stop; p += 4, from += outBytes) {
      store<f32>(p, load<f32>(from))
      store<f32>(p + rowBytes, load<f32>(from, 4))
      store<f32>(p + 2 * rowBytes, load<f32>(from, 8))
      store<f32>(p + 3 * rowBytes, load<f32>(from, 12))
      store<f32>(p + 4 * rowBytes, load<f32>(from, 16))
    }
  }
  for (; o < outputs; o++) {
    let from = weight + o * 4
    for (let p = to + o * rowBytes, stop = p + bytes; p < stop; p += 4, from += outBytes)
      store<f32>(p, load<f32>(from))
  }
  for (o = 0; o < outputs; o++) clear(to + o * rowBytes + bytes, behind)
}

/** Rows of `size` floats, each copied to the start of a row of `padded` floats, the rest zero. */
export function padRows(
  from: usize,
  size: usize,
  padded: usize,
  to: usize,
  _room: usize,
  first: usize,
  end: usize,
): void {
  for (let r = first; r < end; r++) {
    const row = to + r * padded * 4
    copy(row, from + r * size * 4, size * 4)
    clear(row + size * 4, (padded - size) * 4)
  }
}

@inline
function activated(sum: v128, bias: f32, relu: bool, y: usize): void {
  const z = lanesSum(sum) + bias
  store<f32>(y, relu && z <= 0 ? 0 : z)
}

/**
 * @param x [batch, paddedIn]
 * @param weights W transposed: [outputs, paddedIn]
 * @param from, to rows of y; `from` is a multiple of four
 */
export function denseNarrow(
  x: usize,
  weights: usize,
  bias: usize,
  y: usize,
  batch: usize,
  paddedIn: usize,
  outputs: usize,
  relu: bool,
  list: usize,
  from: usize,
  to: usize,
): void {
  const rowBytes = paddedIn * 4
  const outBytes = outputs * 4
  for (let b = from; b < to; b += 4) {
    // Of a last group that is not full the last row stands for the missing ones, and is not stored for them.
    const last = batch - 1 - b
    const x0 = x + b * rowBytes
    const x1 = x0 + (last < 1 ? last : 1) * rowBytes
    const x2 = x0 + (last < 2 ? last : 2) * rowBytes
    const x3 = x0 + (last < 3 ? last : 3) * rowBytes
    // The columns, four at a time, where one of the four rows is not zero.
    let end = list
    for (let at: usize = 0; at < rowBytes; at += 16) {
      const any = v128.or(
        v128.or(v128.load(x0 + at), v128.load(x1 + at)),
        v128.or(v128.load(x2 + at), v128.load(x3 + at)),
      )
      store<u32>(end, <u32>at)
      end += v128.any_true(any) ? 4 : 0
    }
    for (let o: usize = 0; o < outputs; o += 2) {
      const w0 = weights + o * rowBytes
      const w1 = o + 1 < outputs ? w0 + rowBytes : w0
      let s00 = f32x4.splat(0)
      let s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00
      for (let p = list; p < end; p += 4) {
        const at: usize = load<u32>(p)
        const left = v128.load(w0 + at)
        const right = v128.load(w1 + at)
        let v = v128.load(x0 + at)
        s00 = fma(v, left, s00)
        s01 = fma(v, right, s01)
        v = v128.load(x1 + at)
        s10 = fma(v, left, s10)
        s11 = fma(v, right, s11)
        v = v128.load(x2 + at)
        s20 = fma(v, left, s20)
        s21 = fma(v, right, s21)
        v = v128.load(x3 + at)
        s30 = fma(v, left, s30)
        s31 = fma(v, right, s31)
      }
      const z = y + b * outBytes + o * 4
      const b0 = load<f32>(bias + o * 4)
      activated(s00, b0, relu, z)
      if (last > 0) activated(s10, b0, relu, z + outBytes)
      if (last > 1) activated(s20, b0, relu, z + 2 * outBytes)
      if (last > 2) activated(s30, b0, relu, z + 3 * outBytes)
      if (o + 1 == outputs) continue
      const b1 = load<f32>(bias + o * 4, 4)
      activated(s01, b1, relu, z + 4)
      if (last > 0) activated(s11, b1, relu, z + outBytes + 4)
      if (last > 1) activated(s21, b1, relu, z + 2 * outBytes + 4)
      if (last > 2) activated(s31, b1, relu, z + 3 * outBytes + 4)
    }
  }
}

/**
 * to[0 .. 4 vectors) = the sum of value x rows[offset ..] over a list of (offset in bytes, value): seven, four or one
 * vector at a time, each pass over the whole list with its sums in registers. Not more than seven, because V8 before its
 * version 12 moves all loads of a loop's body to its top: seven sums, seven loads and x fit fifteen registers.
 *
 * @param step whether the sums times `rate` are added to what lies there
 */
function combineRows(
  list: usize,
  end: usize,
  rows: usize,
  to: usize,
  vectors: usize,
  step: bool = false,
  rate: f32 = 0,
): void {
  const by = f32x4.splat(rate)
  while (vectors >= 7) {
    let s0 = f32x4.splat(0)
    let s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0
    for (let p = list; p < end; p += 8) {
      const row = rows + load<u32>(p)
      const v = splat(p, 4)
      s0 = fma(v, v128.load(row), s0)
      s1 = fma(v, v128.load(row, 16), s1)
      s2 = fma(v, v128.load(row, 32), s2)
      s3 = fma(v, v128.load(row, 48), s3)
      s4 = fma(v, v128.load(row, 64), s4)
      s5 = fma(v, v128.load(row, 80), s5)
      s6 = fma(v, v128.load(row, 96), s6)
    }
    if (step) {
      s0 = fma(by, s0, v128.load(to))
      s1 = fma(by, s1, v128.load(to, 16))
      s2 = fma(by, s2, v128.load(to, 32))
      s3 = fma(by, s3, v128.load(to, 48))
      s4 = fma(by, s4, v128.load(to, 64))
      s5 = fma(by, s5, v128.load(to, 80))
      s6 = fma(by, s6, v128.load(to, 96))
    }
    v128.store(to, s0)
    v128.store(to, s1, 16)
    v128.store(to, s2, 32)
    v128.store(to, s3, 48)
    v128.store(to, s4, 64)
    v128.store(to, s5, 80)
    v128.store(to, s6, 96)
    to += 112
    rows += 112
    vectors -= 7
  }
  while (vectors >= 4) {
    let s0 = f32x4.splat(0)
    let s1 = s0, s2 = s0, s3 = s0
    for (let p = list; p < end; p += 8) {
      const row = rows + load<u32>(p)
      const v = splat(p, 4)
      s0 = fma(v, v128.load(row), s0)
      s1 = fma(v, v128.load(row, 16), s1)
      s2 = fma(v, v128.load(row, 32), s2)
      s3 = fma(v, v128.load(row, 48), s3)
    }
    if (step) {
      s0 = fma(by, s0, v128.load(to))
      s1 = fma(by, s1, v128.load(to, 16))
      s2 = fma(by, s2, v128.load(to, 32))
      s3 = fma(by, s3, v128.load(to, 48))
    }
    v128.store(to, s0)
    v128.store(to, s1, 16)
    v128.store(to, s2, 32)
    v128.store(to, s3, 48)
    to += 64
    rows += 64
    vectors -= 4
  }
  for (; vectors > 0; vectors--, to += 16, rows += 16) {
    let s = f32x4.splat(0)
    for (let p = list; p < end; p += 8) s = fma(splat(p, 4), v128.load(rows + load<u32>(p)), s)
    v128.store(to, step ? fma(by, s, v128.load(to)) : s)
  }
}

/** The same, five vectors at a time: faster for the long lists of an image, slower for the short ones of a pixel. */
function combineFives(list: usize, end: usize, rows: usize, to: usize, vectors: usize): void {
  for (; vectors > 0; vectors -= 5, to += 80, rows += 80) {
    let s0 = f32x4.splat(0)
    let s1 = s0, s2 = s0, s3 = s0, s4 = s0
    for (let p = list; p < end; p += 8) {
      const row = rows + load<u32>(p)
      const v = splat(p, 4)
      s0 = fma(v, v128.load(row), s0)
      s1 = fma(v, v128.load(row, 16), s1)
      s2 = fma(v, v128.load(row, 32), s2)
      s3 = fma(v, v128.load(row, 48), s3)
      s4 = fma(v, v128.load(row, 64), s4)
    }
    v128.store(to, s0)
    v128.store(to, s1, 16)
    v128.store(to, s2, 32)
    v128.store(to, s3, 48)
    v128.store(to, s4, 64)
  }
}

/** From how many entries on in an eighth of what there could be blocks are faster than lists: found by timing. */
const CROWDED: usize = 6

/**
 * Rows of y whose x has few zeros: four by eight columns at a time, each sum in the order that a list has.
 *
 * @param outputs a multiple of four, eight at least
 */
function denseBlocks(
  x: usize,
  weight: usize,
  bias: usize,
  y: usize,
  inputs: usize,
  outputs: usize,
  relu: bool,
  from: usize,
  to: usize,
): void {
  const rowBytes = inputs * 4
  const outBytes = outputs * 4
  for (let o: usize = 0; o < outputs; o += 8) {
    // The last eight are those at the end, some of them for the second time.
    const at = min<usize>(o, outputs - 8) * 4
    const leftBias = v128.load(bias + at)
    const rightBias = v128.load(bias + at, 16)
    for (let b = from; b < to; b += 4) {
      const last = to - 1 - b
      let x0 = x + b * rowBytes
      let x1 = x0 + min<usize>(last, 1) * rowBytes
      let x2 = x0 + min<usize>(last, 2) * rowBytes
      let x3 = x0 + min<usize>(last, 3) * rowBytes
      let s00 = f32x4.splat(0)
      let s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00
      let w = weight + at
      for (const end = x0 + rowBytes; x0 < end; x0 += 4, x1 += 4, x2 += 4, x3 += 4, w += outBytes) {
        const left = v128.load(w)
        const right = v128.load(w, 16)
        let v = v128.load32_splat(x0)
        s00 = fma(v, left, s00)
        s01 = fma(v, right, s01)
        v = v128.load32_splat(x1)
        s10 = fma(v, left, s10)
        s11 = fma(v, right, s11)
        v = v128.load32_splat(x2)
        s20 = fma(v, left, s20)
        s21 = fma(v, right, s21)
        v = v128.load32_splat(x3)
        s30 = fma(v, left, s30)
        s31 = fma(v, right, s31)
      }
      const z = y + b * outBytes + at
      storeActivated(z, s00, s01, leftBias, rightBias, relu)
      if (last > 0) storeActivated(z + outBytes, s10, s11, leftBias, rightBias, relu)
      if (last > 1) storeActivated(z + 2 * outBytes, s20, s21, leftBias, rightBias, relu)
      if (last > 2) storeActivated(z + 3 * outBytes, s30, s31, leftBias, rightBias, relu)
    }
  }
}

@inline
function storeActivated(y: usize, left: v128, right: v128, leftBias: v128, rightBias: v128, relu: bool): void {
  left = f32x4.add(left, leftBias)
  right = f32x4.add(right, rightBias)
  const zero = f32x4.splat(0)
  v128.store(y, relu ? v128.andnot(left, f32x4.le(left, zero)) : left)
  v128.store(y, relu ? v128.andnot(right, f32x4.le(right, zero)) : right, 16)
}

/**
 * @param weight W in full vectors: [inputs, paddedOut]
 * @param from, to rows of y
 */
export function denseWide(
  x: usize,
  weight: usize,
  bias: usize,
  y: usize,
  inputs: usize,
  outputs: usize,
  relu: bool,
  room: usize,
  from: usize,
  to: usize,
): void {
  const paddedOut = roundUp<usize>(outputs, 4)
  const line = room
  const list = line + paddedOut * 4
  const wholeInputs = inputs & ~3
  const rowBytes = paddedOut * 4
  x += from * inputs * 4
  y += from * outputs * 4
  for (let b = from; b < to; b++) {
    let end = list
    let offset: usize = 0
    for (let i: usize = 0; i < wholeInputs; i += 4, offset += 4 * rowBytes) {
      const v = v128.load(x + i * 4)
      if (!v128.any_true(v)) continue
      const passes = i32x4.bitmask(f32x4.ne(v, f32x4.splat(0)))
      // Always written, counted only where it is not zero: no branch to predict wrongly.
      store<u32>(end, <u32>offset)
      v128.store32_lane(end, v, 0, 4)
      end += <usize>(passes & 1) << 3
      store<u32>(end, <u32>(offset + rowBytes))
      v128.store32_lane(end, v, 1, 4)
      end += <usize>(passes & 2) << 2
      store<u32>(end, <u32>(offset + 2 * rowBytes))
      v128.store32_lane(end, v, 2, 4)
      end += <usize>(passes & 4) << 1
      store<u32>(end, <u32>(offset + 3 * rowBytes))
      v128.store32_lane(end, v, 3, 4)
      end += <usize>(passes & 8)
    }
    for (let i = wholeInputs; i < inputs; i++, offset += rowBytes) {
      const value = load<f32>(x + i * 4)
      store<u32>(end, <u32>offset)
      store<f32>(end, value, 4)
      end += value != 0 ? 8 : 0
    }
    // Of all rows the first one tells.
    if (b == from && (outputs & 3) == 0 && (end - list) > CROWDED * inputs)
      return denseBlocks(x - from * inputs * 4, weight, bias, y - from * outputs * 4, inputs, outputs, relu, from, to)
    const sums = outputs & 3 ? line : y
    const vectors = paddedOut >> 2
    if (vectors % 5 == 0) combineFives(list, end, weight, sums, vectors)
    else combineRows(list, end, weight, sums, vectors)
    const wholeOutputs = outputs & ~3
    for (let o: usize = 0; o < wholeOutputs; o += 4) {
      const z = f32x4.add(v128.load(sums + o * 4), v128.load(bias + o * 4))
      v128.store(y + o * 4, relu ? v128.andnot(z, f32x4.le(z, f32x4.splat(0))) : z)
    }
    for (let o = wholeOutputs; o < outputs; o++) {
      const z = load<f32>(sums + o * 4) + load<f32>(bias + o * 4)
      store<f32>(y + o * 4, relu && z <= 0 ? 0 : z)
    }
    x += inputs * 4
    y += outputs * 4
  }
}

/** dz [batch, paddedOut]: dy where y > 0 or there is no ReLU, the columns past `outputs` zero. */
export function denseZ(
  dy: usize,
  y: usize,
  outputs: usize,
  relu: bool,
  dz: usize,
  _room: usize,
  from: usize,
  to: usize,
): void {
  const padded = roundUp<usize>(outputs, 4)
  const whole = outputs & ~3
  dy += from * outputs * 4
  y += from * outputs * 4
  dz += from * padded * 4
  for (let b = from; b < to; b++) {
    for (let o: usize = 0; o < whole; o += 4) {
      const v = v128.load(dy + o * 4)
      v128.store(dz + o * 4, relu ? v128.and(v, f32x4.gt(v128.load(y + o * 4), f32x4.splat(0))) : v)
    }
    for (let o = whole; o < outputs; o++)
      store<f32>(dz + o * 4, !relu || load<f32>(y + o * 4) > 0 ? load<f32>(dy + o * 4) : 0)
    for (let o = outputs; o < padded; o++) store<f32>(dz + o * 4, 0)
    dy += outputs * 4
    y += outputs * 4
    dz += padded * 4
  }
}

/** Columns from .. to - 1 of db; `from` is a multiple of four. */
export function columnSums(
  dz: usize,
  batch: usize,
  outputs: usize,
  sums: usize,
  _room: usize,
  from: usize,
  to: usize,
): void {
  const rowBytes = roundUp<usize>(outputs, 4) * 4
  const end = dz + batch * rowBytes
  for (let o = from; o < to; o += 4) {
    let sum = f32x4.splat(0)
    for (let p = dz + o * 4; p < end + o * 4; p += rowBytes) sum = f32x4.add(sum, v128.load(p))
    const at = sums + o * 4
    if (o + 4 <= outputs) v128.store(at, sum)
    else {
      v128.store32_lane(at, sum, 0)
      if (o + 1 < outputs) v128.store32_lane(at, sum, 1, 4)
      if (o + 2 < outputs) v128.store32_lane(at, sum, 2, 8)
    }
  }
}

/** Stores two vectors, columns o and o + 1 of four rows of dW; of the rows `rows` count, and of the columns `two` or one. */
@inline
function storePairs(to: usize, outBytes: usize, left: v128, right: v128, rows: usize, two: bool): void {
  if (two && rows >= 4) {
    const low = i32x4.shuffle(left, right, 0, 4, 1, 5)
    const high = i32x4.shuffle(left, right, 2, 6, 3, 7)
    v128.store64_lane(to, low, 0)
    v128.store64_lane(to + outBytes, low, 1)
    v128.store64_lane(to + 2 * outBytes, high, 0)
    v128.store64_lane(to + 3 * outBytes, high, 1)
    return
  }
  v128.store32_lane(to, left, 0)
  if (two) v128.store32_lane(to, right, 0, 4)
  if (rows > 1) v128.store32_lane(to + outBytes, left, 1)
  if (rows > 1 && two) v128.store32_lane(to + outBytes, right, 1, 4)
  if (rows > 2) v128.store32_lane(to + 2 * outBytes, left, 2)
  if (rows > 2 && two) v128.store32_lane(to + 2 * outBytes, right, 2, 4)
  if (rows > 3) v128.store32_lane(to + 3 * outBytes, left, 3)
  if (rows > 3 && two) v128.store32_lane(to + 3 * outBytes, right, 3, 4)
}

/**
 * Rows of dW the narrow way: sixteen by two columns at a time, summed over the images that are not zero there.
 *
 * @param x [batch, paddedIn]
 * @param dz [batch, paddedOut]
 * @param from, to rows of dW; `from` is a multiple of sixteen
 */
export function weightGradNarrow(
  x: usize,
  dz: usize,
  batch: usize,
  inputs: usize,
  outputs: usize,
  dWeight: usize,
  list: usize,
  from: usize,
  to: usize,
): void {
  const rowBytes = roundUp<usize>(inputs, BLOCK) * 4
  const outBytes = outputs * 4
  const dzBytes = roundUp<usize>(outputs, 4) * 4
  for (let i = from; i < to; i += BLOCK) {
    let end = list
    let column = x + i * 4
    for (let b: usize = 0, offset: usize = 0; b < batch; b++, column += rowBytes, offset += dzBytes) {
      const any = v128.or(
        v128.or(v128.load(column), v128.load(column, 16)),
        v128.or(v128.load(column, 32), v128.load(column, 48)),
      )
      store<u32>(end, <u32>column)
      store<u32>(end, <u32>offset, 4)
      end += v128.any_true(any) ? 8 : 0
    }
    for (let o: usize = 0; o < outputs; o += 2) {
      const two = o + 1 < outputs
      const dz0 = dz + o * 4
      const dz1 = two ? dz0 + 4 : dz0
      let s00 = f32x4.splat(0)
      let s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00
      for (let p = list; p < end; p += 8) {
        const q: usize = load<u32>(p)
        const offset: usize = load<u32>(p, 4)
        const left = splat(dz0 + offset, 0)
        const right = splat(dz1 + offset, 0)
        let v = v128.load(q)
        s00 = fma(v, left, s00)
        s01 = fma(v, right, s01)
        v = v128.load(q, 16)
        s10 = fma(v, left, s10)
        s11 = fma(v, right, s11)
        v = v128.load(q, 32)
        s20 = fma(v, left, s20)
        s21 = fma(v, right, s21)
        v = v128.load(q, 48)
        s30 = fma(v, left, s30)
        s31 = fma(v, right, s31)
      }
      const sums = dWeight + i * outBytes + o * 4
      const rows = inputs - i
      storePairs(sums, outBytes, s00, s01, rows, two)
      if (rows > 4) storePairs(sums + 4 * outBytes, outBytes, s10, s11, rows - 4, two)
      if (rows > 8) storePairs(sums + 8 * outBytes, outBytes, s20, s21, rows - 8, two)
      if (rows > 12) storePairs(sums + 12 * outBytes, outBytes, s30, s31, rows - 12, two)
    }
  }
}

/** Stores eight columns of a row of dW, or takes their step; `once` is false where the first four took theirs. */
@inline
function storeRow(to: usize, left: v128, right: v128, step: bool, by: v128, once: bool): void {
  if (once) v128.store(to, step ? fma(by, left, v128.load(to)) : left)
  v128.store(to, step ? fma(by, right, v128.load(to, 16)) : right, 16)
}

/**
 * Rows of dW where x has few zeros: four by eight columns at a time, each sum in the order that a list has.
 *
 * @param outputs a multiple of four, eight at least
 */
function weightGradBlocks(
  x: usize,
  dz: usize,
  batch: usize,
  inputs: usize,
  outputs: usize,
  dWeight: usize,
  step: bool,
  rate: f32,
  from: usize,
  to: usize,
): void {
  const by = f32x4.splat(rate)
  const rowBytes = roundUp<usize>(inputs, BLOCK) * 4
  const outBytes = outputs * 4
  const dzEnd = dz + batch * outBytes
  for (let i = from; i < to; i += 4) {
    for (let o: usize = 0; o < outputs; o += 8) {
      const at = min<usize>(o, outputs - 8) * 4
      let s00 = f32x4.splat(0)
      let s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00
      let column = x + i * 4
      for (let g = dz + at; g < dzEnd; g += outBytes, column += rowBytes) {
        const left = v128.load(g)
        const right = v128.load(g, 16)
        let v = v128.load32_splat(column)
        s00 = fma(v, left, s00)
        s01 = fma(v, right, s01)
        v = v128.load32_splat(column, 4)
        s10 = fma(v, left, s10)
        s11 = fma(v, right, s11)
        v = v128.load32_splat(column, 8)
        s20 = fma(v, left, s20)
        s21 = fma(v, right, s21)
        v = v128.load32_splat(column, 12)
        s30 = fma(v, left, s30)
        s31 = fma(v, right, s31)
      }
      const sums = dWeight + i * outBytes + at
      // Of the last eight columns some come for the second time, and take no second step.
      const once = !step || o + 8 <= outputs
      storeRow(sums, s00, s01, step, by, once)
      if (i + 1 >= inputs) continue
      storeRow(sums + outBytes, s10, s11, step, by, once)
      if (i + 2 >= inputs) continue
      storeRow(sums + 2 * outBytes, s20, s21, step, by, once)
      if (i + 3 >= inputs) continue
      storeRow(sums + 3 * outBytes, s30, s31, step, by, once)
    }
  }
}

/**
 * Rows of dW the wide way: each the sum of the rows of dz whose x is not zero.
 *
 * @param x [batch, paddedIn]
 * @param dz [batch, paddedOut]
 * @param step whether `dWeight` is W, which they are added to, times `rate`
 * @param from, to rows of dW; `from` is a multiple of four
 */
@inline
function rowsOfDW(
  x: usize,
  dz: usize,
  batch: usize,
  inputs: usize,
  outputs: usize,
  dWeight: usize,
  step: bool,
  rate: f32,
  room: usize,
  from: usize,
  to: usize,
): void {
  const rowBytes = roundUp<usize>(inputs, BLOCK) * 4
  const paddedOut = roundUp<usize>(outputs, 4)
  const dzBytes = paddedOut * 4
  const line = room
  const lists = line + dzBytes
  dWeight += from * outputs * 4
  // One entry more than the batch: the last write may be one that does not count.
  const listBytes = (batch + 1) * 8
  const list0 = lists
  const list1 = list0 + listBytes
  const list2 = list1 + listBytes
  const list3 = list2 + listBytes
  for (let i = from; i < to; i += 4) {
    let end0 = list0, end1 = list1, end2 = list2, end3 = list3
    let column = x + i * 4
    for (let b: usize = 0, offset: usize = 0; b < batch; b++, column += rowBytes, offset += dzBytes) {
      const v = v128.load(column)
      // No branch here for four zeros: at the border of the ink it would be predicted wrongly.
      const passes = i32x4.bitmask(f32x4.ne(v, f32x4.splat(0)))
      store<u32>(end0, <u32>offset)
      v128.store32_lane(end0, v, 0, 4)
      end0 += <usize>(passes & 1) << 3
      store<u32>(end1, <u32>offset)
      v128.store32_lane(end1, v, 1, 4)
      end1 += <usize>(passes & 2) << 2
      store<u32>(end2, <u32>offset)
      v128.store32_lane(end2, v, 2, 4)
      end2 += <usize>(passes & 4) << 1
      store<u32>(end3, <u32>offset)
      v128.store32_lane(end3, v, 3, 4)
      end3 += <usize>(passes & 8)
    }
    const entries = end0 - list0 + (end1 - list1) + (end2 - list2) + (end3 - list3)
    // Of all rows the first four tell.
    if (i == from && (outputs & 3) == 0 && entries > 4 * CROWDED * batch)
      return weightGradBlocks(x, dz, batch, inputs, outputs, dWeight - from * outputs * 4, step, rate, from, to)
    const rows = inputs - i < 4 ? inputs - i : 4
    for (let r: usize = 0; r < rows; r++) {
      const list = list0 + r * listBytes
      const end = r == 0 ? end0 : r == 1 ? end1 : r == 2 ? end2 : end3
      // A gradient of zeros changes no weight.
      if (step && end == list && rate <= 0 && rate >= -f32.MAX_VALUE) {
        dWeight += outputs * 4
        continue
      }
      if (outputs & 3) {
        combineRows(list, end, dz, line, paddedOut >> 2)
        if (step) sgdStep(dWeight, line, -rate, 0, 0, outputs)
        else copy(dWeight, line, outputs * 4)
      } else combineRows(list, end, dz, dWeight, paddedOut >> 2, step, rate)
      dWeight += outputs * 4
    }
  }
}

/** Rows of dW the wide way; `from` is a multiple of four. */
export function weightGradWide(
  x: usize,
  dz: usize,
  batch: usize,
  inputs: usize,
  outputs: usize,
  dWeight: usize,
  room: usize,
  from: usize,
  to: usize,
): void {
  rowsOfDW(x, dz, batch, inputs, outputs, dWeight, false, 0, room, from, to)
}

/** W = W - learningRate dW, row by row as they are summed: the bits of weightGradWide and then sgdStep, without writing dW. */
export function weightStepWide(
  x: usize,
  dz: usize,
  batch: usize,
  inputs: usize,
  outputs: usize,
  weight: usize,
  learningRate: f32,
  room: usize,
  from: usize,
  to: usize,
): void {
  rowsOfDW(x, dz, batch, inputs, outputs, weight, true, -learningRate, room, from, to)
}

/**
 * Rows of dx = dz W^T: four by eight columns at a time.
 *
 * @param dz [batch, paddedOut]
 * @param weights W transposed: [outputs, paddedIn]
 * @param from, to rows of dx; `from` is a multiple of four
 */
export function denseInputGrad(
  dz: usize,
  weights: usize,
  batch: usize,
  inputs: usize,
  outputs: usize,
  dx: usize,
  _room: usize,
  from: usize,
  to: usize,
): void {
  const rowBytes = roundUp<usize>(inputs, BLOCK) * 4
  const dzBytes = roundUp<usize>(outputs, 4) * 4
  const inBytes = inputs * 4
  const weightsEnd = weights + outputs * rowBytes
  // Columns outside: their part of W is read again for each four rows.
  for (let i: usize = 0; i < inBytes; i += 32)
    for (let b = from; b < to; b += 4) {
      const last = batch - 1 - b
      const dz0 = dz + b * dzBytes
      const dz1 = dz0 + (last < 1 ? last : 1) * dzBytes
      const dz2 = dz0 + (last < 2 ? last : 2) * dzBytes
      const dz3 = dz0 + (last < 3 ? last : 3) * dzBytes
      let s00 = f32x4.splat(0)
      let s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00
      for (let w = weights + i, o: usize = 0; w < weightsEnd; w += rowBytes, o += 4) {
        const left = v128.load(w)
        const right = v128.load(w, 16)
        let g = splat(dz0 + o, 0)
        s00 = fma(g, left, s00)
        s01 = fma(g, right, s01)
        g = splat(dz1 + o, 0)
        s10 = fma(g, left, s10)
        s11 = fma(g, right, s11)
        g = splat(dz2 + o, 0)
        s20 = fma(g, left, s20)
        s21 = fma(g, right, s21)
        g = splat(dz3 + o, 0)
        s30 = fma(g, left, s30)
        s31 = fma(g, right, s31)
      }
      const to0 = dx + b * inBytes + i
      storeSome(to0, s00, s01, inBytes - i)
      if (last > 0) storeSome(to0 + inBytes, s10, s11, inBytes - i)
      if (last > 1) storeSome(to0 + 2 * inBytes, s20, s21, inBytes - i)
      if (last > 2) storeSome(to0 + 3 * inBytes, s30, s31, inBytes - i)
    }
}

/** Stores eight values, or as many as there is room for in so many bytes. */
@inline
function storeSome(to: usize, left: v128, right: v128, bytes: usize): void {
  if (bytes >= 32) {
    v128.store(to, left)
    v128.store(to, right, 16)
    return
  }
  if (bytes >= 16) {
    v128.store(to, left)
    to += 16
    left = right
    bytes -= 16
  }
  if (bytes >= 4) v128.store32_lane(to, left, 0)
  if (bytes >= 8) v128.store32_lane(to, left, 1, 4)
  if (bytes >= 12) v128.store32_lane(to, left, 2, 8)
}
