// Gradients and what is kept beside the weights have the weights' sizes: each `!` is in range.
import { forgetNonZeros } from './dense'
import { defineKernel } from './kernel'

/** g = gradient + weightDecay w; v = momentum v + g (v = g at step 1); w = w - learningRate v. In place. */
export const sgdStep = defineKernel(
  'DigitlabSgdStep',
  ({ values }, inputs, { count, step, learningRate, momentum, weightDecay }) => {
    for (let n = 0; n < count; n++) {
      const [weight, gradient] = [values<Float32Array>(inputs.weight[n]!), values<Float32Array>(inputs.gradient[n]!)]
      forgetNonZeros(weight)
      if (momentum === 0) {
        for (let i = 0; i < weight.length; i++) {
          const w = weight[i]!
          weight[i] = w - learningRate * (gradient[i]! + weightDecay * w)
        }
        continue
      }
      const velocity = values<Float32Array>(inputs.velocity[n]!)
      for (let i = 0; i < weight.length; i++) {
        const w = weight[i]!
        const g = gradient[i]! + weightDecay * w
        const v = step === 1 ? g : momentum * velocity[i]! + g
        velocity[i] = v
        weight[i] = w - learningRate * v
      }
    }
    return {}
  },
)

/** Adam in PyTorch's order; see `adamStep` of @digitlab/ops. In place. */
export const adamStep = defineKernel(
  'DigitlabAdamStep',
  ({ values }, inputs, { count, step, learningRate, beta1, beta2, epsilon, weightDecay }) => {
    const stepSize = learningRate / (1 - beta1 ** step)
    const correction = Math.sqrt(1 - beta2 ** step)
    for (let n = 0; n < count; n++) {
      const [weight, gradient] = [values<Float32Array>(inputs.weight[n]!), values<Float32Array>(inputs.gradient[n]!)]
      const [first, second] = [values<Float32Array>(inputs.first[n]!), values<Float32Array>(inputs.second[n]!)]
      forgetNonZeros(weight)
      for (let i = 0; i < weight.length; i++) {
        const w = weight[i]!
        const g = gradient[i]! + weightDecay * w
        const m = beta1 * first[i]! + (1 - beta1) * g
        const v = beta2 * second[i]! + (1 - beta2) * g * g
        first[i] = m
        second[i] = v
        weight[i] = w - stepSize * (m / (Math.sqrt(v) / correction + epsilon))
      }
    }
    return {}
  },
)
