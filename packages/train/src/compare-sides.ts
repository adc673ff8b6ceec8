// Entries of the same model have the same lengths: each `!` is in range.
import type { StateDict, StateDict64 } from '@digitlab/models'
import {
  accuracyTolerance,
  entryTolerance,
  lossTolerances,
  paritySteps,
  type Fixed,
  type ParityCheck,
} from './parity-tolerances'
import type { Rounding } from './rounding'

/** The largest difference found, and whether it is within the tolerance. Where tolerances differ, that which is nearest to its own. */
export interface ParityCell {
  readonly difference: number
  readonly tolerance: number
  readonly passed: boolean
  /**
   * Where the tolerance comes from: `rounding`, ten times as far as one rounding takes the net; `trace`, ten times as far as PyTorch is
   * from its own run on one thread. Absent where it is the same for every net of its kind.
   */
  readonly from?: 'rounding' | 'trace'
}

/** Two ways to compute the experiment, compared. A check that a side has no values for is missing. */
export interface ParityPair {
  readonly sides: readonly [string, string]
  readonly checks: Readonly<Partial<Record<ParityCheck, ParityCell>>>
}

/** One way to compute the experiment, with what of it can be compared. */
export interface Side {
  readonly name: string
  readonly losses: readonly number[]
  /** The same in float64: either will do where it is compared with. */
  readonly float64?: readonly number[]
  readonly learningRates?: readonly number[]
  readonly weights?: StateDict
  /** What the layers keep beside what is trained, after the first step, in tfjs's layout. */
  readonly buffers?: StateDict64
  readonly accuracy?: number
}

/** How two sides are compared. */
export interface Comparing {
  readonly fixed: Fixed
  /** Where the tolerances in `fixed` come from. */
  readonly from?: 'trace'
  readonly rounding?: Rounding | undefined
  /** How many steps there are in float64. */
  readonly exact: number
  /** How many steps are compared. */
  readonly first: number
}

/** A difference with its tolerance. */
type Found = Pick<ParityCell, 'difference' | 'tolerance'>

/** Compares two sides in what is asked for and both have. */
export const compare = (
  a: Side,
  b: Side,
  { fixed, from, rounding, exact, first }: Comparing,
  checks: readonly ParityCheck[],
): ParityPair => {
  const nearest = b.float64 ? nearestOf(a.losses, b.losses, b.float64) : b.losses
  const losses = (usual: number, steps: number, made?: Rounding): Found | undefined => {
    const [ours, theirs] = [a.losses.slice(0, steps), nearest.slice(0, steps)]
    const tolerances = lossTolerances(usual, steps, made)
    if (ours.length !== theirs.length || ours.length === 0) return { difference: NaN, tolerance: usual }
    return worst(ours.map((loss, i) => ({ difference: Math.abs(loss - theirs[i]!), tolerance: tolerances[i]! })))
  }
  const find: Record<ParityCheck, (usual: number) => Found | undefined> = {
    firstLoss: (usual) => losses(usual, 1),
    float64: (usual) => losses(usual, exact, rounding),
    buffers: (usual) => a.buffers && b.buffers && worst(ofBuffers(a.buffers, b.buffers, usual, rounding)),
    first20: (usual) => losses(usual, Math.min(paritySteps.first20, first)),
    learningRates: (tolerance) =>
      a.learningRates && b.learningRates
        ? { difference: ratesApart(a.learningRates, b.learningRates, first), tolerance }
        : undefined,
    losses: (usual) => losses(usual, first, rounding),
    weights: (usual) => a.weights && b.weights && worst(ofEntries(a.weights, b.weights, usual, first, rounding)),
    accuracy: () =>
      a.accuracy !== undefined && b.accuracy !== undefined
        ? { difference: Math.abs(a.accuracy - b.accuracy), tolerance: accuracyTolerance(fixed, rounding) }
        : undefined,
  }
  const cells = checks.flatMap((check): [ParityCheck, ParityCell][] => {
    const found = find[check](fixed[check])
    if (found === undefined) return []
    const { difference, tolerance } = found
    const source = tolerance > fixed[check] && check !== 'buffers' ? 'rounding' : from
    return [
      [
        check,
        {
          ...found,
          // Both sides count images: a trace holds their share as float32, which adds some 1e-8.
          passed: difference <= tolerance + 1e-7 * Number(check === 'accuracy'),
          ...(source ? { from: source } : {}),
        },
      ],
    ]
  })
  return { sides: [a.name, b.name], checks: Object.fromEntries(cells) }
}

/** That which is the largest part of its tolerance, or no number. */
const worst = (all: readonly Found[]): Found | undefined => {
  const part = ({ difference, tolerance }: Found) => (Number.isNaN(difference) ? Infinity : difference / tolerance)
  return all.length === 0 ? undefined : all.reduce((most, found) => (part(found) > part(most) ? found : most))
}

/** Of every entry of two state dicts after a step; NaN for one that a side has not. */
const ofEntries = (a: StateDict, b: StateDict, usual: number, step: number, rounding: Rounding | undefined): Found[] =>
  [...new Set([...a.keys(), ...b.keys()])].map((name) => ({
    difference: largest(a.get(name)?.data ?? [], b.get(name)?.data ?? []),
    tolerance: entryTolerance(usual, step, name, rounding),
  }))

/** Of what the layers of the second side keep after its first step. */
const ofBuffers = (a: StateDict64, b: StateDict64, usual: number, rounding: Rounding | undefined): Found[] =>
  [...b].map(([name, { data }]) => {
    const scale = data.reduce((most, value) => Math.max(most, Math.abs(value)), 1)
    return {
      difference: largest(a.get(name)?.data ?? [], data),
      tolerance: entryTolerance(usual * scale, 1, name, rounding),
    }
  })

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
