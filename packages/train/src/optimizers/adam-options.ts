import { number } from '@digitlab/models'
import { rateAdvice } from '../advice'

/** Below this, as float32, an epsilon is nothing beside a root. */
const noEpsilon = 1e-30

/** The options that Adam and those that follow it have in common, with PyTorch's ranges and defaults. */
export const adamOptions = (learningRate: number) => ({
  learningRate: number({ from: 0, default: learningRate, says: 'the step size' }),
  beta1: number({ from: 0, below: 1, default: 0.9, says: 'decay of the mean of the gradients' }),
  beta2: number({ from: 0, below: 1, default: 0.999, says: 'decay of the mean of their squares' }),
  epsilon: number({ from: 0, default: 1e-8, says: 'added to the denominator, for stability' }),
})

/** With beta2 below beta1^2 it need not converge (Reddi, Kale and Kumar, "On the convergence of Adam and beyond", ICLR 2018, theorem 2). */
export const adamAdvice = (
  options: {
    readonly learningRate: number
    readonly beta1: number
    readonly beta2: number
    readonly epsilon: number
  },
  working: number,
): string | undefined => {
  const { learningRate, beta1, beta2, epsilon } = options
  if (epsilon < noEpsilon) return epsilonAdvice(epsilon, 1e-8)
  if (beta1 * beta1 > beta2) return `betas of ${beta1} and ${beta2} make steps without bound, try 0.9 and 0.999`
  return rateAdvice(learningRate, working)
}

/** @param working one that is known to work */
const epsilonAdvice = (epsilon: number, working: number): string =>
  `an epsilon of ${epsilon} divides by 0 where a gradient is 0, try ${working}`

/** The same where only the learning rate may be to blame beside it. */
export const divisorAdvice = (
  { learningRate, epsilon }: { readonly learningRate: number; readonly epsilon: number },
  working: { readonly learningRate: number; readonly epsilon: number },
): string | undefined =>
  epsilon < noEpsilon ? epsilonAdvice(epsilon, working.epsilon) : rateAdvice(learningRate, working.learningRate)
