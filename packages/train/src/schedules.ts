import { cosine } from './schedules/cosine'
import { exponential } from './schedules/exponential'
import { linear } from './schedules/linear'
import { multiStep } from './schedules/multi-step'
import { oneCycle } from './schedules/one-cycle'
import { plateau } from './schedules/plateau'
import { step } from './schedules/step'

/** The schedules that every experiment may have. `runExperiment` takes more. */
export const scheduleTypes = [step, multiStep, exponential, cosine, linear, oneCycle, plateau] as const
