// Arrays of one weight have one length: each `!` is in range.
import { number } from '@digitlab/models'
import { defineOptimizer } from '../optimizer-type'
import { divisorAdvice } from './adam-options'

const working = { learningRate: 1, epsilon: 1e-6 } as const

/** As PyTorch's `torch.optim.Adadelta`. Source: Zeiler, "ADADELTA: an adaptive learning rate method", 2012. */
export const adadelta = defineOptimizer({
  name: 'adadelta',
  says: 'steps as long as recent steps, in proportion to the gradients',
  options: {
    learningRate: number({ from: 0, default: working.learningRate, says: 'the step size' }),
    rho: number({ from: 0, to: 1, default: 0.9, says: 'decay of the means of squares' }),
    epsilon: number({ from: 0, default: working.epsilon, says: 'what is added to a mean before its root' }),
    weightDecay: number({ from: 0, default: 0, says: 'L2 penalty on the weights' }),
  },
  state: () => ['square', 'delta'],
  step({ ops }, { weights, gradients, state: { square = [], delta = [] }, step, options }) {
    const kept = { first: square, second: delta, third: [] }
    const next = ops.optimizerStep(weights, gradients, kept, step, { rule: 'adadelta', ...options })
    return { weights: next.weights, state: { square: next.kept.first, delta: next.kept.second } }
  },
  varies: true,
  step64({ weight, gradient, state, options: { learningRate, rho, epsilon, weightDecay } }) {
    const [square, delta] = [state['square']!, state['delta']!]
    for (let i = 0; i < weight.length; i++) {
      const g = gradient[i]! + weightDecay * weight[i]!
      square[i] = rho * square[i]! + (1 - rho) * g * g
      const move = (Math.sqrt(delta[i]! + epsilon) / Math.sqrt(square[i]! + epsilon)) * g
      delta[i] = rho * delta[i]! + (1 - rho) * move * move
      weight[i]! -= learningRate * move
    }
  },
  advice: (options) => divisorAdvice(options, working),
})
