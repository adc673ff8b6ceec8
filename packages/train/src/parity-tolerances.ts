import type { Model } from '@digitlab/models'
import type { ReferenceTrace } from './reference-trace'
import type { Rounding } from './rounding'

/** Steps compared with float64, and steps after which losses and weights are compared with each other. */
export const paritySteps = { float64: 5, first20: 20, first: 100 } as const

/** What is compared, by name, with what each is called in a table. */
export const parityChecks = {
  firstLoss: 'loss at step 1',
  float64: `loss, first ${paritySteps.float64} steps`,
  buffers: 'running statistics after step 1',
  first20: 'loss, first 20 steps',
  losses: `loss, first ${paritySteps.first} steps`,
  learningRates: 'learning rate, relative',
  weights: `any weight after ${paritySteps.first} steps`,
  accuracy: 'test accuracy at the end',
} as const

/** A comparison by its name in {@link parityChecks}. */
export type ParityCheck = keyof typeof parityChecks

/**
 * How far two ways to compute the same experiment may differ whatever the net. Sums in float32 depend on their order by some 1e-7 a
 * step; a convolution with ReLU and max-pooling multiplies such a difference, since a winner or a threshold may tip. PyTorch on one
 * thread and on two, seeds 1000 to 1299, 100 steps: at most 4e-7 apart for linear; at most 5e-6 for two-layer but for one seed,
 * 1.4e-4, where a hidden unit was on in one run and off in the other, by 3e-8. For cnn they differ by 1e-3 over 200 steps, and by
 * 0.1 percentage points of test accuracy after an epoch. Running statistics are of the first forward pass alone: rounding, of the
 * largest of their entry where that is above 1.
 */
const fixed = {
  dense: {
    firstLoss: 2e-6,
    float64: 1e-5,
    buffers: 1e-5,
    first20: 1e-5,
    losses: 1e-5,
    learningRates: 1e-12,
    weights: 1e-5,
    accuracy: 0.001,
  },
  convolutional: {
    firstLoss: 2e-6,
    float64: 1e-5,
    buffers: 1e-5,
    first20: 1e-5,
    losses: 3e-3,
    learningRates: 1e-12,
    weights: 1e-2,
    accuracy: 0.01,
  },
} as const

export type Fixed = Readonly<Record<ParityCheck, number>>

/** Of a model: filters, which are of rank 4, sum over more places than a row of a dense layer. */
export const fixedTolerances = ({ parameters }: Model): Fixed =>
  parameters.some(({ shape }) => shape.length === 4) ? fixed.convolutional : fixed.dense

/** What a trace may differ by: ten times what PyTorch differs from itself by, at least 1e-5. */
export const ofTrace = (usual: Fixed, { first20, losses }: NonNullable<ReferenceTrace['againstOneThread']>): Fixed => {
  const early = first20 < 1e-5 ? 1e-5 : 10 * first20
  return { ...usual, firstLoss: early, first20: early, losses: Math.max(early, 10 * losses) }
}

/**
 * How many times as far as one rounding takes a run two backends may be from each other: each rounds at every operation, and a
 * difference that grows by a factor each step grows from the first of them. Measured with batch normalization of rows and of images, seeds
 * 0 and 1: relaxed SIMD, plain SIMD and JavaScript are 0.7 to 1.5 times as far apart over 100 steps as one start with weights moved is,
 * and 0.3 to 5 times over 5, which is why those are begun thrice.
 */
const roundingTolerance = 10

/** What a step's loss may differ by: `roundingTolerance` times the largest difference within the same first 5, 20 or 100 steps. */
export const lossTolerances = (usual: number, steps: number, rounding: Rounding | undefined): number[] => {
  const tolerances = new Array<number>(steps).fill(usual)
  if (!rounding) return tolerances
  let from = 0
  for (const to of [paritySteps.float64, paritySteps.first20, paritySteps.first]) {
    const made = rounding.losses.slice(0, to).reduce((most, difference) => Math.max(most, difference), 0)
    tolerances.fill(Math.max(usual, roundingTolerance * made), from, to)
    from = to
  }
  return tolerances
}

/** What an entry of the state dict may differ by after a step. */
export const entryTolerance = (usual: number, step: number, name: string, rounding: Rounding | undefined): number =>
  Math.max(usual, roundingTolerance * (rounding?.entries.get(step)?.get(name) ?? 0))

/** What the test accuracies may differ by: that of convolutional nets where a rounding takes the losses as far as there. */
export const accuracyTolerance = (usual: Fixed, rounding: Rounding | undefined): number =>
  rounding?.losses.some((difference) => roundingTolerance * difference > usual.losses)
    ? Math.max(usual.accuracy, fixed.convolutional.accuracy)
    : usual.accuracy
