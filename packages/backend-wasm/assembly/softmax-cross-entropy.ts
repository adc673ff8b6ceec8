// With smoothing s, oneHot is (1 - s) oneHot + s / classes.
// loss = scale sum over the batch of (log sum exp(logits) - logits[label]); dLogits = scale (softmax(logits) - oneHot);
// and how many rows have their first largest logit at the label. A label out of range makes NaN of the loss and of its row.
// In float64 throughout: a batch has some hundred logits, and the loss is compared with PyTorch's.
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.

// ln 2 in two parts, the first with trailing zeros, so that k x LN2_HIGH is exact.
const LN2_HIGH: f64 = 0.693147180369123816490
const LN2_LOW: f64 = 1.90821492927058770002e-10

/** p r + c in both lanes, each of the two rounded. */
@inline
function next(p: v128, r: v128, c: f64): v128 {
  return f64x2.add(f64x2.mul(p, r), f64x2.splat(c))
}

/**
 * e^x for two x <= 0, by e^x = 2^k e^r with |r| <= ln 2 / 2 and the Taylor series of e^r up to r^13 / 13!, whose rest is below
 * float64's rounding. Written out because the library's brings tables, and this module may have no static data.
 */
@inline
function exponential(x: v128): v128 {
  const k = f64x2.nearest(f64x2.mul(x, f64x2.splat(1.4426950408889634)))
  const high = f64x2.mul(k, f64x2.splat(LN2_HIGH))
  const r = f64x2.sub(f64x2.sub(x, high), f64x2.mul(k, f64x2.splat(LN2_LOW)))
  let p = f64x2.splat(1.0 / 6227020800)
  p = next(p, r, 1.0 / 479001600)
  p = next(p, r, 1.0 / 39916800)
  p = next(p, r, 1.0 / 3628800)
  p = next(p, r, 1.0 / 362880)
  p = next(p, r, 1.0 / 40320)
  p = next(p, r, 1.0 / 5040)
  p = next(p, r, 1.0 / 720)
  p = next(p, r, 1.0 / 120)
  p = next(p, r, 1.0 / 24)
  p = next(p, r, 1.0 / 6)
  p = next(p, r, 0.5)
  p = next(p, r, 1)
  p = next(p, r, 1)
  const exponent = i64x2.extend_low_i32x4_s(i32x4.add(i32x4.trunc_sat_f64x2_s_zero(k), i32x4.splat(1023)))
  const value = f64x2.mul(p, i64x2.shl(exponent, 52))
  // Zero below float64's normal range; NaN is not below it.
  return v128.andnot(v128.bitselect(value, x, f64x2.eq(x, x)), f64x2.le(x, f64x2.splat(-708)))
}

/**
 * ln x for a normal x >= 1: x = 2^k m with m in [sqrt 1/2, sqrt 2), ln m = 2 artanh(s) with s = (m - 1) / (m + 1), by its
 * series up to s^21: |s| <= 0.172, so the rest is below 1e-17.
 */
@inline
function logarithm(x: f64): f64 {
  if (!(x < Infinity)) return x // infinite, or NaN
  const bits = reinterpret<i64>(x)
  let k = <f64>((bits >> 52) - 1023)
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000)
  if (m > 1.4142135623730951) {
    m *= 0.5
    k += 1
  }
  const s = (m - 1) / (m + 1)
  const q = s * s
  let p: f64 = 1.0 / 21
  p = p * q + 1.0 / 19
  p = p * q + 1.0 / 17
  p = p * q + 1.0 / 15
  p = p * q + 1.0 / 13
  p = p * q + 1.0 / 11
  p = p * q + 1.0 / 9
  p = p * q + 1.0 / 7
  p = p * q + 1.0 / 5
  p = p * q + 1.0 / 3
  p = p * q + 1
  return k * LN2_HIGH + (k * LN2_LOW + 2 * s * p)
}

/**
 * Rows from .. to - 1.
 *
 * @param logits [batch, classes]
 * @param labels [batch] int32
 * @param losses [batch] float64, not scaled
 * @param right [batch] int32: whether the first largest logit is the label's
 * @param dLogits [batch, classes]
 * @param room 8 bytes for each class, of an even number of them
 */
export function softmaxCrossEntropyRows(
  logits: usize,
  labels: usize,
  classes: i32,
  scale: f64,
  smoothing: f64,
  losses: usize,
  right: usize,
  dLogits: usize,
  room: usize,
  from: i32,
  to: i32,
): void {
  logits += <usize>from * (<usize>classes << 2)
  dLogits += <usize>from * (<usize>classes << 2)
  const others = smoothing / <f64>classes
  const own = 1.0 - smoothing + others
  for (let b = from; b < to; b++) {
    const label = load<i32>(labels + (<usize>b << 2))
    let largest = load<f32>(logits)
    let first = 0
    for (let c = 1; c < classes; c++) {
      const value = load<f32>(logits + (<usize>c << 2))
      if (value > largest) {
        largest = value
        first = c
      }
    }
    store<i32>(right + (<usize>b << 2), <i32>(first == label))
    let total: f64 = 0
    const subtracted = f64x2.splat(<f64>largest)
    for (let c = 0; c < classes; c += 2) {
      const at = logits + (<usize>c << 2)
      const two = c + 1 < classes ? v128.load64_zero(at) : v128.load32_zero(at)
      const e = exponential(f64x2.sub(f64x2.promote_low_f32x4(two), subtracted))
      total += f64x2.extract_lane(e, 0)
      if (c + 1 < classes) total += f64x2.extract_lane(e, 1)
      v128.store(room + (<usize>c << 3), e)
    }
    const inRange = <u32>label < <u32>classes
    if (!inRange) total = NaN
    let wanted = inRange ? <f64>load<f32>(logits + (<usize>label << 2)) : NaN
    if (smoothing != 0) {
      let sum: f64 = 0
      for (let c = 0; c < classes; c++) sum += <f64>load<f32>(logits + (<usize>c << 2))
      wanted = (1 - smoothing) * wanted + (smoothing / <f64>classes) * sum
    }
    const loss = <f64>largest + logarithm(total) - wanted
    store<f64>(losses + (<usize>b << 3), loss)
    for (let c = 0; c < classes; c++) {
      const p = load<f64>(room + (<usize>c << 3)) / total
      store<f32>(dLogits + (<usize>c << 2), <f32>(scale * (p - (c == label ? own : others))))
    }
    logits += <usize>classes << 2
    dLogits += <usize>classes << 2
  }
}

/** @param summary [2]: loss, count of right answers, summed in the order of the rows */
export function softmaxCrossEntropySummary(losses: usize, right: usize, batch: i32, scale: f64, summary: usize): void {
  let loss: f64 = 0
  let correct: i32 = 0
  for (let b = 0; b < batch; b++) {
    loss += load<f64>(losses + (<usize>b << 3))
    correct += load<i32>(right + (<usize>b << 2))
  }
  store<f32>(summary, <f32>(scale * loss))
  store<f32>(summary, <f32>correct, 4)
}
