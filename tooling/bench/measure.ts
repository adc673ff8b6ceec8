// Sides take turns: in every round each trains for a second or more, warm, so that what slows the machine slows all of them.
import { setTimeout as sleep } from 'node:timers/promises'
import { compareLosses, type Agreement } from './losses'
import { startSide, warm, type Epochs, type Told } from './side'
import type { SideSpec } from './sides'

/** A side whose turn takes longer than this, in seconds, takes part in the first rounds only. */
const slow = 24
const roundsOfSlow = 3

/** Threads of the side before may still be spinning: let them go to sleep, in milliseconds. */
const settle = 250

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const [below = NaN, at = NaN] = [sorted[middle - 1], sorted[middle]]
  return sorted.length % 2 === 1 ? at : (below + at) / 2
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** What came of a side. */
export type Measured = {
  readonly id: string
  readonly title: string
  readonly agreement?: Agreement
} & (
  | { readonly failed: string; readonly secondsPerEpoch?: undefined }
  | {
      readonly failed?: undefined
      /** A round each. */
      readonly secondsPerEpoch: readonly number[]
      /** Of each round, how many epochs, or parts of one, went before those that were timed, and how many were. */
      readonly epochs?: readonly Epochs[]
      /** How many steps of an epoch were timed, where not all. */
      readonly steps?: number
      readonly peakBytes: number
      /** After the first epoch and after the last. */
      readonly heldBytes?: readonly [number, number]
    }
)

/** Median, least and most. */
export const spread = (values: readonly number[]): Spread => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values),
})

interface Running extends SideSpec {
  readonly process: ReturnType<typeof startSide<Told>>
  readonly seconds: number[]
  readonly epochs: Epochs[]
  turnSeconds: number
  first?: Told
  last?: Told
  failed?: string
  agreement?: Agreement
}

/**
 * Starts the sides, holds their first losses to one another, and times `rounds` turns of each.
 *
 * @param trusted ids that losses may be compared with, the best first
 */
export const measure = async (
  model: string,
  sides: readonly SideSpec[],
  {
    rounds,
    trusted,
    say,
  }: { readonly rounds: number; readonly trusted: readonly string[]; readonly say: (sentence: string) => void },
): Promise<Measured[]> => {
  const running = sides.map((side): Running => ({
    ...side,
    process: startSide<Told>(side.command, side.args),
    seconds: [],
    epochs: [],
    turnSeconds: 0,
  }))
  try {
    for (const side of running) {
      say(`${model}: ${side.title}, a first epoch`)
      try {
        side.first = await side.process.turn()
      } catch (error) {
        side.failed = (error as Error).message
        say(`${model}: ${side.title} cannot: ${side.failed}`)
      }
    }
    const able = () => running.filter(({ failed }) => failed === undefined)
    const agreements = compareLosses(
      model,
      able().map(({ id, first }) => ({ id, losses: first?.losses ?? [] })),
      trusted,
    )
    for (const agreement of agreements) {
      const side = running.find(({ id }) => id === agreement.id)
      if (!side) continue
      side.agreement = agreement
      if (!agreement.agrees)
        side.failed = `its losses are up to ${agreement.largest.toExponential(1)} from those of ${agreement.against}: not timed`
    }
    for (let round = 1; round <= rounds; round++) {
      for (const side of able()) {
        if (round > roundsOfSlow && side.turnSeconds > slow) continue
        await sleep(settle)
        const from = performance.now()
        try {
          side.last = await side.process.turn(warm)
        } catch (error) {
          side.failed = (error as Error).message
          continue
        }
        side.turnSeconds = (performance.now() - from) / 1000
        side.seconds.push(side.last.secondsPerEpoch)
        side.epochs.push(side.last.epochs)
      }
      say(
        `${model}, round ${round}: ${able()
          .map(({ id, last }) => `${id} ${last?.secondsPerEpoch.toPrecision(3)}`)
          .join(', ')}`,
      )
    }
    return running.map(({ id, title, failed, agreement, seconds, epochs, first, last }): Measured => {
      const about = { id, title, ...(agreement === undefined ? {} : { agreement }) }
      if (failed !== undefined || last === undefined) return { ...about, failed: failed ?? 'it was never timed' }
      const { steps, peakBytes, heldBytes: held } = last
      return {
        ...about,
        secondsPerEpoch: seconds,
        epochs,
        ...(steps === undefined ? {} : { steps }),
        peakBytes,
        ...(held === undefined ? {} : { heldBytes: [first?.heldBytes ?? held, held] as const }),
      }
    })
  } finally {
    await Promise.all(running.map(({ process }) => process.end()))
  }
}
