// Arrays of one weight have one length: each `!` is in range.
import { boolean, number } from '@digitlab/models'
import { defineOptimizer } from '../optimizer-type'
import { adamAdvice, adamOptions } from './adam-options'

const learningRate = 0.002

/** As PyTorch's `torch.optim.NAdam`. Source: Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016. */
export const nadam = defineOptimizer({
  name: 'nadam',
  says: 'adam with momentum that looks ahead',
  options: {
    ...adamOptions(learningRate),
    weightDecay: number({ from: 0, default: 0, says: 'L2 penalty on the weights' }),
    momentumDecay: number({ from: 0, default: 0.004, says: 'how fast momentum grows to beta1' }),
    decoupledWeightDecay: boolean({ default: false, says: 'decay the weights directly, as adamw does' }),
  },
  state: () => ['first', 'second', 'product'],
  begins: () => ({ product: 1 }),
  step({ ops }, { weights, gradients, state: { first = [], second = [], product = [] }, step, options }) {
    const { decoupledWeightDecay: decoupled, ...rest } = options
    const kept = { first, second, third: product }
    const next = ops.optimizerStep(weights, gradients, kept, step, { rule: 'nadam', ...rest, decoupled })
    return {
      weights: next.weights,
      state: { first: next.kept.first, second: next.kept.second, product: next.kept.third },
    }
  },
  varies: true,
  step64({ weight, gradient, state, step, options }) {
    const { learningRate, beta1, beta2, epsilon, weightDecay, momentumDecay, decoupledWeightDecay } = options
    const [m, v, p] = [state['first']!, state['second']!, state['product']!]
    const mu = (t: number) => beta1 * (1 - 0.5 * 0.96 ** (t * momentumDecay))
    for (let i = 0; i < weight.length; i++) {
      const g = gradient[i]! + (decoupledWeightDecay ? 0 : weightDecay * weight[i]!)
      if (decoupledWeightDecay) weight[i]! *= 1 - learningRate * weightDecay
      p[i]! *= mu(step)
      m[i] = beta1 * m[i]! + (1 - beta1) * g
      v[i] = beta2 * v[i]! + (1 - beta2) * g * g
      const below = Math.sqrt(v[i]! / (1 - beta2 ** step)) + epsilon
      const next = mu(step + 1)
      weight[i]! -= (learningRate * (((1 - mu(step)) / (1 - p[i]!)) * g + (next / (1 - p[i]! * next)) * m[i]!)) / below
    }
  },
  advice: (options) => adamAdvice(options, learningRate),
})
