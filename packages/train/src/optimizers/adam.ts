// Arrays of one weight have one length: each `!` is in range.
import { number } from '@digitlab/models'
import { rateAdvice } from '../advice'
import { defineOptimizer } from '../optimizer-type'

const working = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const
/** Below this, as float32, an epsilon is nothing beside a root. */
const noEpsilon = 1e-30

/** As PyTorch's `torch.optim.Adam`, weight decay as an L2 penalty. Source: Kingma and Ba, "Adam", ICLR 2015. */
export const adam = defineOptimizer({
  name: 'adam',
  says: 'steps scaled by running means of the gradients and of their squares',
  options: {
    learningRate: number({ from: 0, default: working.learningRate, says: 'the size of a step' }),
    beta1: number({
      from: 0,
      below: 1,
      default: working.beta1,
      says: 'how slowly the mean of the gradients follows them',
    }),
    beta2: number({ from: 0, below: 1, default: working.beta2, says: 'how slowly the mean of their squares does' }),
    epsilon: number({ from: 0, default: working.epsilon, says: 'what is added to the root of that' }),
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
  /** With beta2 below beta1^2 it need not converge (Reddi, Kale and Kumar, "On the convergence of Adam and beyond", ICLR 2018, theorem 2). */
  advice({ learningRate, beta1, beta2, epsilon }) {
    if (epsilon < noEpsilon)
      return `an epsilon of ${epsilon} divides by 0 where a gradient is 0, try ${working.epsilon}`
    if (beta1 * beta1 > beta2)
      return `betas of ${beta1} and ${beta2} make steps without bound, try ${working.beta1} and ${working.beta2}`
    return rateAdvice(learningRate, working.learningRate)
  },
})
