// One optimizer step on one weight, in place.
// SGD:  g = gradient + weightDecay w; v = momentum v + g (first step: v = g); w = w - learningRate v.
// Adam: m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; w = w - stepSize m / (sqrt(v) / correction + epsilon)
//       with stepSize = learningRate / (1 - beta1^step), correction = sqrt(1 - beta2^step).
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.
import { fma } from './simd'

/** w = w - learningRate g. The last up to three elements go through the lanes of a vector too: the same rounding. */
export function sgdStep(weight: usize, gradient: usize, size: i32, learningRate: f32): void {
  const rate = f32x4.splat(-learningRate)
  const end = weight + (<usize>size << 2)
  for (; weight + 16 <= end; weight += 16, gradient += 16)
    v128.store(weight, fma(rate, v128.load(gradient), v128.load(weight)))
  for (; weight < end; weight += 4, gradient += 4) {
    const next = fma(rate, v128.load32_zero(gradient), v128.load32_zero(weight))
    v128.store32_lane(weight, next, 0)
  }
}

/** With weight decay and momentum; `velocity` is 0 (no address) where momentum is 0. */
export function sgdMomentumStep(
  weight: usize,
  gradient: usize,
  velocity: usize,
  size: i32,
  learningRate: f32,
  momentum: f32,
  weightDecay: f32,
  first: bool,
): void {
  const rate = f32x4.splat(-learningRate)
  const decay = f32x4.splat(weightDecay)
  const keep = f32x4.splat(momentum)
  const whole = size & ~3
  for (let i = 0; i < size; i += i < whole ? 4 : 1) {
    const at = <usize>i << 2
    const vector = i < whole
    const w = vector ? v128.load(weight + at) : v128.load32_zero(weight + at)
    let g = fma(decay, w, vector ? v128.load(gradient + at) : v128.load32_zero(gradient + at))
    if (velocity != 0) {
      if (!first) g = fma(keep, vector ? v128.load(velocity + at) : v128.load32_zero(velocity + at), g)
      if (vector) v128.store(velocity + at, g)
      else v128.store32_lane(velocity + at, g, 0)
    }
    const next = fma(rate, g, w)
    if (vector) v128.store(weight + at, next)
    else v128.store32_lane(weight + at, next, 0)
  }
}

export function adamStep(
  weight: usize,
  gradient: usize,
  first: usize,
  second: usize,
  size: i32,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  stepSize: f32,
  correction: f32,
  epsilon: f32,
  weightDecay: f32,
): void {
  const whole = size & ~3
  for (let i = 0; i < size; i += i < whole ? 4 : 1) {
    const at = <usize>i << 2
    const vector = i < whole
    const w = vector ? v128.load(weight + at) : v128.load32_zero(weight + at)
    let g = vector ? v128.load(gradient + at) : v128.load32_zero(gradient + at)
    if (weightDecay != 0) g = fma(f32x4.splat(weightDecay), w, g)
    let m = vector ? v128.load(first + at) : v128.load32_zero(first + at)
    let v = vector ? v128.load(second + at) : v128.load32_zero(second + at)
    m = fma(f32x4.splat(beta1), m, f32x4.mul(f32x4.splat(rest1), g))
    v = fma(f32x4.splat(beta2), v, f32x4.mul(f32x4.splat(rest2), f32x4.mul(g, g)))
    const below = f32x4.add(f32x4.div(f32x4.sqrt(v), f32x4.splat(correction)), f32x4.splat(epsilon))
    const next = f32x4.sub(w, f32x4.mul(f32x4.splat(stepSize), f32x4.div(m, below)))
    if (vector) {
      v128.store(weight + at, next)
      v128.store(first + at, m)
      v128.store(second + at, v)
    } else {
      v128.store32_lane(weight + at, next, 0)
      v128.store32_lane(first + at, m, 0)
      v128.store32_lane(second + at, v, 0)
    }
  }
}
