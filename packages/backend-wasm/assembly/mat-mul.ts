// C = A B, or C += A B, for matrices of any strides, so that a transpose costs nothing but its packing. Blocks of A
// and B are packed into panels of four rows and eight columns; four by eight sums stay in registers over a panel's depth.
// The order of the sums depends on the shapes alone.
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.
import { fma, splat } from './simd'

// One packed block of B is 256 KiB (half an L2), one of A 72 KiB; found by trying 128 to 512 on the shapes of a cnn.
const DEPTH: usize = 256
const COLUMNS: usize = 256
const ROWS: usize = 72

export function matMulScratch(): usize {
  return DEPTH * COLUMNS * 4 + DEPTH * ROWS * 4 + 256
}

/** Four rows of A side by side, [depth][4], rows past the end zero. */
function packA(a: usize, rowStride: usize, columnStride: usize, rows: usize, depth: usize, to: usize): void {
  for (let r: usize = 0; r < rows; r += 4) {
    const some = rows - r < 4 ? rows - r : 4
    const end = to + depth * 16
    if (some == 4 && rowStride == 1) {
      for (let from = a + r * 4; to < end; to += 16, from += columnStride * 4) v128.store(to, v128.load(from))
      continue
    }
    for (let lane: usize = 0; lane < 4; lane++) {
      let from = a + (r + lane) * rowStride * 4
      if (lane < some)
        for (let p = to + lane * 4; p < end; p += 16, from += columnStride * 4) store<f32>(p, load<f32>(from))
      else for (let p = to + lane * 4; p < end; p += 16) store<f32>(p, 0)
    }
    to = end
  }
}

/** Eight columns of B side by side, [depth][8], columns past the end zero. */
function packB(b: usize, rowStride: usize, columnStride: usize, depth: usize, columns: usize, to: usize): void {
  for (let c: usize = 0; c < columns; c += 8) {
    const some = columns - c < 8 ? columns - c : 8
    const end = to + depth * 32
    if (some == 8 && columnStride == 1) {
      for (let from = b + c * 4; to < end; to += 32, from += rowStride * 4) {
        v128.store(to, v128.load(from))
        v128.store(to, v128.load(from, 16), 16)
      }
      continue
    }
    for (let lane: usize = 0; lane < 8; lane++) {
      let from = b + (c + lane) * columnStride * 4
      if (lane < some)
        for (let p = to + lane * 4; p < end; p += 32, from += rowStride * 4) store<f32>(p, load<f32>(from))
      else for (let p = to + lane * 4; p < end; p += 32) store<f32>(p, 0)
    }
    to = end
  }
}

/** Writes or adds a row of eight sums, of which `some` count. */
@inline
function storeRow(c: usize, left: v128, right: v128, some: usize, accumulate: bool, spare: usize): void {
  if (some == 8) {
    if (accumulate) {
      left = f32x4.add(v128.load(c), left)
      right = f32x4.add(v128.load(c, 16), right)
    }
    v128.store(c, left)
    v128.store(c, right, 16)
    return
  }
  v128.store(spare, left)
  v128.store(spare, right, 16)
  for (let i: usize = 0; i < some; i++)
    store<f32>(c + i * 4, (accumulate ? load<f32>(c + i * 4) : 0) + load<f32>(spare + i * 4))
}

/**
 * Four by eight sums over a panel's depth. Not more, because V8 before its version 12 moves all loads of a loop's body to
 * its top: eight sums and six loads fit fifteen registers.
 */
function fourByEight(
  a: usize,
  b: usize,
  depth: usize,
  c: usize,
  stride: usize,
  rows: usize,
  columns: usize,
  accumulate: bool,
  spare: usize,
): void {
  let s00 = f32x4.splat(0)
  let s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00
  for (const end = b + depth * 32; b < end; b += 32, a += 16) {
    const left = v128.load(b)
    const right = v128.load(b, 16)
    let v = splat(a, 0)
    s00 = fma(v, left, s00)
    s01 = fma(v, right, s01)
    v = splat(a, 4)
    s10 = fma(v, left, s10)
    s11 = fma(v, right, s11)
    v = splat(a, 8)
    s20 = fma(v, left, s20)
    s21 = fma(v, right, s21)
    v = splat(a, 12)
    s30 = fma(v, left, s30)
    s31 = fma(v, right, s31)
  }
  const step = stride * 4
  storeRow(c, s00, s01, columns, accumulate, spare)
  if (rows > 1) storeRow(c + step, s10, s11, columns, accumulate, spare)
  if (rows > 2) storeRow(c + 2 * step, s20, s21, columns, accumulate, spare)
  if (rows > 3) storeRow(c + 3 * step, s30, s31, columns, accumulate, spare)
}

/**
 * @param a [m, k]: element (i, j) at a + 4 (i aRow + j aColumn)
 * @param b [k, n] likewise
 * @param c [m, n], rows cRow apart
 */
export function matMul(
  m: usize,
  n: usize,
  k: usize,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  bColumn: usize,
  c: usize,
  cRow: usize,
  accumulate: bool,
  scratch: usize,
): void {
  const packedB = scratch
  const packedA = packedB + DEPTH * COLUMNS * 4
  const spare = packedA + DEPTH * ROWS * 4
  for (let j: usize = 0; j < n; j += COLUMNS) {
    const columns = n - j < COLUMNS ? n - j : COLUMNS
    for (let p: usize = 0; p < k; p += DEPTH) {
      const depth = k - p < DEPTH ? k - p : DEPTH
      packB(b + (p * bRow + j * bColumn) * 4, bRow, bColumn, depth, columns, packedB)
      for (let i: usize = 0; i < m; i += ROWS) {
        const rows = m - i < ROWS ? m - i : ROWS
        packA(a + (i * aRow + p * aColumn) * 4, aRow, aColumn, rows, depth, packedA)
        for (let jj: usize = 0; jj < columns; jj += 8)
          for (let ii: usize = 0; ii < rows; ii += 4)
            fourByEight(
              packedA + ii * depth * 4,
              packedB + jj * depth * 4,
              depth,
              c + ((i + ii) * cRow + j + jj) * 4,
              cRow,
              rows - ii < 4 ? rows - ii : 4,
              columns - jj < 8 ? columns - jj : 8,
              accumulate || p > 0,
              spare,
            )
      }
    }
  }
}

/** y = activation(y + bias) for rows of y, in place; bias 0 (no address) for none. */
export function addBias(y: usize, rows: usize, columns: usize, bias: usize, relu: bool): void {
  const zero = f32x4.splat(0)
  for (let r: usize = 0; r < rows; r++, y += columns * 4) {
    let c: usize = 0
    for (; c + 4 <= columns; c += 4) {
      let v = v128.load(y + c * 4)
      if (bias != 0) v = f32x4.add(v, v128.load(bias + c * 4))
      v128.store(y + c * 4, relu ? f32x4.pmax(v, zero) : v)
    }
    for (; c < columns; c++) {
      let v = load<f32>(y + c * 4)
      if (bias != 0) v += load<f32>(bias + c * 4)
      store<f32>(y + c * 4, relu && v <= 0 ? 0 : v)
    }
  }
}
