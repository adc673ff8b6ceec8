// exp and what is computed beside it, in each of four lanes, to a few units in the last place of float32. (pmin and pmax are one
// instruction each, min and max are not.)
import { fma } from './simd'

/**
 * exp(x) for x <= 0, from 1 down to the smallest normal float; NaN stays NaN.
 *
 * x = n log 2 + r; exp(r) by a polynomial, 2^n by the exponent's bits. Source: Moshier, Cephes, expf.
 */
@inline
export function expNegative(x: v128): v128 {
  x = f32x4.pmax(x, f32x4.splat(-87.3))
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504088896341)))
  let r = fma(n, f32x4.splat(-0.693359375), x)
  r = fma(n, f32x4.splat(2.12194440e-4), r)
  let p = fma(f32x4.splat(1.9875691500e-4), r, f32x4.splat(1.3981999507e-3))
  p = fma(p, r, f32x4.splat(8.3334519073e-3))
  p = fma(p, r, f32x4.splat(4.1665795894e-2))
  p = fma(p, r, f32x4.splat(1.6666665459e-1))
  p = fma(p, r, f32x4.splat(5.0000001201e-1))
  p = f32x4.add(fma(p, f32x4.mul(r, r), r), f32x4.splat(1))
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23)
  return f32x4.mul(p, power)
}

/** 1 / (1 + exp(-x)) */
@inline
export function logistic(x: v128): v128 {
  const e = expNegative(f32x4.neg(f32x4.abs(x)))
  const one = f32x4.splat(1)
  return f32x4.div(v128.bitselect(e, one, f32x4.lt(x, f32x4.splat(0))), f32x4.add(one, e))
}

/** The sign of the second with the size of the first. */
@inline
export function copySign(size: v128, sign: v128): v128 {
  const bit = i32x4.splat(0x80000000)
  return v128.or(v128.andnot(size, bit), v128.and(sign, bit))
}

/**
 * x P(x^2) / Q(x^2), up to where it is 1; within 5 units in the last place with relaxed SIMD, and within 7 without.
 * Source: Eigen's ptanh_float, which needs one division and no exp.
 */
@inline
export function hyperbolicTangent(x: v128): v128 {
  const largest: f32 = ASC_FEATURE_RELAXED_SIMD ? 7.99881172180175781 : 7.90531110763549805
  x = f32x4.pmax(f32x4.pmin(x, f32x4.splat(largest)), f32x4.splat(-largest))
  const s = f32x4.mul(x, x)
  let p = fma(f32x4.splat(-2.76076847742355e-16), s, f32x4.splat(2.00018790482477e-13))
  p = fma(p, s, f32x4.splat(-8.60467152213735e-11))
  p = fma(p, s, f32x4.splat(5.12229709037114e-8))
  p = fma(p, s, f32x4.splat(1.48572235717979e-5))
  p = fma(p, s, f32x4.splat(6.37261928875436e-4))
  p = fma(p, s, f32x4.splat(4.89352455891786e-3))
  let q = fma(f32x4.splat(1.19825839466702e-6), s, f32x4.splat(1.18534705686654e-4))
  q = fma(q, s, f32x4.splat(2.26843463243900e-3))
  q = fma(q, s, f32x4.splat(4.89352518554385e-3))
  return f32x4.div(f32x4.mul(p, x), q)
}

/** Near 0 a polynomial in x^2; from 0.93 on 1 - exp of a polynomial. Source: Juffa, "Accurate implementation of erff", 2016. */
@inline
export function errorFunction(x: v128): v128 {
  const t = f32x4.min(f32x4.abs(x), f32x4.splat(4))
  const s = f32x4.mul(x, x)
  let p = fma(f32x4.splat(-1.72853470e-5), t, f32x4.splat(3.83197126e-4))
  p = fma(p, t, f32x4.splat(-3.88396438e-3))
  p = fma(p, t, f32x4.splat(2.42546219e-2))
  p = fma(p, t, f32x4.splat(-1.06777877e-1))
  p = fma(p, t, f32x4.splat(-6.34846687e-1))
  p = fma(p, t, f32x4.splat(-1.28717512e-1))
  const high = copySign(f32x4.sub(f32x4.splat(1), expNegative(fma(p, t, f32x4.neg(t)))), x)
  let q = fma(f32x4.splat(-5.96761703e-4), s, f32x4.splat(4.99119423e-3))
  q = fma(q, s, f32x4.splat(-2.67681349e-2))
  q = fma(q, s, f32x4.splat(1.12819925e-1))
  q = fma(q, s, f32x4.splat(-3.76125336e-1))
  q = fma(q, s, f32x4.splat(1.28379166e-1))
  return v128.bitselect(high, fma(q, x, x), f32x4.gt(t, f32x4.splat(0.927734375)))
}

/** exp(x) - 1 for x <= 0: its Taylor series down to -0.5. */
@inline
export function expMinusOne(x: v128): v128 {
  let p = fma(f32x4.splat(1.0 / 362880), x, f32x4.splat(1.0 / 40320))
  p = fma(p, x, f32x4.splat(1.0 / 5040))
  p = fma(p, x, f32x4.splat(1.0 / 720))
  p = fma(p, x, f32x4.splat(1.0 / 120))
  p = fma(p, x, f32x4.splat(1.0 / 24))
  p = fma(p, x, f32x4.splat(1.0 / 6))
  p = fma(p, x, f32x4.splat(0.5))
  const low = fma(p, f32x4.mul(x, x), x)
  return v128.bitselect(low, f32x4.sub(expNegative(x), f32x4.splat(1)), f32x4.gt(x, f32x4.splat(-0.5)))
}

/** log(1 + u) for u from 0 to 1: 2 artanh(u / (2 + u)) by its series. */
@inline
export function logOnePlus(u: v128): v128 {
  const z = f32x4.div(u, f32x4.add(u, f32x4.splat(2)))
  const s = f32x4.mul(z, z)
  let p = fma(f32x4.splat(1.0 / 15), s, f32x4.splat(1.0 / 13))
  p = fma(p, s, f32x4.splat(1.0 / 11))
  p = fma(p, s, f32x4.splat(1.0 / 9))
  p = fma(p, s, f32x4.splat(1.0 / 7))
  p = fma(p, s, f32x4.splat(1.0 / 5))
  p = fma(p, s, f32x4.splat(1.0 / 3))
  const doubled = f32x4.add(z, z)
  return fma(f32x4.mul(p, s), doubled, doubled)
}
