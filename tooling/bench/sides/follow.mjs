// @ts-check
/**
 * Follows a turn: it is over after so many seconds of untimed epochs and then of timed ones, at least one of each that is asked for.
 *
 * @param {import('../side').Turn} turn
 * @returns {(seconds: number) => import('../side').Timed | undefined} told what each epoch, or part of one, took: what the turn came to once it
 * is over
 */
export const follow = ({ untimed, timed }) => {
  const [before, during] = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])]
  const sum = (/** @type {number[]} */ values) => values.reduce((total, value) => total + value, 0)
  return (seconds) => {
    if (sum(before) < untimed) before.push(seconds)
    else during.push(seconds)
    if (during.length === 0 || sum(during) < timed) return undefined
    return { seconds: sum(during) / during.length, epochs: { untimed: before.length, timed: during.length } }
  }
}
