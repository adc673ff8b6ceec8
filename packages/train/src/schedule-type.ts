// What a schedule is: how the learning rate changes during a run, in one object of one file.
import type { CompletedOptions, OptionTable } from '@digitlab/models'
import type { Monitored } from './monitor'

/** Where in a run a rate is asked for. */
export interface SchedulePlace<O> {
  readonly options: O
  /** The optimizer's learning rate. */
  readonly base: number
  /** Epochs or steps, as `every` has it, that lie behind: 0 at the start. In a list of schedules, since this one began. */
  readonly at: number
  /** As many as there are in all, or as it lasts in a list. */
  readonly total: number
  /** The rate at `at - 1`, for a formula that goes on from there; `base` at the start. */
  readonly previous: number
  /** What the epochs told that lie behind. */
  readonly history: readonly Monitored[]
}

/** The run that a schedule has to fit. */
export interface ScheduledRun {
  /** Epochs or steps of the run, or as many as the schedule lasts in a list. */
  readonly total: number
  /** The name of the optimizer and its options. */
  readonly optimizer: { readonly name: string; readonly options: Readonly<Record<string, unknown>> }
  /** Whether images are set aside for validation. */
  readonly validates: boolean
  /** Whether it is one of a list. */
  readonly listed: boolean
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
  /** Why options that are each in their range do not go together, as a sentence with both values; undefined if they do. */
  contradiction?(options: CompletedOptions<T>): string | undefined
  /** Why it does not fit a run, as a sentence with both values; undefined if it does. */
  misfit?(options: CompletedOptions<T>, run: ScheduledRun): string | undefined
  /** How many epochs or steps it is made for: as long it lasts in a list. Undefined where it goes on for ever. */
  lasts?(options: CompletedOptions<T>): number | undefined
  /** What `at` and `total` count. */
  every(options: CompletedOptions<T>): 'epoch' | 'step'
  /** The learning rate there. Asked for in order, once for each `at`. */
  rate(place: SchedulePlace<CompletedOptions<T>>): number
  /**
   * Options of the optimizer that change with the learning rate, by their names.
   *
   * @param optimizer the options that it has
   */
  beside?(
    place: SchedulePlace<CompletedOptions<T>>,
    optimizer: Readonly<Record<string, unknown>>,
  ): Readonly<Record<string, number>>
}

/**
 * Defines a schedule, which can be passed to `runExperiment`.
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
