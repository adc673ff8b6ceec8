// What to change where training leaves the numbers.
import { optimizerDefaults, type Experiment } from './experiment'

/** Below this, as float32, it is nothing beside a root. */
const noEpsilon = 1e-30

/**
 * What to try where a loss grew without bound: a value that is known to work, in the place of the one that is to blame.
 *
 * Weight decay multiplies a weight by 1 - learningRate x weightDecay at each step of sgd: beyond a product of 2 (2 (1 + momentum)
 * with momentum) it grows by that alone. Adam with beta2 below beta1^2 need not converge (Reddi, Kale and Kumar, "On the convergence
 * of Adam and beyond", ICLR 2018, theorem 2).
 */
export const adviceOn = ({ optimizer }: Pick<Experiment, 'optimizer'>): string => {
  const { name, learningRate, weightDecay } = optimizer
  if (name === 'sgd') {
    const { momentum } = optimizer
    if (momentum >= 1) return `with a momentum of ${momentum} no gradient is ever forgotten, try 0.9`
    const working = optimizerDefaults.sgd.learningRate * (momentum > 0.5 ? 0.1 : 1)
    const most = 2 * (1 + momentum)
    if (Math.min(learningRate, working) * weightDecay >= most)
      return `a weight decay of ${weightDecay} makes weights grow by itself (times the learning rate it must stay below ${shown(most)}), try 0.0001`
    return rateAdvice(learningRate, working)
  }
  const { beta1, beta2, epsilon } = optimizer
  const defaults = optimizerDefaults.adam
  if (epsilon < noEpsilon) return `an epsilon of ${epsilon} divides by 0 where a gradient is 0, try ${defaults.epsilon}`
  if (beta1 * beta1 > beta2)
    return `betas of ${beta1} and ${beta2} make steps without bound, try ${defaults.beta1} and ${defaults.beta2}`
  return rateAdvice(learningRate, defaults.learningRate)
}

const rateAdvice = (rate: number, working: number): string =>
  rate > working
    ? `try a learning rate of ${shown(working)}, which is known to work`
    : `try a smaller learning rate, such as ${shown(rate / 10)}`

const shown = (value: number): string => String(Number(value.toPrecision(3)))

/** So many times the loss of a guess is no plateau: it has grown. */
const grown = 1.5

/**
 * A sentence where an epoch's losses are numbers, and larger than those of a guess: without it such a run ends as if nothing were wrong.
 *
 * @param before mean loss with the weights at the start
 */
export const divergenceOf = (
  experiment: Experiment,
  { epoch, trainLoss }: { readonly epoch: number; readonly trainLoss: number },
  before: number,
  classes: number,
): string | undefined => {
  if (!(trainLoss > grown * Math.max(before, Math.log(classes)))) return undefined
  return `the loss grew from ${shown(before)} to ${shown(trainLoss)} in epoch ${epoch}: the model is worse than a guess, ${adviceOn(experiment)}`
}
