// The activations in float64, by plain loops.
import type { ActivationName } from './contracts'
import type { Array64 } from './float64'

/**
 * The error function: its Taylor series up to 3, the continued fraction of erfc beyond.
 *
 * Source: Abramowitz and Stegun, 7.1.6 and 7.1.14.
 */
export const erf = (x: number): number => {
  const t = Math.abs(x)
  if (Number.isNaN(x)) return NaN
  if (t < 3) {
    let [term, sum] = [x, x]
    for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= (2 * x * x) / (2 * n + 1)
      sum += term
    }
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
  }
  let fraction = 0
  for (let n = 60; n > 0; n--) fraction = n / 2 / (t + fraction)
  return Math.sign(x) * (1 - Math.exp(-t * t) / Math.sqrt(Math.PI) / (t + fraction))
}

const logistic = (x: number) => 1 / (1 + Math.exp(-x))
const normal = (x: number) => (1 + erf(x * Math.SQRT1_2)) / 2

type Of = (x: number, parameter: number) => number

/** Each function and its slope. */
export const activations64: Readonly<Record<ActivationName, { readonly y: Of; readonly slope: Of }>> = {
  relu: { y: (x) => Math.max(x, 0), slope: (x) => (x > 0 ? 1 : 0) },
  tanh: { y: Math.tanh, slope: (x) => 1 - Math.tanh(x) ** 2 },
  sigmoid: { y: logistic, slope: (x) => logistic(x) * logistic(-x) },
  gelu: {
    y: (x) => x * normal(x),
    slope: (x) => normal(x) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI),
  },
  elu: { y: (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x)), slope: (x, alpha) => (x > 0 ? 1 : alpha * Math.exp(x)) },
  leakyRelu: { y: (x, slope) => (x > 0 ? x : slope * x), slope: (x, slope) => (x > 0 ? 1 : slope) },
  silu: { y: (x) => x * logistic(x), slope: (x) => logistic(x) * (1 + x * logistic(-x)) },
  softplus: { y: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), slope: logistic },
}

/** An activation of every value. */
export const activate = (x: Array64, name: ActivationName, parameter = 0): Array64 => ({
  shape: x.shape,
  data: x.data.map((value) => activations64[name].y(value, parameter)),
})

/** The gradient of {@link activate}: dy times the slope at x. */
export const activateGrad = (dy: Array64, x: Array64, name: ActivationName, parameter = 0): Array64 => ({
  shape: dy.shape,
  data: dy.data.map((value, i) => value * activations64[name].slope(x.data[i] as number, parameter)),
})
