// Entries of the same model have the same lengths: each `!` is in range.
import type { Backend } from '@digitlab/backends'
import { inputShape, type Dataset, type StopSignal } from '@digitlab/data'
import { resolveModel, type StateDict } from '@digitlab/models'
import { experimentDifference, experimentId, type Experiment } from './complete-experiment'
import { TrainError } from './train-error'
import { firstLosses64 } from './float64'
import type { ReferenceTrace } from './reference-trace'
import { runExperiment } from './run-experiment'
import type { Progress, RunResult } from './run-options'

/** Steps compared with float64, and steps after which losses and weights are compared with each other. */
const paritySteps = { float64: 5, first20: 20, first: 100 } as const

/**
 * How far two ways to compute the same experiment may differ. Sums in float32 depend on their order by some 1e-7 a step; a
 * convolution with ReLU and max-pooling multiplies such a difference, since a winner or a threshold may tip. PyTorch on one
 * thread and on two, seeds 1000 to 1299, 100 steps: at most 4e-7 apart for linear; at most 5e-6 for two-layer but for one seed,
 * 1.4e-4, where a hidden unit was on in one run and off in the other, by 3e-8. For cnn they differ by 1e-3 over 200 steps, and by
 * 0.1 percentage points of test accuracy after an epoch.
 */
const tolerances = {
  dense: {
    firstLoss: 2e-6,
    float64: 1e-5,
    first20: 1e-5,
    losses: 1e-5,
    learningRates: 1e-12,
    weights: 1e-5,
    accuracy: 0.001,
  },
  convolutional: {
    firstLoss: 2e-6,
    float64: 1e-5,
    first20: 1e-5,
    losses: 3e-3,
    learningRates: 1e-12,
    weights: 1e-2,
    accuracy: 0.01,
  },
} as const

/** What is compared, by name, with what each is called in a table. */
export const parityChecks = {
  firstLoss: 'loss at step 1',
  float64: `loss, first ${paritySteps.float64} steps`,
  first20: 'loss, first 20 steps',
  losses: `loss, first ${paritySteps.first} steps`,
  learningRates: 'learning rate, relative',
  weights: `any weight after ${paritySteps.first} steps`,
  accuracy: 'test accuracy at the end',
} as const

/** A comparison by its name in {@link parityChecks}. */
export type ParityCheck = keyof typeof parityChecks

/** The largest difference found, and whether it is within the tolerance. */
export interface ParityCell {
  readonly difference: number
  readonly tolerance: number
  readonly passed: boolean
}

/** Two ways to compute the experiment, compared. A check that a side has no values for is missing. */
export interface ParityPair {
  readonly sides: readonly [string, string]
  readonly checks: Readonly<Partial<Record<ParityCheck, ParityCell>>>
}

/** How far runs of one experiment are from each other, from float64 and from PyTorch. */
export interface Parity {
  readonly id: string
  readonly experiment: Experiment
  readonly backends: readonly { readonly id: string; readonly device: string; readonly testAccuracy: number }[]
  readonly pairs: readonly ParityPair[]
  readonly passed: boolean
}

/** What the experiment runs on, and what it is compared with. */
export interface ParityOptions {
  readonly data: Dataset
  readonly backends: readonly Backend[]
  /** A run of PyTorch of the same experiment. */
  readonly reference?: ReferenceTrace
  /** Told every step of every side. */
  readonly onProgress?: (side: string, progress: Progress) => unknown
  readonly signal?: StopSignal
}

/** One way to compute the experiment, with what of it can be compared. */
interface Side {
  readonly name: string
  readonly losses: readonly number[]
  /** The same in float64: either will do where it is compared with. */
  readonly float64?: readonly number[]
  readonly learningRates?: readonly number[]
  readonly weights?: StateDict
  readonly accuracy?: number
}

/**
 * Runs one experiment on several backends and compares them: with float64 over the first steps, and with each other, and with
 * PyTorch where a trace is given, over the first hundred steps and at the end.
 *
 * @throws TrainError if the reference is of another experiment (the difference is named) or shorter, or the run was stopped
 */
export const runParity = async (experiment: Experiment, options: ParityOptions): Promise<Parity> => {
  const { data, backends, reference, onProgress, signal } = options
  const steps = stepsOf(experiment, data)
  if (reference) checkReference(experiment, reference, steps)
  if (backends.length === 0) throw new TrainError('parity compares backends, and there is none: give one or more')
  const model = resolveModel(experiment.model, { input: inputShape(data.imageShape), classes: data.classes })
  // Filters, which are of rank 4, sum over more places than a row of a dense layer.
  const allowed = model.parameters.some(({ shape }) => shape.length === 4) ? tolerances.convolutional : tolerances.dense

  const results: RunResult[] = []
  for (const backend of backends) {
    const result = await runExperiment(experiment, {
      data,
      backend,
      snapshotStep: paritySteps.first,
      onProgress: (progress) => onProgress?.(backend.id, progress),
      ...(signal === undefined ? {} : { signal }),
    })
    if (result.run.status !== 'completed')
      throw new TrainError('parity compares whole runs, and this one was stopped: run it again')
    results.push(result)
  }
  const sides = results.map(({ run, snapshot, weights }): Side => ({
    name: run.backend.id,
    losses: run.history.stepLosses,
    learningRates: run.history.learningRates ?? run.history.stepLosses.map(() => experiment.optimizer.learningRate),
    weights: snapshot ?? weights, // a run of fewer steps is compared at its end
    accuracy: run.metrics.accuracy,
  }))
  const exact: Side = { name: 'float64', losses: firstLosses64(experiment, data, paritySteps.float64) }
  const torch: Side[] = reference
    ? [
        {
          name: 'PyTorch',
          losses: reference.firstLosses,
          ...(reference.float64 ? { float64: reference.float64 } : {}),
          ...(reference.learningRates ? { learningRates: reference.learningRates } : {}),
          ...(reference.testAccuracy.length > 0
            ? { accuracy: reference.testAccuracy[experiment.epochs - 1] ?? NaN }
            : {}),
        },
      ]
    : []
  const compared = { float64: exact.losses.length, first: Math.min(paritySteps.first, steps) }
  const pair = (a: Side, b: Side, checks: readonly ParityCheck[], tolerance: Tolerances = allowed) =>
    compare(a, b, compared, tolerance, checks)
  const ofTrace = reference?.againstOneThread && withOwn(allowed, reference.againstOneThread)
  const pairs = [
    ...sides.map((side) => pair(side, exact, ['firstLoss', 'float64'])),
    ...sides.flatMap((side, i) => sides.slice(i + 1).map((other) => pair(side, other, relative))),
    ...sides.flatMap((side) =>
      torch.map((other) => (ofTrace ? pair(side, other, traced, ofTrace) : pair(side, other, relative))),
    ),
  ]
  return {
    id: await experimentId(experiment),
    experiment,
    backends: results.map(({ run }) => ({
      id: run.backend.id,
      device: run.backend.device,
      testAccuracy: run.metrics.accuracy,
    })),
    pairs,
    passed: pairs.every(({ checks }) => Object.values(checks).every(({ passed }) => passed)),
  }
}

const relative = ['firstLoss', 'losses', 'weights', 'accuracy'] as const
const traced = ['firstLoss', 'first20', 'losses', 'learningRates', 'accuracy'] as const

type Tolerances = Readonly<Record<ParityCheck, number>>

/** What a trace may differ by: ten times what PyTorch differs from itself by, at least 1e-5. */
const withOwn = (
  usual: Tolerances,
  { first20, losses }: NonNullable<ReferenceTrace['againstOneThread']>,
): Tolerances => {
  const early = first20 < 1e-5 ? 1e-5 : 10 * first20
  return { ...usual, firstLoss: early, first20: early, losses: Math.max(early, 10 * losses) }
}

const compare = (
  a: Side,
  b: Side,
  steps: Readonly<Record<'float64' | 'first', number>>,
  allowed: Readonly<Record<ParityCheck, number>>,
  checks: readonly ParityCheck[],
): ParityPair => {
  const nearest = b.float64 ? nearestOf(a.losses, b.losses, b.float64) : b.losses
  const losses = (steps: number) => largest(a.losses.slice(0, steps), nearest.slice(0, steps))
  const differences: Record<ParityCheck, number | undefined> = {
    firstLoss: losses(1),
    float64: losses(steps.float64),
    first20: losses(Math.min(paritySteps.first20, steps.first)),
    learningRates:
      a.learningRates && b.learningRates ? ratesApart(a.learningRates, b.learningRates, steps.first) : undefined,
    losses: losses(steps.first),
    weights: a.weights && b.weights ? largestWeight(a.weights, b.weights) : undefined,
    accuracy: a.accuracy !== undefined && b.accuracy !== undefined ? Math.abs(a.accuracy - b.accuracy) : undefined,
  }
  const cells = checks.flatMap((check): [ParityCheck, ParityCell][] => {
    const difference = differences[check]
    if (difference === undefined) return []
    // Both sides count images: a trace holds their share as float32, which adds some 1e-8.
    const tolerance = allowed[check]
    return [[check, { difference, tolerance, passed: difference <= tolerance + 1e-7 * Number(check === 'accuracy') }]]
  })
  return { sides: [a.name, b.name], checks: Object.fromEntries(cells) }
}

/** Of two values for each step the one that is nearer to another side's. */
const nearestOf = (to: readonly number[], some: readonly number[], others: readonly number[]): number[] =>
  some.map((value, i) => (Math.abs(value - to[i]!) <= Math.abs(others[i]! - to[i]!) ? value : others[i]!))

/** Relative to the second. */
const ratesApart = (a: readonly number[], b: readonly number[], steps: number): number =>
  largest(
    a.slice(0, steps).map((rate, i) => (rate === b[i] ? 1 : rate / (b[i] ?? NaN))),
    b.slice(0, steps).map(() => 1),
  )

/** The largest difference: NaN where there is one anywhere, or where one side has fewer values. */
export const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  if (a.length !== b.length || a.length === 0) return NaN // what is not there was not compared
  let most = 0
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!)
    if (Number.isNaN(difference)) return NaN // which no later one may cover
    if (difference > most) most = difference
  }
  return most
}

/** Of every entry, NaN where one side has no such entry; Math.max keeps NaN. */
const largestWeight = (a: StateDict, b: StateDict): number =>
  a.size === b.size
    ? [...a].reduce((most, [name, { data }]) => Math.max(most, largest(data, b.get(name)?.data ?? [])), 0)
    : NaN

const stepsOf = ({ batchSize, epochs }: Experiment, { train }: Dataset): number =>
  Math.ceil(train.count / batchSize) * epochs

/** Refuses a trace of another experiment, naming the first difference, or of fewer steps or epochs; it may have run for more. */
const checkReference = (
  ours: Experiment,
  { experiment, firstLosses, testAccuracy, learningRates }: ReferenceTrace,
  steps: number,
) => {
  const refuse = (why: string) => {
    throw new TrainError(`the reference is of another experiment: ${why}`)
  }
  const difference = experimentDifference({ ...experiment, epochs: ours.epochs }, ours)
  if (difference !== undefined) refuse(difference)
  const epochs = Math.min(
    experiment.epochs,
    learningRates && testAccuracy.length === 0 ? Infinity : testAccuracy.length,
  )
  if (ours.epochs > epochs) refuse(`its number of epochs is ${epochs}, this one's ${ours.epochs}`)
  const compared = Math.min(steps, paritySteps.first)
  if (firstLosses.length < compared)
    refuse(`it holds the losses of ${firstLosses.length} steps, ${compared} are compared: write a longer one`)
}
