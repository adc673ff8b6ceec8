// Arrays of one weight have one length: each `!` is in range.
import { boolean, number } from '@digitlab/models'
import { rateAdvice, shown } from '../advice'
import { defineOptimizer } from '../optimizer-type'

/** What the case study trains with; PyTorch has no default. */
const learningRate = 0.1

/**
 * Stochastic gradient descent, as PyTorch's `torch.optim.SGD`, weight decay as an L2 penalty. Source for nesterov: Sutskever et al.,
 * "On the importance of initialization and momentum in deep learning", ICML 2013.
 */
export const sgd = defineOptimizer({
  name: 'sgd',
  says: 'stochastic gradient descent, with momentum where one is given',
  options: {
    learningRate: number({ from: 0, default: learningRate, says: 'the step size' }),
    momentum: number({ from: 0, default: 0, says: 'how much of the previous step is added again' }),
    weightDecay: number({ from: 0, default: 0, says: 'L2 penalty on the weights' }),
    // Absent where they stand for nothing: experiments keep the ids that they had before there were these.
    dampening: number({ optional: true, absent: 0, says: 'how much less of each gradient momentum takes' }),
    nesterov: boolean({ optional: true, absent: false, says: 'momentum that looks ahead' }),
  },
  contradiction: ({ momentum, dampening = 0, nesterov = false }) =>
    nesterov && (momentum === 0 || dampening !== 0)
      ? `nesterov needs a momentum above 0 and a dampening of 0, they are ${momentum} and ${dampening}`
      : undefined,
  state: ({ momentum }) => (momentum === 0 ? [] : ['velocity']),
  step({ ops }, { weights, gradients, state: { velocity = [] }, step, options }) {
    const next = ops.sgdStep(weights, gradients, velocity, step, options)
    return { weights: next.weights, state: options.momentum === 0 ? {} : { velocity: next.velocities } }
  },
  varies: true,
  step64({ weight, gradient, state: { velocity }, step, options }) {
    const { learningRate, momentum, weightDecay, dampening = 0, nesterov = false } = options
    for (let i = 0; i < weight.length; i++) {
      const g = gradient[i]! + weightDecay * weight[i]!
      const v = step === 1 || !velocity ? g : momentum * velocity[i]! + (1 - dampening) * g
      if (velocity) velocity[i] = v
      weight[i]! -= learningRate * (nesterov ? g + momentum * v : v)
    }
  },
  /** A weight is multiplied by 1 - learningRate x weightDecay at each step: beyond a product of 2 (1 + momentum) it grows by that alone. */
  advice({ learningRate: rate, momentum, weightDecay }) {
    if (momentum >= 1) return `with a momentum of ${momentum} no gradient is ever forgotten, try 0.9`
    const working = learningRate * (momentum > 0.5 ? 0.1 : 1)
    const most = 2 * (1 + momentum)
    if (Math.min(rate, working) * weightDecay >= most)
      return `a weight decay of ${weightDecay} makes weights grow by itself (times the learning rate it must stay below ${shown(most)}), try 0.0001`
    return rateAdvice(rate, working)
  },
})
