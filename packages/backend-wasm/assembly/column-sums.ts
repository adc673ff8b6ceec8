// Sums over the rows of a matrix [rows, columns]: of x, of (x - mean)^2, of dy and of dy (x - mean). Up to 64 rows are summed in float32, what
// comes of them in float64: for shards of the rows, and then over the shards. There are as many as the rows ask for, whatever the threads.
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.
import { clear } from './simd'

/** Rows that are summed in float32. */
const BLOCK: usize = 64

export const PLAIN: i32 = 0
export const SQUARES: i32 = 1
export const PRODUCTS: i32 = 2

@inline
function term(what: i32, x: v128, mean: v128, dy: v128): v128 {
  if (what == PLAIN) return x
  const centered = f32x4.sub(x, mean)
  return f32x4.mul(centered, what == SQUARES ? centered : dy)
}

@inline
function addTo(sums: usize, v: v128): void {
  const high = i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15)
  v128.store(sums, f64x2.add(v128.load(sums), f64x2.promote_low_f32x4(v)))
  v128.store(sums, f64x2.add(v128.load(sums, 16), f64x2.promote_low_f32x4(high)), 16)
}

/**
 * Columns from .. to - 1 added to `sums`, float64; eight at a time, so that one sum need not wait for another.
 *
 * @param mean of each column, unless plain; @param dy [rows, columns], for products
 */
@inline
function addSums(
  what: i32,
  x: usize,
  rows: usize,
  columns: usize,
  from: usize,
  to: usize,
  sums: usize,
  mean: usize,
  dy: usize,
): void {
  const rowBytes = columns * 4
  for (let first: usize = 0; first < rows; first += BLOCK) {
    const last = first + BLOCK < rows ? first + BLOCK : rows
    let c = from
    for (; c + 8 <= to; c += 8) {
      const m0 = what == PLAIN ? f32x4.splat(0) : v128.load(mean + c * 4)
      const m1 = what == PLAIN ? f32x4.splat(0) : v128.load(mean + c * 4, 16)
      let s0 = f32x4.splat(0)
      let s1 = s0
      let at = first * rowBytes + c * 4
      for (const end = last * rowBytes + c * 4; at < end; at += rowBytes) {
        s0 = f32x4.add(s0, term(what, v128.load(x + at), m0, what == PRODUCTS ? v128.load(dy + at) : m0))
        s1 = f32x4.add(s1, term(what, v128.load(x + at, 16), m1, what == PRODUCTS ? v128.load(dy + at, 16) : m1))
      }
      addTo(sums + c * 8, s0)
      addTo(sums + c * 8 + 32, s1)
    }
    for (; c + 4 <= to; c += 4) {
      const m = what == PLAIN ? f32x4.splat(0) : v128.load(mean + c * 4)
      let s = f32x4.splat(0)
      let at = first * rowBytes + c * 4
      for (const end = last * rowBytes + c * 4; at < end; at += rowBytes)
        s = f32x4.add(s, term(what, v128.load(x + at), m, what == PRODUCTS ? v128.load(dy + at) : m))
      addTo(sums + c * 8, s)
    }
    for (; c < to; c++) {
      const m = what == PLAIN ? f32x4.splat(0) : v128.load32_splat(mean + c * 4)
      let s = f32x4.splat(0)
      let at = first * rowBytes + c * 4
      for (const end = last * rowBytes + c * 4; at < end; at += rowBytes)
        s = f32x4.add(s, term(what, v128.load32_splat(x + at), m, what == PRODUCTS ? v128.load32_splat(dy + at) : m))
      store<f64>(sums + c * 8, load<f64>(sums + c * 8) + <f64>f32x4.extract_lane(s, 0))
    }
  }
}

/** Adds the sums of columns from .. to - 1 of x to `sums`, float64. */
export function addColumnSums(x: usize, rows: usize, columns: usize, from: usize, to: usize, sums: usize): void {
  addSums(PLAIN, x, rows, columns, from, to, sums, 0, 0)
}

/** Bytes of scratch memory for the sums of so many shards, two of each. */
export function columnPartialsBytes(shards: f64, columns: f64): f64 {
  return shards * 2 * columns * 8
}

/**
 * The sums of shards from .. to - 1 of the rows, as [shards, 2, columns]: the second ones are those of dy beside its products.
 *
 * @param what PLAIN, SQUARES or PRODUCTS
 * @param mean of each column, unless plain; @param dy [rows, columns], for products
 */
export function columnPartials(
  what: i32,
  x: usize,
  rows: usize,
  columns: usize,
  mean: usize,
  dy: usize,
  partials: usize,
  shards: usize,
  _room: usize,
  from: usize,
  to: usize,
): void {
  const rowBytes = columns * 4
  for (let shard = from; shard < to; shard++) {
    const first = (rows * shard) / shards
    const some = (rows * (shard + 1)) / shards - first
    const at = first * rowBytes
    const sums = partials + shard * 2 * columns * 8
    clear(sums, 2 * columns * 8)
    if (what == PLAIN) addSums(PLAIN, x + at, some, columns, 0, columns, sums, 0, 0)
    else if (what == SQUARES) addSums(SQUARES, x + at, some, columns, 0, columns, sums, mean, 0)
    else {
      addSums(PRODUCTS, x + at, some, columns, 0, columns, sums, mean, dy + at)
      addSums(PLAIN, dy + at, some, columns, 0, columns, sums + columns * 8, 0, 0)
    }
  }
}

/** A column's sum over the shards, in their order. */
@inline
export function totalOf(partials: usize, shards: usize, columns: usize, column: usize): f64 {
  let sum: f64 = 0
  for (let shard: usize = 0; shard < shards; shard++) sum += load<f64>(partials + (shard * 2 * columns + column) * 8)
  return sum
}

/** Columns from .. to - 1 of the plain sums: a bias's gradient. */
export function biasSums(
  partials: usize,
  shards: usize,
  columns: usize,
  out: usize,
  _room: usize,
  from: usize,
  to: usize,
): void {
  for (let c = from; c < to; c++) store<f32>(out + c * 4, <f32>totalOf(partials, shards, columns, c))
}
