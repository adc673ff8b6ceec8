// y = f(x) of each element by itself, and dx = dy f'(x): relu, tanh, sigmoid, gelu, elu, leaky relu, silu, softplus.
// Elements from .. to - 1, each of its own: a range can be cut anywhere.
// Check: vitest run packages/backend-wasm -t gradient. Time: pnpm --filter @digitlab/backend-wasm time.
import { errorFunction, expMinusOne, expNegative, hyperbolicTangent, logistic, logOnePlus } from './exponential'
import { fma, rectified } from './simd'

const RELU: i32 = 0
const TANH: i32 = 1
const SIGMOID: i32 = 2
const GELU: i32 = 3
const ELU: i32 = 4
const LEAKY_RELU: i32 = 5
const SILU: i32 = 6
const SOFTPLUS: i32 = 7

@inline
function normal(x: v128): v128 {
  const half = f32x4.splat(0.5)
  return fma(errorFunction(f32x4.mul(x, f32x4.splat(0.70710678118654752))), half, half)
}

@inline
function valueOf(what: i32, x: v128, parameter: v128): v128 {
  const zero = f32x4.splat(0)
  if (what == RELU) return rectified(x)
  if (what == TANH) return hyperbolicTangent(x)
  if (what == SIGMOID) return logistic(x)
  if (what == GELU) return f32x4.mul(x, normal(x))
  if (what == SILU) return f32x4.mul(x, logistic(x))
  if (what == SOFTPLUS)
    return f32x4.add(rectified(x), logOnePlus(expNegative(f32x4.neg(f32x4.abs(x)))))
  const negative = what == ELU ? expMinusOne(f32x4.min(x, zero)) : x
  return v128.bitselect(x, f32x4.mul(negative, parameter), f32x4.gt(x, zero))
}

/** dy f'(x), of which some need x and some need y. */
@inline
function gradientOf(what: i32, dy: v128, x: v128, y: v128, parameter: v128): v128 {
  const zero = f32x4.splat(0)
  const one = f32x4.splat(1)
  if (what == RELU) return v128.and(dy, f32x4.gt(y, zero))
  if (what == TANH) return f32x4.mul(dy, f32x4.sub(one, f32x4.mul(y, y)))
  if (what == SIGMOID) return f32x4.mul(dy, f32x4.mul(y, f32x4.sub(one, y)))
  if (what == GELU) {
    const density = f32x4.mul(expNegative(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5))), f32x4.splat(0.3989422804014327))
    return f32x4.mul(dy, fma(x, density, normal(x)))
  }
  if (what == SOFTPLUS) return f32x4.mul(dy, logistic(x))
  if (what == SILU) {
    const s = logistic(x)
    return f32x4.mul(dy, f32x4.mul(s, fma(x, f32x4.sub(one, s), one)))
  }
  const slope = what == ELU ? f32x4.mul(expNegative(f32x4.min(x, zero)), parameter) : parameter
  return v128.bitselect(dy, f32x4.mul(dy, slope), f32x4.gt(x, zero))
}

/** Up to three elements in the first lanes. */
@inline
function some(from: usize, end: usize): v128 {
  let v = v128.load32_zero(from)
  if (from + 4 < end) v = f32x4.replace_lane(v, 1, load<f32>(from, 4))
  if (from + 8 < end) v = f32x4.replace_lane(v, 2, load<f32>(from, 8))
  return v
}

@inline
function storeSome(to: usize, end: usize, v: v128): void {
  v128.store32_lane(to, v, 0)
  if (to + 4 < end) v128.store32_lane(to, v, 1, 4)
  if (to + 8 < end) v128.store32_lane(to, v, 2, 8)
}

@inline
function values(what: i32, x: usize, y: usize, from: usize, to: usize, parameter: f32): void {
  const p = f32x4.splat(parameter)
  let at = y + from * 4
  x += from * 4
  const end = y + to * 4
  for (; at + 16 <= end; at += 16, x += 16) v128.store(at, valueOf(what, v128.load(x), p))
  if (at < end) storeSome(at, end, valueOf(what, some(x, x + (end - at)), p))
}

@inline
function gradients(what: i32, dy: usize, x: usize, y: usize, dx: usize, from: usize, to: usize, parameter: f32): void {
  const p = f32x4.splat(parameter)
  let at = dx + from * 4
  const end = dx + to * 4
  dy += from * 4
  x += from * 4
  y += from * 4
  for (; at + 16 <= end; at += 16, dy += 16, x += 16, y += 16) {
    // Each needs one of the two: a load is never left out by itself.
    const v = what <= SIGMOID ? v128.load(y) : v128.load(x)
    v128.store(at, gradientOf(what, v128.load(dy), v, v, p))
  }
  const left = end - at
  if (left > 0) storeSome(at, end, gradientOf(what, some(dy, dy + left), some(x, x + left), some(y, y + left), p))
}

/** @param what the number of the function, in the order of the header */
export function activation(
  what: i32,
  x: usize,
  y: usize,
  parameter: f32,
  _room: usize,
  from: usize,
  to: usize,
): void {
  if (what == RELU) values(RELU, x, y, from, to, parameter)
  else if (what == TANH) values(TANH, x, y, from, to, parameter)
  else if (what == SIGMOID) values(SIGMOID, x, y, from, to, parameter)
  else if (what == GELU) values(GELU, x, y, from, to, parameter)
  else if (what == ELU) values(ELU, x, y, from, to, parameter)
  else if (what == LEAKY_RELU) values(LEAKY_RELU, x, y, from, to, parameter)
  else if (what == SILU) values(SILU, x, y, from, to, parameter)
  else if (what == SOFTPLUS) values(SOFTPLUS, x, y, from, to, parameter)
}

export function activationGrad(
  what: i32,
  dy: usize,
  x: usize,
  y: usize,
  dx: usize,
  parameter: f32,
  _room: usize,
  from: usize,
  to: usize,
): void {
  if (what == RELU) gradients(RELU, dy, x, y, dx, from, to, parameter)
  else if (what == TANH) gradients(TANH, dy, x, y, dx, from, to, parameter)
  else if (what == SIGMOID) gradients(SIGMOID, dy, x, y, dx, from, to, parameter)
  else if (what == GELU) gradients(GELU, dy, x, y, dx, from, to, parameter)
  else if (what == ELU) gradients(ELU, dy, x, y, dx, from, to, parameter)
  else if (what == LEAKY_RELU) gradients(LEAKY_RELU, dy, x, y, dx, from, to, parameter)
  else if (what == SILU) gradients(SILU, dy, x, y, dx, from, to, parameter)
  else if (what == SOFTPLUS) gradients(SOFTPLUS, dy, x, y, dx, from, to, parameter)
}
