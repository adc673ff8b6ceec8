// Arrays of one weight have one length: each `!` is in range.
import { number } from '@digitlab/models'
import { defineOptimizer } from '../optimizer-type'
import { adamAdvice, adamOptions } from './adam-options'

const learningRate = 0.001

/** As PyTorch's `torch.optim.Adam`, weight decay as an L2 penalty. Source: Kingma and Ba, "Adam", ICLR 2015. */
export const adam = defineOptimizer({
  name: 'adam',
  says: 'steps scaled by running means of the gradients and of their squares',
  options: {
    ...adamOptions(learningRate),
    weightDecay: number({ from: 0, default: 0, says: 'L2 penalty on the weights' }),
  },
  state: () => ['first', 'second'],
  step({ ops }, { weights, gradients, state: { first = [], second = [] }, step, options }) {
    const next = ops.adamStep(weights, gradients, first, second, step, options)
    return { weights: next.weights, state: { first: next.first, second: next.second } }
  },
  varies: true,
  step64({ weight, gradient, state, step, options: { learningRate, beta1, beta2, epsilon, weightDecay } }) {
    const [m, v] = [state['first']!, state['second']!]
    for (let i = 0; i < weight.length; i++) {
      const g = gradient[i]! + weightDecay * weight[i]!
      m[i] = beta1 * m[i]! + (1 - beta1) * g
      v[i] = beta2 * v[i]! + (1 - beta2) * g * g
      const corrected = Math.sqrt(v[i]!) / Math.sqrt(1 - beta2 ** step) + epsilon
      weight[i]! -= (learningRate / (1 - beta1 ** step)) * (m[i]! / corrected)
    }
  },
  advice: (options) => adamAdvice(options, learningRate),
})
