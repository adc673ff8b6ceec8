// Sides take turns: in every round each trains one epoch, so that what slows the machine slows all of them.
import { setTimeout as sleep } from 'node:timers/promises'
import { compareLosses } from './losses.mjs'
import { startSide } from './side.mjs'

/** A side whose turn takes longer than this, in seconds, takes part in the first rounds only. */
const slow = 12
const roundsOfSlow = 3

/** Threads of the side before may still be spinning: let them go to sleep, in milliseconds. */
const settle = 250

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Median, least and most. */
export const spread = (values) => ({ median: median(values), min: Math.min(...values), max: Math.max(...values) })

/**
 * Starts the sides, holds their first losses to one another, and times `rounds` turns of each.
 *
 * @param trusted ids that losses may be compared with, the best first
 * @returns [{ id, title, failed } | { id, title, agreement, secondsPerEpoch: number[], steps?, peakBytes, rss }]
 */
export const measure = async (model, sides, { rounds, trusted, say }) => {
  const running = sides.map((side) => ({ ...side, process: startSide(side.command, side.args), seconds: [] }))
  try {
    for (const side of running) {
      say(`${model}: ${side.title}, a first epoch`)
      try {
        side.first = await side.process.turn()
      } catch (error) {
        side.failed = error.message
        say(`${model}: ${side.title} cannot: ${error.message}`)
      }
    }
    const able = () => running.filter(({ failed }) => failed === undefined)
    const agreements = compareLosses(
      model,
      able().map(({ id, title, first }) => ({ id, title, losses: first.losses })),
      trusted,
    )
    for (const agreement of agreements) {
      const side = running.find(({ id }) => id === agreement.id)
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
          side.last = await side.process.turn()
        } catch (error) {
          side.failed = error.message
          continue
        }
        side.turnSeconds = (performance.now() - from) / 1000
        side.seconds.push(side.last.secondsPerEpoch)
      }
      say(
        `${model}, round ${round}: ${able()
          .map(({ id, last }) => `${id} ${last.secondsPerEpoch.toPrecision(3)}`)
          .join(', ')}`,
      )
    }
    return running.map(({ id, title, failed, agreement, seconds, first, last }) => ({
      id,
      title,
      ...(agreement === undefined ? {} : { agreement }),
      ...(failed === undefined
        ? {
            secondsPerEpoch: seconds,
            ...(last.steps === undefined ? {} : { steps: last.steps }),
            peakBytes: last.peakBytes,
            ...(last.heldBytes === undefined ? {} : { heldBytes: [first.heldBytes, last.heldBytes] }),
          }
        : { failed }),
    }))
  } finally {
    await Promise.all(running.map(({ process }) => process.end()))
  }
}
