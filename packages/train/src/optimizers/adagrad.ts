// Arrays of one weight have one length: each `!` is in range.
import { number } from '@digitlab/models'
import { defineOptimizer } from '../optimizer-type'
import { divisorAdvice } from './adam-options'

const working = { learningRate: 0.01, epsilon: 1e-10 } as const

/** As PyTorch's `torch.optim.Adagrad`. Source: Duchi, Hazan and Singer, "Adaptive subgradient methods", JMLR 2011. */
export const adagrad = defineOptimizer({
  name: 'adagrad',
  says: 'steps divided by the root of the sum of all squared gradients',
  options: {
    learningRate: number({ from: 0, default: working.learningRate, says: 'the step size' }),
    learningRateDecay: number({ from: 0, default: 0, says: 'how fast the learning rate decays' }),
    weightDecay: number({ from: 0, default: 0, says: 'L2 penalty on the weights' }),
    initialAccumulatorValue: number({ from: 0, default: 0, says: 'what the sums start from' }),
    epsilon: number({ from: 0, default: working.epsilon, says: 'what is added to the root of a sum' }),
  },
  state: () => ['sum'],
  begins: ({ initialAccumulatorValue }) => ({ sum: initialAccumulatorValue }),
  step({ ops }, { weights, gradients, state: { sum = [] }, step, options }) {
    const { learningRate, learningRateDecay, weightDecay, epsilon } = options
    const kept = { first: sum, second: [], third: [] }
    const rule = { rule: 'adagrad', learningRate, learningRateDecay, weightDecay, epsilon } as const
    const next = ops.optimizerStep(weights, gradients, kept, step, rule)
    return { weights: next.weights, state: { sum: next.kept.first } }
  },
  varies: true,
  step64({ weight, gradient, state, step, options: { learningRate, learningRateDecay, weightDecay, epsilon } }) {
    const sum = state['sum']!
    for (let i = 0; i < weight.length; i++) {
      const g = gradient[i]! + weightDecay * weight[i]!
      sum[i]! += g * g
      weight[i]! -= ((learningRate / (1 + (step - 1) * learningRateDecay)) * g) / (Math.sqrt(sum[i]!) + epsilon)
    }
  },
  advice: (options) => divisorAdvice(options, working),
})
