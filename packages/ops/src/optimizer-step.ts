import { add, div, mul, sqrt, square, sub, tidy, type Tensor } from '@tensorflow/tfjs-core'
import { keptBy } from './contract-sizes'
import { kernelContracts, type AdamOptions, type OptimizerRule, type SgdOptions } from './contracts'
import { hasKernel, runKernel } from './kernels'

/**
 * One step of stochastic gradient descent on all weights:
 * g = gradient + weightDecay w; v = momentum v + (1 - dampening) g (at step 1: v = g); w = w - learningRate v, or with nesterov
 * w = w - learningRate (g + momentum v).
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
  const { learningRate, momentum, weightDecay, dampening = 0, nesterov = false } = options
  const next = tidy(() =>
    weights.flatMap((weight, i) => {
      const gradient = decayed(gradients[i] as Tensor, weight, weightDecay)
      if (momentum === 0) return [sub(weight, mul(gradient, learningRate))]
      const taken = dampening === 0 ? gradient : mul(gradient, 1 - dampening)
      const velocity = step === 1 ? gradient.clone() : add(mul(velocities[i] as Tensor, momentum), taken)
      const move = nesterov ? add(gradient, mul(velocity, momentum)) : velocity
      return [sub(weight, mul(move, learningRate)), velocity]
    }),
  )
  for (const old of [...weights, ...velocities]) old.dispose()
  if (momentum === 0) return { weights: next, velocities: [] }
  return { weights: next.filter((_, i) => i % 2 === 0), velocities: next.filter((_, i) => i % 2 === 1) }
}

/**
 * One step of Adam on all weights: m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2;
 * w = w - learningRate / (1 - beta1^step) x m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon), in PyTorch's order. Where weight decay is
 * decoupled, w is first multiplied by 1 - learningRate x weightDecay (AdamW: Loshchilov and Hutter, "Decoupled weight decay
 * regularization", ICLR 2019).
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
  const { learningRate, beta1, beta2, epsilon, weightDecay, decoupled = false } = options
  const stepSize = learningRate / (1 - beta1 ** step)
  const correction = Math.sqrt(1 - beta2 ** step)
  const next = tidy(() =>
    weights.flatMap((weight, i) => {
      const gradient = decayed(gradients[i] as Tensor, weight, decoupled ? 0 : weightDecay)
      const m = add(mul(first[i] as Tensor, beta1), mul(gradient, 1 - beta1))
      const v = add(mul(second[i] as Tensor, beta2), mul(square(gradient), 1 - beta2))
      const denominator = add(div(sqrt(v), correction), epsilon)
      const shrunk = decoupled ? mul(weight, 1 - learningRate * weightDecay) : weight
      return [sub(shrunk, mul(div(m, denominator), stepSize)), m, v]
    }),
  )
  for (const old of [...weights, ...first, ...second]) old.dispose()
  const every = (rest: number) => next.filter((_, i) => i % 3 === rest)
  return { weights: every(0), first: every(1), second: every(2) }
}

/** What an optimizer keeps beside the weights: three lists at most, in the shapes of the weights; those that a rule does not use are empty. */
export interface KeptTensors {
  readonly first: readonly Tensor[]
  readonly second: readonly Tensor[]
  readonly third: readonly Tensor[]
}

/**
 * One step of another rule on all weights, with g = gradient + weightDecay w, in PyTorch's order:
 *
 * - `adadelta`: s = rho s + (1 - rho) g^2; d = sqrt(u + epsilon) / sqrt(s + epsilon) g; u = rho u + (1 - rho) d^2;
 *   w = w - learningRate d. Keeps s, u. Zeiler, "ADADELTA: an adaptive learning rate method", 2012.
 * - `rmsprop`: s = alpha s + (1 - alpha) g^2, centered: a = a + (1 - alpha) (g - a) and s - a^2 in place of s below;
 *   b = momentum b + g / (sqrt(s) + epsilon); w = w - learningRate b. Keeps s, b (with momentum), a (centered). Hinton, lecture 6e of
 *   "Neural networks for machine learning", 2012.
 * - `adagrad`: s = s + g^2; w = w - learningRate / (1 + (step - 1) learningRateDecay) g / (sqrt(s) + epsilon). Keeps s. Duchi, Hazan
 *   and Singer, "Adaptive subgradient methods", JMLR 2011.
 * - `nadam`: with mu(t) = beta1 (1 - 0.96^(t momentumDecay) / 2) and p = p mu(step): m, v as Adam's;
 *   w = w - learningRate ((1 - mu(step)) / (1 - p) g + mu(step + 1) / (1 - p mu(step + 1)) m) / (sqrt(v / (1 - beta2^step)) + epsilon).
 *   Keeps m, v, p, the last the same in every element and 1 before the first step. Dozat, "Incorporating Nesterov momentum into
 *   Adam", ICLR workshop 2016.
 *
 * Kernel `DigitlabOptimizerStep`: inputs weight0.., gradient0.., first0.., second0.., third0.. In place, as `DigitlabSgdStep`.
 *
 * @param step from 1
 * @returns the tensors to use from now on: the same where a kernel updated them in place
 */
export const optimizerStep = (
  weights: readonly Tensor[],
  gradients: readonly Tensor[],
  kept: KeptTensors,
  step: number,
  options: OptimizerRule,
): { weights: readonly Tensor[]; kept: KeptTensors } => {
  if (hasKernel('optimizerStep')) {
    const inputs = {
      ...named('weight', weights),
      ...named('gradient', gradients),
      ...named('first', kept.first),
      ...named('second', kept.second),
      ...named('third', kept.third),
    }
    runKernel('optimizerStep', inputs, { ...options, count: weights.length, step })
    return { weights, kept }
  }
  kernelContracts.DigitlabOptimizerStep.sizes(
    { weight: weights, gradient: gradients, ...kept },
    { ...options, count: weights.length, step },
  )
  const names = keptBy(options)
  const next = tidy(() =>
    weights.map((weight, i) => {
      const decoupled = options.rule === 'nadam' && options.decoupled
      const gradient = decayed(gradients[i] as Tensor, weight, decoupled ? 0 : options.weightDecay)
      const of = (name: keyof KeptTensors) => kept[name][i] as Tensor
      return moved(weight, gradient, of, step, options)
    }),
  )
  for (const old of [weights, kept.first, kept.second, kept.third].flat()) old.dispose()
  const list = (name: keyof KeptTensors) => (names.includes(name) ? next.map((each) => each[name] as Tensor) : [])
  return {
    weights: next.map(({ weight }) => weight),
    kept: { first: list('first'), second: list('second'), third: list('third') },
  }
}

/** A weight and what is kept beside it, after a step of a rule. */
type Moved = { weight: Tensor; first: Tensor; second?: Tensor; third?: Tensor }

const moved = (
  weight: Tensor,
  gradient: Tensor,
  of: (name: keyof KeptTensors) => Tensor,
  step: number,
  options: OptimizerRule,
): Moved => {
  const { learningRate, epsilon } = options
  const followed = (mean: Tensor, value: Tensor, keeps: number) => add(mul(mean, keeps), mul(value, 1 - keeps))
  switch (options.rule) {
    case 'adadelta': {
      const first = followed(of('first'), square(gradient), options.rho)
      const delta = mul(div(sqrt(add(of('second'), epsilon)), sqrt(add(first, epsilon))), gradient)
      const second = followed(of('second'), square(delta), options.rho)
      return { weight: sub(weight, mul(delta, learningRate)), first, second }
    }
    case 'rmsprop': {
      const { alpha, momentum, centered } = options
      const first = followed(of('first'), square(gradient), alpha)
      const third = centered ? add(of('third'), mul(sub(gradient, of('third')), 1 - alpha)) : undefined
      const scaled = div(gradient, add(sqrt(third ? sub(first, square(third)) : first), epsilon))
      const second = momentum > 0 ? add(mul(of('second'), momentum), scaled) : undefined
      return {
        weight: sub(weight, mul(second ?? scaled, learningRate)),
        ...{ first, ...(second ? { second } : {}), ...(third ? { third } : {}) },
      }
    }
    case 'adagrad': {
      const first = add(of('first'), square(gradient))
      const rate = learningRate / (1 + (step - 1) * options.learningRateDecay)
      return { weight: sub(weight, mul(div(gradient, add(sqrt(first), epsilon)), rate)), first }
    }
    case 'nadam': {
      const { beta1, beta2, weightDecay, decoupled } = options
      const [mu, after] = nadamMomenta(step, options)
      const first = followed(of('first'), gradient, beta1)
      const second = followed(of('second'), square(gradient), beta2)
      const third = mul(of('third'), mu)
      const below = add(sqrt(div(second, 1 - beta2 ** step)), epsilon)
      const ofGradient = div(mul(gradient, learningRate * (1 - mu)), mul(sub(1, third), below))
      const ofMean = div(mul(first, learningRate * after), mul(sub(1, mul(third, after)), below))
      const shrunk = decoupled ? mul(weight, 1 - learningRate * weightDecay) : weight
      return { weight: sub(sub(shrunk, ofGradient), ofMean), first, second, third }
    }
  }
}

/** mu(step) and mu(step + 1) of {@link optimizerStep}'s nadam. */
export const nadamMomenta = (
  step: number,
  { beta1, momentumDecay }: { readonly beta1: number; readonly momentumDecay: number },
): readonly [now: number, next: number] => {
  const mu = (t: number) => beta1 * (1 - 0.5 * 0.96 ** (t * momentumDecay))
  return [mu(step), mu(step + 1)]
}

const decayed = (gradient: Tensor, weight: Tensor, weightDecay: number): Tensor =>
  weightDecay === 0 ? gradient : add(gradient, mul(weight, weightDecay))

const named = (prefix: string, tensors: readonly Tensor[]): Record<string, Tensor> =>
  Object.fromEntries(tensors.map((tensor, i) => [`${prefix}${i}`, tensor]))
