import { optimizerOf, schedulesOf, type Experiment, type ListedSchedule } from './complete-experiment'
import type { Extensions } from './extensions'
import type { Monitored } from './monitor'
import { stepsPerEpoch as stepsOf } from './steps-per-epoch'
import { counted } from './schedules/every'
import { TrainError } from './train-error'

/** The learning rate of each step, and what changes with it. */
interface LearningRate {
  /** Of a step, counted from 1 over all epochs. */
  of(step: number): number
  /** The same with the other options of the optimizer that change, by their names. */
  options(step: number): Readonly<Record<string, number>> & { readonly learningRate: number }
  /** Whether it changes from step to step. */
  readonly everyStep: boolean
}

/** A schedule and the part of the run that it has. */
interface Part extends ListedSchedule {
  readonly begins: number
  readonly total: number
}

/**
 * The learning rate of an experiment as its schedules have it, one after the other.
 *
 * @param history what the epochs told that lie behind: read as it is when a rate is asked for
 * @throws TrainError if a schedule answers what is not a rate
 */
export const learningRateOf = (
  experiment: Experiment,
  stepsPerEpoch: number,
  extensions: Extensions,
  history: readonly Monitored[] = [],
): LearningRate => {
  const base = experiment.optimizer.learningRate
  const schedules = schedulesOf(experiment, extensions)
  const [first] = schedules
  if (!first) return { of: () => base, options: () => ({ learningRate: base }), everyStep: false }
  const everyStep = first.type.every(first.options) === 'step'
  const total = everyStep ? stepsPerEpoch * experiment.epochs : experiment.epochs
  const parts = partsOf(schedules, total)
  const optimizer = optimizerOf(experiment, extensions).options
  const partAt = (at: number) => parts.findLast(({ begins }) => begins <= at) as Part // the first begins at 0
  const rates: number[] = []
  const placeAt = (at: number, { begins, total, options }: Part) => ({
    ...{ options, base, at: at - begins, total, history },
    previous: at === begins ? base : (rates[at - 1] as number), // they are asked for in order
  })
  const rateAt = (at: number): number => {
    for (let next = rates.length; next <= at; next++) {
      const part = partAt(next)
      const rate = part.type.rate(placeAt(next, part))
      if (!(Number.isFinite(rate) && rate >= 0))
        throw new TrainError(
          `the schedule ${part.type.name} gives ${everyStep ? 'step' : 'epoch'} ${next + 1} a learning rate of ${rate}: it must be a number from 0`,
        )
      rates.push(rate)
    }
    return rates[at] as number // computed by now
  }
  const atOf = (step: number) => (everyStep ? step - 1 : Math.floor((step - 1) / stepsPerEpoch))
  return {
    everyStep,
    of: (step) => rateAt(atOf(step)),
    options(step) {
      const at = atOf(step)
      const learningRate = rateAt(at)
      const part = partAt(at)
      return { ...part.type.beside?.(placeAt(at, part), optimizer), learningRate }
    },
  }
}

/** Where each begins: the last one lasts to the end. */
const partsOf = (schedules: readonly ListedSchedule[], total: number): readonly Part[] => {
  let begins = 0
  return schedules.map((schedule, i) => {
    const last = i === schedules.length - 1
    const length = last ? total - begins : (schedule.lasts ?? 0)
    const part = { ...schedule, begins, total: length }
    begins += length
    return part
  })
}

/**
 * Refuses schedules that do not fit a run.
 *
 * @param images to train on
 * @throws TrainError with both values
 */
export const checkSchedules = (experiment: Experiment, images: number, extensions: Extensions): void => {
  const schedules = schedulesOf(experiment, extensions)
  const [first] = schedules
  if (!first) return
  const every = first.type.every(first.options)
  const { type, options } = optimizerOf(experiment, extensions)
  const total = (every === 'step' ? stepsOf(images, experiment) : 1) * experiment.epochs
  const validates = experiment.validation !== undefined
  const listed = schedules.length > 1
  for (const [i, part] of partsOf(schedules, total).entries()) {
    if (listed && (part.total < 1 || part.begins + part.total > total))
      throw new TrainError(
        `schedule[${i}]: the schedules before ${part.type.name} take ${part.begins + (i === schedules.length - 1 ? 0 : part.total)} of the run's ${counted(total, every)}: make them shorter`,
      )
    const run = { total: part.total, optimizer: { name: type.name, options }, validates, listed }
    const why = part.type.misfit?.(part.options, run)
    if (why !== undefined) throw new TrainError(`schedule${listed ? `[${i}]` : ''}: ${why}`)
  }
}
