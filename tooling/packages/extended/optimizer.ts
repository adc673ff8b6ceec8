// SGD by the sign of the gradient, with a trace of signs.
import { number } from '@digitlab/models'
import { defineOptimizer } from '@digitlab/train'

export const signSgd = defineOptimizer({
  name: 'signSgd',
  options: { learningRate: number({ from: 0, default: 0.001 }), decay: number({ from: 0, below: 1, default: 0.9 }) },
  state: () => ['trace'],
  step({ tf }, { weights, gradients, state: { trace = [] }, options: { learningRate, decay } }) {
    const next = gradients.map((gradient, i) => tf.add(tf.mul(trace[i] ?? 0, decay), tf.sign(gradient)))
    return {
      weights: weights.map((weight, i) => tf.sub(weight, tf.mul(next[i] ?? 0, learningRate))),
      state: { trace: next },
    }
  },
  step64({ weight, gradient, state: { trace = new Float64Array() }, options: { learningRate, decay } }) {
    gradient.forEach((g, i) => {
      trace[i] = (trace[i] ?? 0) * decay + Math.sign(g)
      weight[i] = (weight[i] ?? 0) - learningRate * (trace[i] ?? 0)
    })
  },
})
