// Where the time of a step goes, as Markdown.
import { number, range, table } from './tables'
import type { TimedCall, TimedStep } from './kernel-times'

/** What one core does at most. */
export interface Machine {
  /** GFLOP/s of fused multiply-adds. */
  readonly gflops: number
  /** GB/s that a copy reads and writes. */
  readonly gigabytes: number
}

export interface TimedModel extends TimedStep {
  readonly model: string
  readonly batchSize: number
}

/** Microseconds that calls need on so many threads, were each core as fast as it can be. */
export const limitOf = (
  calls: readonly TimedCall[],
  { gflops, gigabytes }: Machine,
  threads: number,
  barrier = 0,
): number =>
  calls.reduce((sum, { flops, bytes, most, waits }) => {
    const busy = Math.max(flops / gflops, bytes / gigabytes) / 1000 / Math.min(threads, most)
    return sum + busy + (threads > 1 && waits ? barrier : 0)
  }, 0)

/**
 * Microseconds that a step is to take on so many threads by what its calls take on one: each divided by the threads that can share it, and
 * a barrier behind each call that waits. Threads arrive at a barrier one after another, each with the line of memory that counts them:
 * its cost grows with their number.
 *
 * @param barrier microseconds of one of two threads
 */
export const expectedOf = (calls: readonly TimedCall[], threads: number, barrier: number): number =>
  calls.reduce(
    (sum, { alone, most, waits }) =>
      sum + alone.median / Math.min(threads, most) + (threads > 1 && waits ? (barrier * threads) / 2 : 0),
    0,
  )

const sumOf = (calls: readonly TimedCall[], value: (call: TimedCall) => number) =>
  calls.reduce((sum, call) => sum + value(call), 0)

/** Calls of one kernel at one shape, together. */
const grouped = (calls: readonly TimedCall[]): readonly (readonly [TimedCall, ...TimedCall[]])[] => {
  const groups = new Map<string, [TimedCall, ...TimedCall[]]>()
  for (const call of calls) {
    const name = `${call.kernel} ${call.shape}`
    const group = groups.get(name)
    if (group) group.push(call)
    else groups.set(name, [call])
  }
  return [...groups.values()]
}

/** Calls together: the medians summed, and the least and the most. */
const together = (calls: readonly TimedCall[], which: 'alone' | 'shared') => ({
  median: sumOf(calls, (call) => call[which].median),
  min: sumOf(calls, (call) => call[which].min),
  max: sumOf(calls, (call) => call[which].max),
})

/** The calls of a model's step. */
export const callsTable = ({ calls, alone, shared, barrier }: TimedModel, machine: Machine, threads: number): string =>
  table(
    ['kernel', 'shape', 'calls', 'µs, 1 thread', `µs, ${threads} threads`, 'ratio', 'kFLOP', 'kB', 'of the limit'],
    [
      ...grouped(calls).map((group) => {
        const [one, all] = [together(group, 'alone'), together(group, 'shared')]
        return [
          ...[group[0].kernel, group[0].shape.replaceAll('*', '\\*'), group.length, range(one), range(all)],
          ...[number(one.median / all.median, 2), number(sumOf(group, ({ flops }) => flops) / 1e3)],
          ...[number(sumOf(group, ({ bytes }) => bytes) / 1e3), percent(limitOf(group, machine, 1), one.median)],
        ]
      }),
      ['the step as one', '', 1, range(alone), range(shared), number(alone.median / shared.median, 2), '', '', ''],
      ['a barrier', '', calls.filter(({ waits }) => waits).length, '', range(barrier), '', '', '', ''],
    ],
  )

const percent = (limit: number, reached: number) => `${Math.round((100 * limit) / reached)} %`

/** Every model's step. */
export const stepsTable = (models: readonly TimedModel[], machine: Machine, threads: number): string =>
  table(
    [
      ...['model', 'batch', 'MFLOP', 'MB', 'µs at least, 1 thread', 'takes', 'reached'],
      ...[`µs at least, ${threads} threads`, 'takes', 'reached'],
    ],
    models.map(({ model, batchSize, calls, alone, shared, barrier }) => {
      const [one, all] = [limitOf(calls, machine, 1), limitOf(calls, machine, threads, barrier.min)]
      return [
        ...[model, batchSize],
        ...[number(sumOf(calls, ({ flops }) => flops) / 1e6), number(sumOf(calls, ({ bytes }) => bytes) / 1e6)],
        ...[number(one), range(alone), percent(one, alone.median)],
        ...[number(all), range(shared), percent(all, shared.median)],
      ]
    }),
  )

/** What steps are to take on more threads than were at hand, beside what they took. */
export const expectedTable = (models: readonly TimedModel[], threads: number): string => {
  const counts = [1, 2, 4, 8]
  return table(
    [
      ...['model', 'barriers', 'µs a barrier, 2 threads'],
      ...counts.map((count) => `µs expected, ${count}`),
      ...['µs measured, 1', `µs measured, ${threads}`],
    ],
    models.map(({ model, calls, alone, shared, barrier }) => [
      ...[model, calls.filter(({ waits }) => waits).length, number(barrier.median, 2)],
      ...counts.map((count) => number(expectedOf(calls, count, barrier.median))),
      ...[number(alone.median), number(shared.median)],
    ]),
  )
}
