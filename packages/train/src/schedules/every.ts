import { choice, integer } from '@digitlab/models'
import type { ScheduledRun } from '../schedule-type'

/** The option that says what a schedule counts. */
export const every = choice(['epoch', 'step'], { default: 'epoch', says: 'what is counted' })

/** How long a schedule is; the whole run where it is left out. */
export const totalSteps = (says: string) => integer({ from: 1, optional: true, says })

/** Why a schedule of `totalSteps` is too long for a run. */
export const tooLong = (
  name: string,
  options: { readonly totalSteps?: number; readonly every: 'epoch' | 'step' },
  { total }: ScheduledRun,
): string | undefined =>
  options.totalSteps !== undefined && options.totalSteps > total
    ? `${name} is made for ${counted(options.totalSteps, options.every)}, the run has ${total}: set totalSteps to ${total}, or leave it out`
    : undefined

/** Why one of `totalSteps` does not end with a run. */
export const notAsLong = (
  name: string,
  options: { readonly totalSteps?: number; readonly every: 'epoch' | 'step' },
  run: ScheduledRun,
): string | undefined =>
  tooLong(name, options, run) ??
  (options.totalSteps !== undefined && options.totalSteps < run.total
    ? `${name} is over after ${counted(options.totalSteps, options.every)}, the run has ${run.total}: set totalSteps to ${run.total}, or leave it out`
    : undefined)

/** '5 epochs', '1 step' */
export const counted = (count: number, what: 'epoch' | 'step'): string => `${count} ${what}${count === 1 ? '' : 's'}`
