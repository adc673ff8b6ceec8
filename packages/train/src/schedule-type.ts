// What a schedule is: how the learning rate changes while a run goes on, in one object of one file.
import type { CompletedOptions, OptionTable } from '@digitlab/models'

/** Where in a run a rate is asked for. */
export interface SchedulePlace<O> {
  readonly options: O
  /** The optimizer's learning rate. */
  readonly base: number
  /** Epochs or steps, as `every` has it, that lie behind: 0 at the start. */
  readonly at: number
  /** As many as there are in all. */
  readonly total: number
}

/**
 * A schedule: pure numbers in float64, so that every backend and every worker takes the same.
 *
 * @typeParam N its name in an experiment
 * @typeParam T its options
 */
export interface ScheduleType<N extends string = string, T extends OptionTable = OptionTable> {
  readonly name: N
  /** What it does, in a line of a command's help or a page's form. */
  readonly says?: string
  readonly options: T
  /** What `at` and `total` count. */
  every(options: CompletedOptions<T>): 'epoch' | 'step'
  /** The learning rate there. */
  rate(place: SchedulePlace<CompletedOptions<T>>): number
}

/**
 * Makes a schedule: of this package, or of anybody's, which `runExperiment` is then handed.
 *
 * ```js
 * const halving = defineSchedule({
 *   name: 'halving',
 *   options: {},
 *   every: () => 'epoch',
 *   rate: ({ base, at }) => base * 0.5 ** at,
 * })
 * ```
 */
export const defineSchedule = <const N extends string, const T extends OptionTable>(
  type: ScheduleType<N, T>,
): ScheduleType<N, T> => type
