import { scheduleOf, type Experiment } from './complete-experiment'
import type { Extensions } from './extensions'
import { TrainError } from './train-error'

/** The learning rate of each step. */
export interface LearningRate {
  /** Of a step, counted from 1 over all epochs. */
  of(step: number): number
  /** Whether it changes from step to step. */
  readonly everyStep: boolean
}

/** The learning rate of an experiment as its schedule has it. @throws TrainError where a schedule answers what is no rate */
export const learningRateOf = (experiment: Experiment, stepsPerEpoch: number, extensions: Extensions): LearningRate => {
  const base = experiment.optimizer.learningRate
  const schedule = scheduleOf(experiment, extensions)
  if (!schedule) return { of: () => base, everyStep: false }
  const { type, options } = schedule
  const everyStep = type.every(options) === 'step'
  const total = everyStep ? stepsPerEpoch * experiment.epochs : experiment.epochs
  return {
    everyStep,
    of(step) {
      const at = everyStep ? step - 1 : Math.floor((step - 1) / stepsPerEpoch)
      const rate = type.rate({ options, base, at, total })
      if (!(Number.isFinite(rate) && rate >= 0))
        throw new TrainError(
          `the schedule ${type.name} gives step ${step} a learning rate of ${rate}: it must be a number from 0`,
        )
      return rate
    },
  }
}
