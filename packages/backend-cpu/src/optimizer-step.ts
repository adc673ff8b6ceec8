// Gradients and what is kept beside the weights have the weights' sizes: each `!` is in range.
import { keptBy, nadamMomenta, type OptimizerRule, type StepCount } from '@digitlab/ops/backend'
import { forgetNonZeros } from './dense'
import { defineKernel } from './kernel'

/**
 * g = gradient + weightDecay w; v = momentum v + (1 - dampening) g (v = g at step 1); w = w - learningRate v, or with nesterov
 * w = w - learningRate (g + momentum v). In place.
 */
export const sgdStep = defineKernel('DigitlabSgdStep', ({ values }, inputs, options) => {
  const { count, step, learningRate, momentum, weightDecay, dampening = 0, nesterov = false } = options
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
      const v = step === 1 ? g : momentum * velocity[i]! + (1 - dampening) * g
      velocity[i] = v
      weight[i] = w - learningRate * (nesterov ? g + momentum * v : v)
    }
  }
  return {}
})

/** Adam in PyTorch's order; see `adamStep` of @digitlab/ops. In place. */
export const adamStep = defineKernel('DigitlabAdamStep', ({ values }, inputs, options) => {
  const { count, step, learningRate, beta1, beta2, epsilon, weightDecay, decoupled = false } = options
  const [penalty, shrink] = decoupled ? [0, 1 - learningRate * weightDecay] : [weightDecay, 1]
  const stepSize = learningRate / (1 - beta1 ** step)
  const correction = Math.sqrt(1 - beta2 ** step)
  for (let n = 0; n < count; n++) {
    const [weight, gradient] = [values<Float32Array>(inputs.weight[n]!), values<Float32Array>(inputs.gradient[n]!)]
    const [first, second] = [values<Float32Array>(inputs.first[n]!), values<Float32Array>(inputs.second[n]!)]
    forgetNonZeros(weight)
    for (let i = 0; i < weight.length; i++) {
      const w = weight[i]!
      const g = gradient[i]! + penalty * w
      const m = beta1 * first[i]! + (1 - beta1) * g
      const v = beta2 * second[i]! + (1 - beta2) * g * g
      first[i] = m
      second[i] = v
      weight[i] = shrink * w - stepSize * (m / (Math.sqrt(v) / correction + epsilon))
    }
  }
  return {}
})

/** The rules of `optimizerStep` of @digitlab/ops. In place. */
export const optimizerStep = defineKernel('DigitlabOptimizerStep', ({ values }, inputs, options) => {
  const names = keptBy(options)
  for (let n = 0; n < options.count; n++) {
    const weight = values<Float32Array>(inputs.weight[n]!)
    const [first, second, third] = (['first', 'second', 'third'] as const).map((name) =>
      names.includes(name) ? values<Float32Array>(inputs[name][n]!) : none,
    ) as [Float32Array, Float32Array, Float32Array]
    forgetNonZeros(weight)
    stepBy(options, weight, values<Float32Array>(inputs.gradient[n]!), first, second, third)
  }
  return {}
})

const none = new Float32Array(0)

const stepBy = (
  options: OptimizerRule & StepCount,
  weight: Float32Array,
  gradient: Float32Array,
  first: Float32Array,
  second: Float32Array,
  third: Float32Array,
): void => {
  const { step, learningRate, epsilon } = options
  const decoupled = options.rule === 'nadam' && options.decoupled
  const penalty = decoupled ? 0 : options.weightDecay
  switch (options.rule) {
    case 'adadelta': {
      const { rho } = options
      for (let i = 0; i < weight.length; i++) {
        const g = gradient[i]! + penalty * weight[i]!
        first[i] = rho * first[i]! + (1 - rho) * g * g
        const delta = (Math.sqrt(second[i]! + epsilon) / Math.sqrt(first[i]! + epsilon)) * g
        second[i] = rho * second[i]! + (1 - rho) * delta * delta
        weight[i]! -= learningRate * delta
      }
      break
    }
    case 'rmsprop': {
      const { alpha, momentum, centered } = options
      for (let i = 0; i < weight.length; i++) {
        const g = gradient[i]! + penalty * weight[i]!
        first[i] = alpha * first[i]! + (1 - alpha) * g * g
        let spread = first[i]!
        if (centered) {
          third[i]! += (1 - alpha) * (g - third[i]!)
          spread = Math.fround(spread - third[i]! * third[i]!)
        }
        let move = g / (Math.sqrt(spread) + epsilon)
        if (momentum > 0) {
          second[i] = momentum * second[i]! + move
          move = second[i]!
        }
        weight[i]! -= learningRate * move
      }
      break
    }
    case 'adagrad': {
      const rate = learningRate / (1 + (step - 1) * options.learningRateDecay)
      for (let i = 0; i < weight.length; i++) {
        const g = gradient[i]! + penalty * weight[i]!
        first[i]! += g * g
        weight[i]! -= (rate * g) / (Math.sqrt(first[i]!) + epsilon)
      }
      break
    }
    case 'nadam': {
      const { beta1, beta2 } = options
      const [mu, next] = nadamMomenta(step, options)
      const shrink = decoupled ? 1 - learningRate * options.weightDecay : 1
      for (let i = 0; i < weight.length; i++) {
        const g = gradient[i]! + penalty * weight[i]!
        first[i] = beta1 * first[i]! + (1 - beta1) * g
        second[i] = beta2 * second[i]! + (1 - beta2) * g * g
        third[i]! *= mu
        const below = Math.sqrt(second[i]! / (1 - beta2 ** step)) + epsilon
        const ofGradient = ((1 - mu) / (1 - third[i]!)) * g
        const ofMean = (next / (1 - third[i]! * next)) * first[i]!
        weight[i] = shrink * weight[i]! - (learningRate * (ofGradient + ofMean)) / below
      }
    }
  }
}

/** See `clipGradients` of @digitlab/ops. In place. */
export const clipGradients = defineKernel(
  'DigitlabClipGradients',
  ({ values }, { gradient }, { norm, value, count }) => {
    const all = gradient.slice(0, count).map((each) => values<Float32Array>(each))
    let factor = 1
    if (norm !== Infinity) {
      let total = 0
      for (const each of all) for (let i = 0; i < each.length; i++) total += each[i]! * each[i]!
      factor = norm / (Math.sqrt(total) + 1e-6)
      if (factor > 1) factor = 1 // NaN stays NaN
    }
    for (const each of all)
      for (let i = 0; i < each.length; i++) each[i] = Math.max(-value, Math.min(value, each[i]! * factor))
    return {}
  },
)

/** See `averageWeights` of @digitlab/ops. In place. */
export const averageWeights = defineKernel(
  'DigitlabAverageWeights',
  ({ values }, { average, weight }, { decay, count, step }) => {
    for (let n = 0; n < count; n++) {
      const [mean, now] = [values<Float32Array>(average[n]!), values<Float32Array>(weight[n]!)]
      forgetNonZeros(mean)
      if (step === 1) mean.set(now)
      else for (let i = 0; i < mean.length; i++) mean[i]! += (1 - decay) * (now[i]! - mean[i]!)
    }
    return {}
  },
)
