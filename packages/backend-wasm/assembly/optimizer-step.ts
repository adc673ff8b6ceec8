// One optimizer step on one weight, in place; of SGD and Adam on its elements from .. to - 1.
// SGD:  g = gradient + weightDecay w; v = momentum v + rest g (first step: v = g); w = w - learningRate v, with rest = 1 - dampening;
//       nesterov: w = w - learningRate (g + momentum v).
// Adam: w = shrink w (decoupled weight decay: 1 - learningRate x weightDecay, else 1); m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; w = w - stepSize m / (sqrt(v) / correction + epsilon)
//       with stepSize = learningRate / (1 - beta1^step), correction = sqrt(1 - beta2^step).
// The other rules: see optimizerStep of @digitlab/ops.
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.
import { fma } from './simd'

/** Four neighbours, or one of them in the first lane. */
@inline
function load4(address: usize, vector: bool): v128 {
  return vector ? v128.load(address) : v128.load32_zero(address)
}

@inline
function store4(address: usize, values: v128, vector: bool): void {
  if (vector) v128.store(address, values)
  else v128.store32_lane(address, values, 0)
}

/** keeps x mean + takes x value */
@inline
function follow(mean: v128, value: v128, keeps: f32, takes: f32): v128 {
  return fma(f32x4.splat(keeps), mean, f32x4.mul(f32x4.splat(takes), value))
}

/** w = w - learningRate g. The last up to three elements go through the lanes of a vector too: the same rounding. */
export function sgdStep(
  weight: usize,
  gradient: usize,
  learningRate: f32,
  _room: usize,
  from: usize,
  to: usize,
): void {
  const rate = f32x4.splat(-learningRate)
  const end = weight + (to << 2)
  weight += from << 2
  gradient += from << 2
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
  learningRate: f32,
  momentum: f32,
  weightDecay: f32,
  first: bool,
  rest: f32,
  nesterov: bool,
  _room: usize,
  from: i32,
  to: i32,
): void {
  const rate = f32x4.splat(-learningRate)
  const decay = f32x4.splat(weightDecay)
  const keep = f32x4.splat(momentum)
  const take = f32x4.splat(rest)
  const whole = from + ((to - from) & ~3)
  for (let i = from; i < to; i += i < whole ? 4 : 1) {
    const at = <usize>i << 2
    const vector = i < whole
    const w = vector ? v128.load(weight + at) : v128.load32_zero(weight + at)
    let g = fma(decay, w, vector ? v128.load(gradient + at) : v128.load32_zero(gradient + at))
    if (velocity != 0) {
      let v = g
      if (!first) v = fma(keep, load4(velocity + at, vector), f32x4.mul(take, g))
      store4(velocity + at, v, vector)
      g = nesterov ? fma(keep, v, g) : v
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
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  stepSize: f32,
  correction: f32,
  epsilon: f32,
  weightDecay: f32,
  shrink: f32,
  _room: usize,
  from: i32,
  to: i32,
): void {
  const whole = from + ((to - from) & ~3)
  for (let i = from; i < to; i += i < whole ? 4 : 1) {
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
    const next = f32x4.sub(f32x4.mul(f32x4.splat(shrink), w), f32x4.mul(f32x4.splat(stepSize), f32x4.div(m, below)))
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

export function adadeltaStep(
  weight: usize,
  gradient: usize,
  squares: usize,
  deltas: usize,
  learningRate: f32,
  rho: f32,
  rest: f32,
  epsilon: f32,
  weightDecay: f32,
  _room: usize,
  from: i32,
  to: i32,
): void {
  const whole = from + ((to - from) & ~3)
  const added = f32x4.splat(epsilon)
  for (let i = from; i < to; i += i < whole ? 4 : 1) {
    const at = <usize>i << 2
    const vector = i < whole
    const w = load4(weight + at, vector)
    const g = fma(f32x4.splat(weightDecay), w, load4(gradient + at, vector))
    const square = follow(load4(squares + at, vector), f32x4.mul(g, g), rho, rest)
    const past = load4(deltas + at, vector)
    const ratio = f32x4.div(f32x4.sqrt(f32x4.add(past, added)), f32x4.sqrt(f32x4.add(square, added)))
    const delta = f32x4.mul(ratio, g)
    store4(squares + at, square, vector)
    store4(deltas + at, follow(past, f32x4.mul(delta, delta), rho, rest), vector)
    store4(weight + at, fma(f32x4.splat(-learningRate), delta, w), vector)
  }
}

/** `velocities` is 0 without momentum, `means` where it is not centered. */
export function rmspropStep(
  weight: usize,
  gradient: usize,
  squares: usize,
  velocities: usize,
  means: usize,
  learningRate: f32,
  alpha: f32,
  rest: f32,
  momentum: f32,
  epsilon: f32,
  weightDecay: f32,
  _room: usize,
  from: i32,
  to: i32,
): void {
  const whole = from + ((to - from) & ~3)
  for (let i = from; i < to; i += i < whole ? 4 : 1) {
    const at = <usize>i << 2
    const vector = i < whole
    const w = load4(weight + at, vector)
    const g = fma(f32x4.splat(weightDecay), w, load4(gradient + at, vector))
    const square = follow(load4(squares + at, vector), f32x4.mul(g, g), alpha, rest)
    store4(squares + at, square, vector)
    let spread = square
    if (means != 0) {
      const past = load4(means + at, vector)
      const mean = fma(f32x4.splat(rest), f32x4.sub(g, past), past)
      store4(means + at, mean, vector)
      spread = f32x4.sub(square, f32x4.mul(mean, mean))
    }
    let move = f32x4.div(g, f32x4.add(f32x4.sqrt(spread), f32x4.splat(epsilon)))
    if (velocities != 0) {
      move = fma(f32x4.splat(momentum), load4(velocities + at, vector), move)
      store4(velocities + at, move, vector)
    }
    store4(weight + at, fma(f32x4.splat(-learningRate), move, w), vector)
  }
}

export function adagradStep(
  weight: usize,
  gradient: usize,
  squares: usize,
  learningRate: f32,
  epsilon: f32,
  weightDecay: f32,
  _room: usize,
  from: i32,
  to: i32,
): void {
  const whole = from + ((to - from) & ~3)
  for (let i = from; i < to; i += i < whole ? 4 : 1) {
    const at = <usize>i << 2
    const vector = i < whole
    const w = load4(weight + at, vector)
    const g = fma(f32x4.splat(weightDecay), w, load4(gradient + at, vector))
    const square = fma(g, g, load4(squares + at, vector))
    store4(squares + at, square, vector)
    const move = f32x4.div(g, f32x4.add(f32x4.sqrt(square), f32x4.splat(epsilon)))
    store4(weight + at, fma(f32x4.splat(-learningRate), move, w), vector)
  }
}

/** `correction` is 1 - beta2^step; every element of `products` is the same. */
export function nadamStep(
  weight: usize,
  gradient: usize,
  first: usize,
  second: usize,
  products: usize,
  learningRate: f64,
  beta1: f32,
  rest1: f32,
  beta2: f32,
  rest2: f32,
  mu: f64,
  muNext: f64,
  correction: f32,
  epsilon: f32,
  weightDecay: f32,
  shrink: f32,
  _room: usize,
  from: i32,
  to: i32,
): void {
  const product = <f32>(<f64>load<f32>(products + (<usize>from << 2)) * mu)
  const ofGradient = f32x4.splat(<f32>((-learningRate * (1.0 - mu)) / (1.0 - <f64>product)))
  const ofMean = f32x4.splat(<f32>((-learningRate * muNext) / (1.0 - <f64>product * muNext)))
  const whole = from + ((to - from) & ~3)
  for (let i = from; i < to; i += i < whole ? 4 : 1) {
    const at = <usize>i << 2
    const vector = i < whole
    let w = load4(weight + at, vector)
    const g = fma(f32x4.splat(weightDecay), w, load4(gradient + at, vector))
    w = f32x4.mul(f32x4.splat(shrink), w)
    const m = follow(load4(first + at, vector), g, beta1, rest1)
    const v = follow(load4(second + at, vector), f32x4.mul(g, g), beta2, rest2)
    const below = f32x4.add(f32x4.sqrt(f32x4.div(v, f32x4.splat(correction))), f32x4.splat(epsilon))
    w = fma(ofGradient, f32x4.div(g, below), w)
    store4(first + at, m, vector)
    store4(second + at, v, vector)
    store4(products + at, f32x4.splat(product), vector)
    store4(weight + at, fma(ofMean, f32x4.div(m, below), w), vector)
  }
}

/** The sum of the squares, in float64. */
export function sumOfSquares(values: usize, size: i32): f64 {
  let low = f64x2.splat(0)
  let high = f64x2.splat(0)
  const end = values + (<usize>size << 2)
  for (; values + 16 <= end; values += 16) {
    const four = v128.load(values)
    const first = f64x2.promote_low_f32x4(four)
    const second = f64x2.promote_low_f32x4(i8x16.shuffle(four, four, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15))
    low = f64x2.add(low, f64x2.mul(first, first))
    high = f64x2.add(high, f64x2.mul(second, second))
  }
  const both = f64x2.add(low, high)
  let sum = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1)
  for (; values < end; values += 4) {
    const value = <f64>load<f32>(values)
    sum += value * value
  }
  return sum
}

/** values = values x factor, cut off at +-most. NaN stays NaN. */
export function clip(values: usize, size: i32, factor: f32, most: f32): void {
  const by = f32x4.splat(factor)
  const upper = f32x4.splat(most)
  const lower = f32x4.splat(-most)
  const whole = size & ~3
  for (let i = 0; i < size; i += i < whole ? 4 : 1) {
    const at = values + (<usize>i << 2)
    const vector = i < whole
    const scaled = f32x4.mul(by, load4(at, vector))
    store4(at, f32x4.max(lower, f32x4.min(upper, scaled)), vector)
  }
}

/** average = average + rest (weight - average), where rest is 0.5 or more weight - (1 - rest) (weight - average); first: the weight. */
export function averageWeights(
  average: usize,
  weight: usize,
  rest: f32,
  decay: f32,
  first: bool,
  _room: usize,
  from: i32,
  to: i32,
): void {
  const whole = from + ((to - from) & ~3)
  for (let i = from; i < to; i += i < whole ? 4 : 1) {
    const at = <usize>i << 2
    const vector = i < whole
    const w = load4(weight + at, vector)
    const a = load4(average + at, vector)
    const apart = f32x4.sub(w, a)
    let next = rest < 0.5 ? fma(f32x4.splat(rest), apart, a) : fma(f32x4.splat(-decay), apart, w)
    if (first) next = w
    store4(average + at, next, vector)
  }
}
