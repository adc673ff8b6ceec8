import { float64 } from '@digitlab/ops'
import { defineKernel } from './kernel'

/** A function of each value by itself, computed in float64. */
export const activation = defineKernel('DigitlabActivation', ({ values, output }, { x }, { name, parameter }) => {
  const { y } = float64.activations64[name]
  return {
    y: output(
      x.shape,
      values<Float32Array>(x).map((value) => y(value, parameter)),
    ),
  }
})

/** dx = dy times the slope at x. */
export const activationGrad = defineKernel(
  'DigitlabActivationGrad',
  ({ values, output }, { dy, x }, { name, parameter }) => {
    const { slope } = float64.activations64[name]
    const xs = values<Float32Array>(x)
    return {
      dx: output(
        x.shape,
        values<Float32Array>(dy).map((value, i) => value * slope(xs[i]!, parameter)), // of one shape
      ),
    }
  },
)
