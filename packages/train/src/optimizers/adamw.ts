// Arrays of one weight have one length: each `!` is in range.
import { number } from '@digitlab/models'
import { defineOptimizer } from '../optimizer-type'
import { adamAdvice, adamOptions } from './adam-options'

const learningRate = 0.001

/** As PyTorch's `torch.optim.AdamW`. Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019. */
export const adamw = defineOptimizer({
  name: 'adamw',
  says: 'adam, with weights that shrink by themselves',
  options: {
    ...adamOptions(learningRate),
    weightDecay: number({
      from: 0,
      default: 0.01,
      says: 'times the learning rate, how much weights shrink at each step',
    }),
  },
  state: () => ['first', 'second'],
  step({ ops }, { weights, gradients, state: { first = [], second = [] }, step, options }) {
    const next = ops.adamStep(weights, gradients, first, second, step, { ...options, decoupled: true })
    return { weights: next.weights, state: { first: next.first, second: next.second } }
  },
  varies: true,
  step64({ weight, gradient, state, step, options: { learningRate, beta1, beta2, epsilon, weightDecay } }) {
    const [m, v] = [state['first']!, state['second']!]
    for (let i = 0; i < weight.length; i++) {
      const g = gradient[i]!
      m[i] = beta1 * m[i]! + (1 - beta1) * g
      v[i] = beta2 * v[i]! + (1 - beta2) * g * g
      const corrected = Math.sqrt(v[i]!) / Math.sqrt(1 - beta2 ** step) + epsilon
      weight[i] =
        weight[i]! * (1 - learningRate * weightDecay) - (learningRate / (1 - beta1 ** step)) * (m[i]! / corrected)
    }
  },
  advice: (options) => adamAdvice(options, learningRate),
})
