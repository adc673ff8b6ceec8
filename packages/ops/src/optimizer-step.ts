import { add, div, mul, sqrt, square, sub, tidy, type Tensor } from '@tensorflow/tfjs-core'
import { kernelContracts, type AdamOptions, type SgdOptions } from './contracts'
import { hasKernel, runKernel } from './kernels'

/**
 * One step of stochastic gradient descent on all weights:
 * g = gradient + weightDecay w; v = momentum v + g (at step 1: v = g); w = w - learningRate v.
 *
 * Kernel `DigitlabSgdStep`: inputs weight0.., gradient0.., and with momentum velocity0.. It updates weights and velocities **in place** and has no output: the one kind of kernel here
 * that changes a tensor, so nobody but the owner of the weights may call it.
 *
 * @param weights updated in place, or disposed of and replaced
 * @param velocities in the shapes of the weights where momentum is not 0, else empty
 * @param step from 1
 * @returns the weights and velocities to use from now on: the same tensors where a kernel updated them in place
 */
export const sgdStep = (
  weights: readonly Tensor[],
  gradients: readonly Tensor[],
  velocities: readonly Tensor[],
  step: number,
  options: SgdOptions,
): { weights: readonly Tensor[]; velocities: readonly Tensor[] } => {
  if (hasKernel('sgdStep')) {
    const inputs = { ...named('weight', weights), ...named('gradient', gradients), ...named('velocity', velocities) }
    runKernel('sgdStep', inputs, { ...options, count: weights.length, step })
    return { weights, velocities }
  }
  kernelContracts.DigitlabSgdStep.sizes(
    { weight: weights, gradient: gradients, velocity: velocities },
    { ...options, count: weights.length, step },
  )
  const { learningRate, momentum, weightDecay } = options
  const next = tidy(() =>
    weights.flatMap((weight, i) => {
      const gradient = decayed(gradients[i] as Tensor, weight, weightDecay)
      if (momentum === 0) return [sub(weight, mul(gradient, learningRate))]
      const velocity = step === 1 ? gradient.clone() : add(mul(velocities[i] as Tensor, momentum), gradient)
      return [sub(weight, mul(velocity, learningRate)), velocity]
    }),
  )
  for (const old of [...weights, ...velocities]) old.dispose()
  if (momentum === 0) return { weights: next, velocities: [] }
  return { weights: next.filter((_, i) => i % 2 === 0), velocities: next.filter((_, i) => i % 2 === 1) }
}

/**
 * One step of Adam on all weights: m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
 * w = w - learningRate / (1 - beta1^step) x m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon), in PyTorch's order.
 *
 * Kernel `DigitlabAdamStep`: inputs weight0.., gradient0.., first0.., second0.. In place, as `DigitlabSgdStep`.
 *
 * Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
 *
 * @param first first moments, in the shapes of the weights; @param second second moments
 */
export const adamStep = (
  weights: readonly Tensor[],
  gradients: readonly Tensor[],
  first: readonly Tensor[],
  second: readonly Tensor[],
  step: number,
  options: AdamOptions,
): { weights: readonly Tensor[]; first: readonly Tensor[]; second: readonly Tensor[] } => {
  if (hasKernel('adamStep')) {
    const inputs = {
      ...named('weight', weights),
      ...named('gradient', gradients),
      ...named('first', first),
      ...named('second', second),
    }
    runKernel('adamStep', inputs, { ...options, count: weights.length, step })
    return { weights, first, second }
  }
  kernelContracts.DigitlabAdamStep.sizes(
    { weight: weights, gradient: gradients, first, second },
    { ...options, count: weights.length, step },
  )
  const { learningRate, beta1, beta2, epsilon, weightDecay } = options
  const stepSize = learningRate / (1 - beta1 ** step)
  const correction = Math.sqrt(1 - beta2 ** step)
  const next = tidy(() =>
    weights.flatMap((weight, i) => {
      const gradient = decayed(gradients[i] as Tensor, weight, weightDecay)
      const m = add(mul(first[i] as Tensor, beta1), mul(gradient, 1 - beta1))
      const v = add(mul(second[i] as Tensor, beta2), mul(square(gradient), 1 - beta2))
      const denominator = add(div(sqrt(v), correction), epsilon)
      return [sub(weight, mul(div(m, denominator), stepSize)), m, v]
    }),
  )
  for (const old of [...weights, ...first, ...second]) old.dispose()
  const every = (rest: number) => next.filter((_, i) => i % 3 === rest)
  return { weights: every(0), first: every(1), second: every(2) }
}

const decayed = (gradient: Tensor, weight: Tensor, weightDecay: number): Tensor =>
  weightDecay === 0 ? gradient : add(gradient, mul(weight, weightDecay))

const named = (prefix: string, tensors: readonly Tensor[]): Record<string, Tensor> =>
  Object.fromEntries(tensors.map((tensor, i) => [`${prefix}${i}`, tensor]))
