// Entries of the same model have the same lengths: each `!` is in range.
import type { Backend } from '@digitlab/backends'
import { inputShape, type Dataset, type StopSignal } from '@digitlab/data'
import { readTfjsLayout, resolveModel, type Model } from '@digitlab/models'
import { compare, largest, type Comparing, type ParityPair, type Side } from './compare-sides'
import { experimentDifference, experimentId, type Experiment } from './complete-experiment'
import { firstSteps, stoppedEarly } from './first-steps'
import { steps64, type Step64 } from './float64'
import { fixedTolerances, ofTrace, paritySteps } from './parity-tolerances'
import type { ReferenceTrace } from './reference-trace'
import { measureRounding, type Rounding, type Taken } from './rounding'
import type { Progress, RunResult } from './run-options'
import { TrainError } from './train-error'
import { divide } from './validation'
import { yieldToEvents } from './yield-to-events'

/** How far runs of one experiment are from each other, from float64 and from PyTorch. */
export interface Parity {
  readonly id: string
  readonly experiment: Experiment
  /** After how many steps each run was ended; absent where they ran to the end. */
  readonly steps?: number
  readonly backends: readonly { readonly id: string; readonly device: string; readonly testAccuracy: number }[]
  readonly pairs: readonly ParityPair[]
  /**
   * How far one rounding takes the net: the largest difference of the losses compared, on one backend, once every initial weight is moved
   * to the next float32. There where a difference is above the tolerance that holds for any net.
   */
  readonly rounding?: { readonly backend: string; readonly losses: number }
  readonly passed: boolean
}

/** How many test images are looked at after a few steps. */
const parityTested = 1000

/** What the experiment runs on, and what it is compared with. */
export interface ParityOptions {
  readonly data: Dataset
  readonly backends: readonly Backend[]
  /** Ends every run after so many steps, in place of the experiment's epochs; its accuracy is then that of the first 1,000 test images. */
  readonly steps?: number
  /** A run of PyTorch of the same experiment. */
  readonly reference?: ReferenceTrace
  /** Told every step of every backend. */
  readonly onProgress?: (backend: string, progress: Progress) => unknown
  /** Told what else is computed before it is. */
  readonly onStage?: (sentence: string) => unknown
  readonly signal?: StopSignal
}

/**
 * Runs one experiment on several backends and compares them: with float64 over the first steps, and with each other, and with
 * PyTorch where a trace is given, over the first hundred steps and at the end. Where backends differ by more than any net may, the net
 * is asked what it makes of one rounding: see `measureRounding`.
 *
 * @throws TrainError if the reference is of another experiment (the difference is named) or shorter, or the run was stopped
 */
export const runParity = async (experiment: Experiment, options: ParityOptions): Promise<Parity> => {
  const { data, backends, reference, onStage, signal } = options
  const whole = stepsOf(experiment, divide(data, experiment).data)
  const steps = Math.min(whole, options.steps ?? whole)
  if (reference) checkReference(experiment, reference, steps)
  if (backends.length === 0) throw new TrainError('parity compares backends, and there is none: give one or more')
  const model = resolveModel(experiment.model, { input: inputShape(data.imageShape), classes: data.classes })
  const first = Math.min(paritySteps.first, steps)

  const results: RunResult[] = []
  for (const backend of backends) results.push(await runOn(backend, experiment, options, first))
  const sides = results.map((result) => sideOf(result, experiment, model, first))
  await onStage?.(`computing the first ${Math.min(paritySteps.float64, steps)} steps in float64`)
  const exact = await exactSide(experiment, data, Math.min(paritySteps.float64, steps), signal)
  const torch = reference ? [torchSide(reference, steps < whole ? undefined : experiment.epochs)] : []

  const comparing: Comparing = { fixed: fixedTolerances(model), exact: exact.losses.length, first }
  const ofPyTorch = reference?.againstOneThread && ofTrace(comparing.fixed, reference.againstOneThread)
  const withTorch = sides.flatMap((side) =>
    torch.map((other) =>
      ofPyTorch
        ? compare(side, other, { ...comparing, fixed: ofPyTorch, from: 'trace' }, traced)
        : compare(side, other, comparing, relative),
    ),
  )
  const among = (rounding?: Rounding): ParityPair[] => [
    ...sides.map((side) => compare(side, exact, { ...comparing, rounding }, absolute)),
    ...sides.flatMap((side, i) =>
      sides.slice(i + 1).map((other) => compare(side, other, { ...comparing, rounding }, relative)),
    ),
  ]
  let pairs = among()
  let rounding: Rounding | undefined
  if (!pairs.every(holds)) {
    const nearest = nearestTo(exact, sides)
    const { run, snapshots } = results[nearest]!
    const taken: Taken = { losses: run.history.stepLosses, snapshots }
    await onStage?.(
      `a difference exceeds the usual tolerance: measuring how far one rounding takes this net, on ${run.backend.id}`,
    )
    rounding = await measureRounding(experiment, {
      ...{ data, backend: backends[nearest]!, taken, ...(signal ? { signal } : {}) },
      ...{ steps: sides.length > 1 ? first : exact.losses.length, early: exact.losses.length },
    })
    pairs = among(rounding)
  }
  pairs.push(...withTorch)
  return {
    id: await experimentId(experiment),
    experiment,
    ...(steps < whole ? { steps } : {}),
    backends: results.map(({ run }) => ({
      id: run.backend.id,
      device: run.backend.device,
      testAccuracy: run.metrics.accuracy,
    })),
    pairs,
    ...(rounding ? { rounding: { backend: rounding.backend, losses: Math.max(...rounding.losses) } } : {}),
    passed: pairs.every(holds),
  }
}

const absolute = ['firstLoss', 'float64', 'buffers'] as const
const relative = ['firstLoss', 'losses', 'weights', 'accuracy'] as const
const traced = ['firstLoss', 'first20', 'losses', 'learningRates', 'accuracy'] as const

const holds = ({ checks }: ParityPair): boolean => Object.values(checks).every(({ passed }) => passed)

const runOn = (
  backend: Backend,
  experiment: Experiment,
  { data, steps, onProgress, signal }: ParityOptions,
  first: number,
): Promise<RunResult> =>
  firstSteps(experiment, {
    ...{ data, backend, tested: parityTested, snapshotSteps: [1, first] },
    onProgress: (progress) => onProgress?.(backend.id, progress),
    ...(steps === undefined ? {} : { steps }),
    ...(signal === undefined ? {} : { signal }),
  })

const sideOf = ({ run, snapshots, weights }: RunResult, experiment: Experiment, model: Model, first: number): Side => {
  const { stepLosses, learningRates } = run.history
  const begun = snapshots.get(1)
  return {
    name: run.backend.id,
    losses: stepLosses,
    learningRates: learningRates ?? stepLosses.map(() => experiment.optimizer.learningRate),
    ...(begun ? { buffers: readTfjsLayout(model, begun) } : {}),
    weights: snapshots.get(first) ?? weights, // a run that had enough sooner is compared at its end
    accuracy: run.metrics.accuracy,
  }
}

/** The first steps in float64, with the event loop let in between them. */
const exactSide = async (
  experiment: Experiment,
  data: Dataset,
  count: number,
  signal: StopSignal | undefined,
): Promise<Side> => {
  const steps: Step64[] = []
  for (const step of steps64(experiment, data)) {
    if (steps.push(step) >= count) break
    await yieldToEvents()
    if (signal?.aborted) throw stoppedEarly()
  }
  const buffers = steps[0]?.buffers
  return { name: 'float64', losses: steps.map(({ loss }) => loss), ...(buffers?.size ? { buffers } : {}) }
}

const torchSide = (reference: ReferenceTrace, epochs: number | undefined): Side => {
  const { firstLosses, float64, learningRates, testAccuracy } = reference
  return {
    name: 'PyTorch',
    losses: firstLosses,
    ...(float64 ? { float64 } : {}),
    ...(learningRates ? { learningRates } : {}),
    ...(epochs !== undefined && testAccuracy.length > 0 ? { accuracy: testAccuracy[epochs - 1] ?? NaN } : {}),
  }
}

/** Which side's first losses are nearest. */
const nearestTo = ({ losses }: Side, sides: readonly Side[]): number => {
  const far = sides.map((side) => largest(side.losses.slice(0, losses.length), losses))
  return far.reduce((best, distance, i) => (distance < far[best]! || Number.isNaN(far[best]) ? i : best), 0)
}

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
