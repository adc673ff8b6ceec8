// Arrays of one weight have one length: each `!` is in range.
import { boolean, number } from '@digitlab/models'
import { defineOptimizer } from '../optimizer-type'
import { divisorAdvice } from './adam-options'

const working = { learningRate: 0.01, epsilon: 1e-8 } as const

/** As PyTorch's `torch.optim.RMSprop`. Source: Hinton, "Neural networks for machine learning", lecture 6e, 2012. */
export const rmsprop = defineOptimizer({
  name: 'rmsprop',
  says: 'steps divided by the root of a running mean of squared gradients',
  options: {
    learningRate: number({ from: 0, default: working.learningRate, says: 'the step size' }),
    alpha: number({ from: 0, default: 0.99, says: 'decay of the mean of squared gradients' }),
    epsilon: number({ from: 0, default: working.epsilon, says: 'added to the denominator, for stability' }),
    weightDecay: number({ from: 0, default: 0, says: 'L2 penalty on the weights' }),
    momentum: number({ from: 0, default: 0, says: 'how much of the previous step is added again' }),
    centered: boolean({ default: false, says: 'normalize by the variance of the gradients instead' }),
  },
  state: ({ momentum, centered }) => ['square', ...(momentum > 0 ? ['velocity'] : []), ...(centered ? ['mean'] : [])],
  step({ ops }, { weights, gradients, state: { square = [], velocity = [], mean = [] }, step, options }) {
    const kept = { first: square, second: velocity, third: mean }
    const next = ops.optimizerStep(weights, gradients, kept, step, { rule: 'rmsprop', ...options })
    return {
      weights: next.weights,
      state: { square: next.kept.first, velocity: next.kept.second, mean: next.kept.third },
    }
  },
  varies: true,
  step64({ weight, gradient, state, options }) {
    const { learningRate, alpha, epsilon, weightDecay, momentum, centered } = options
    const { square, velocity, mean } = state
    for (let i = 0; i < weight.length; i++) {
      const g = gradient[i]! + weightDecay * weight[i]!
      let spread = alpha * square![i]! + (1 - alpha) * g * g
      square![i] = spread
      if (centered) {
        mean![i] = mean![i]! + (1 - alpha) * (g - mean![i]!)
        spread -= mean![i]! ** 2
      }
      let move = g / (Math.sqrt(spread) + epsilon)
      if (momentum > 0) move = velocity![i] = momentum * velocity![i]! + move
      weight[i]! -= learningRate * move
    }
  },
  advice: (options) => divisorAdvice(options, working),
})
