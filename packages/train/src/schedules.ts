import { step } from './schedules/step'

/** The schedules that every experiment may have. `runExperiment` takes more. */
export const scheduleTypes = [step] as const
