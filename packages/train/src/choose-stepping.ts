import type { StateDict } from '@digitlab/models'
import { uploadWeights } from '@digitlab/models/compute'
import type { Dataset } from '@digitlab/data'
import { MersenneTwister } from '@digitlab/random'
import { canShareMemory } from './exchange'
import type { Extensions } from './extensions'
import { giveWay } from './give-way'
import { createOptimizer } from './optimizer'
import { aloneStepping, type Learner, type Stepping } from './stepping'
import { type Experiment } from './complete-experiment'
import { TrainError } from './train-error'
import { createTeam, type Team, type WorkerOptions } from './workers'

/** How long 'auto' times each number of workers, in milliseconds; the same again is let pass before, unmeasured. */
const trial = 150
/** Starting a thread takes about half a second: training that takes no longer than this is not shared, in milliseconds. */
const worthSharing = 3000
/** More workers must be this much faster to be taken. */
const gain = 0.95

/** What is chosen from. */
export interface Choice {
  readonly learner: Learner
  readonly data: Dataset
  readonly experiment: Experiment
  readonly extensions: Extensions
  /** What a trial begins with; it leaves the run's own weights alone. */
  readonly initial: StateDict
  readonly workers: WorkerOptions | undefined
}

/**
 * Steps as the run asks for them: alone, by a team of a given size, or by what is fastest in a trial.
 *
 * @throws TrainError where workers are asked for that can't be had
 */
export const chooseStepping = async (choice: Choice): Promise<{ stepping: Stepping; team?: Team }> => {
  const { learner, data, experiment, workers } = choice
  const { model, backend } = learner
  const alone = () => aloneStepping(learner)
  if (!workers || workers.count === 1) return { stepping: alone() }
  const { count } = workers
  if (backend.asynchronous) {
    if (count === 'auto') return { stepping: alone() }
    throw new TrainError(
      'this backend computes on a device of its own, which workers cannot share: leave the number of workers out',
    )
  }
  const unsharable = data.train.stream
    ? 'its images are streamed from a disk'
    : experiment.augment === undefined
      ? (model.unsharable ?? unshared(experiment))
      : 'its images are others every epoch, and are made for one thread'
  if (unsharable !== undefined) {
    if (count === 'auto') return { stepping: alone() }
    throw new TrainError(`workers can't share a batch of the model "${model.name}": ${unsharable}; train it with one`, {
      code: 'workers',
    })
  }
  const most = count === 'auto' ? (canShareMemory() ? (workers.most ?? 1) : 1) : count
  if (most === 1) return { stepping: alone() }
  const stepsInAll = Math.ceil(data.train.count / experiment.batchSize) * experiment.epochs
  if (count === 'auto') {
    const milliseconds = await timeSteps(choice, async (trialLearner) => aloneStepping(trialLearner))
    if (milliseconds * stepsInAll < worthSharing) return { stepping: alone() }
    const team = createTeam(workers, most, model, data.train, data.imageShape)
    try {
      const best = await fastest(choice, team, most, milliseconds)
      if (best > 1) return { stepping: await team.begin(learner, experiment, best), team }
      await team.close()
      return { stepping: alone() }
    } catch (error) {
      await team.close()
      throw error
    }
  }
  const team = createTeam(workers, most, model, data.train, data.imageShape)
  try {
    await team.grow(most)
    return { stepping: await team.begin(learner, experiment, most), team }
  } catch (error) {
    await team.close()
    throw error
  }
}

/** What of an experiment workers can't share; undefined where there is nothing. */
const unshared = ({ accumulate, normalize, schedule }: Experiment): string | undefined => {
  if (accumulate !== undefined) return `it is computed in ${accumulate} parts already (accumulate)`
  if (normalize) return `its images are normalized (mean ${normalize.mean}, std ${normalize.std})`
  if (schedule && 'name' in schedule && schedule.name === 'plateau') return 'its schedule, plateau, follows the epochs'
  return undefined
}

/** Doubles the number of workers as long as that is faster. */
const fastest = async (choice: Choice, team: Team, most: number, alone: number): Promise<number> => {
  let [best, time] = [1, alone]
  for (let workers = 2; ; workers = Math.min(2 * workers, most)) {
    await team.grow(workers)
    const measured = await timeSteps(choice, (learner) => team.begin(learner, choice.experiment, workers))
    if (measured > time * gain) return best
    ;[best, time] = [workers, measured]
    if (workers === most) return best
  }
}

/** Milliseconds a step, on weights that are thrown away. */
const timeSteps = async (
  { learner, data, experiment, extensions, initial }: Choice,
  steppingOf: (learner: Learner) => Promise<Stepping>,
): Promise<number> => {
  const steps = { experiment, stepsPerEpoch: Math.ceil(data.train.count / experiment.batchSize), extensions }
  const optimizer = createOptimizer(learner.model, steps, uploadWeights(learner.model, initial))
  try {
    // Trials draw from a generator of their own.
    const generator = new MersenneTwister(learner.generator.state())
    const stepping = await steppingOf({ ...learner, generator, optimizer })
    const order = Int32Array.from({ length: data.train.count }, (_, i) => i)
    const { batchSize } = experiment
    let [steps, elapsed] = [0, 0]
    await stepping.startEpoch(order, batchSize, 0)
    const began = performance.now()
    for (let start = 0; start + batchSize <= order.length && elapsed < trial; start += batchSize) {
      const from = performance.now()
      const summary = await stepping.step(start, batchSize)
      await summary.values()
      summary.dispose()
      await giveWay()
      if (from - began < trial) continue
      elapsed += performance.now() - from
      steps++
    }
    const whole = performance.now() - began
    await stepping.endEpoch()
    return steps > 0 ? elapsed / steps : whole / Math.max(1, Math.floor(order.length / batchSize))
  } finally {
    optimizer.dispose()
  }
}
