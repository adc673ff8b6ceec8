// How far one rounding takes a run.
// Entries of one model, and steps of runs of one length: each `!` is in range.
import type { Backend } from '@digitlab/backends'
import { inputShape, type Dataset, type StopSignal } from '@digitlab/data'
import { initialWeights, resolveModel, type Model, type StateDict } from '@digitlab/models'
import { MersenneTwister } from '@digitlab/random'
import type { Experiment } from './complete-experiment'
import { firstSteps } from './first-steps'

/** What a run has to be compared by: its losses, and its state after some steps. */
export interface Taken {
  readonly losses: readonly number[]
  readonly snapshots: ReadonlyMap<number, StateDict>
}

/** How far a run is from itself with every initial weight moved to the next float32. */
export interface Rounding {
  /** The backend of both. */
  readonly backend: string
  /** Of the loss of each step. */
  readonly losses: readonly number[]
  /** After some steps, the largest of each entry of the state dict. */
  readonly entries: ReadonlyMap<number, ReadonlyMap<string, number>>
}

/** What moved weights may change the first loss by: more is not what a rounding makes. */
const firstLoss = 2e-6

/** What is asked of a backend. */
interface Asked {
  readonly data: Dataset
  readonly backend: Backend
  /** Its run of the experiment. */
  readonly taken: Taken
  /** How many steps are compared. */
  readonly steps: number
  /** How many it must repeat to the bit, and runs with other weights moved. */
  readonly early: number
  readonly signal?: StopSignal
}

/** What draws up or down, for each run with weights moved: the first is the long one. How far a few steps go is left to chance, so they are run thrice. */
const seeds = [0, 1, 2]

/**
 * Measures what the net makes of one rounding, on one backend: by another run of `steps` steps, and three of `early`.
 *
 * @returns undefined where the backend does not repeat its own run to the bit, or the first loss is another: what it differs by is not what a
 * rounding makes
 */
export const measureRounding = async (experiment: Experiment, asked: Asked): Promise<Rounding | undefined> => {
  const { data, backend, taken, steps, early, signal } = asked
  const given = { data, backend, tested: 1, ...(signal ? { signal } : {}) }
  const again = await firstSteps(experiment, { ...given, steps: early })
  if (again.run.history.stepLosses.some((loss, i) => loss !== taken.losses[i])) return undefined

  const model = resolveModel(experiment.model, { input: inputShape(data.imageShape), classes: data.classes })
  const drawn = initialWeights(model, new MersenneTwister(experiment.seed))
  const losses = new Array<number>(steps).fill(0)
  const entries = new Map<number, Map<string, number>>()
  for (const seed of seeds) {
    const { run, snapshots } = await firstSteps(experiment, {
      ...{ ...given, steps: seed === 0 ? steps : early, snapshotSteps: [...taken.snapshots.keys()] },
      initial: { weights: moved(model, drawn, seed) },
    })
    run.history.stepLosses.forEach((loss, i) => (losses[i] = Math.max(losses[i]!, Math.abs(loss - taken.losses[i]!))))
    for (const [step, state] of snapshots) {
      const [own, found] = [taken.snapshots.get(step)!, entries.get(step) ?? new Map<string, number>()]
      for (const [name, { data }] of state)
        found.set(name, Math.max(found.get(name) ?? 0, farthest(data, own.get(name)!.data)))
      entries.set(step, found)
    }
  }
  return losses[0]! <= firstLoss ? { backend: again.run.backend.id, losses, entries } : undefined
}

/** Every value that is trained moved to the next float32 above or below it; zero stays. */
const moved = (model: Model, state: StateDict, seed: number): StateDict => {
  const generator = new MersenneTwister(seed)
  const trained = new Set(model.parameters.map(({ name }) => name))
  return new Map(
    [...state].map(([name, entry]) => {
      if (!trained.has(name)) return [name, entry]
      const data = Float32Array.from(entry.data)
      // The next float32 away from zero is the next whole number of its bits, whatever its sign.
      const bits = new Int32Array(data.buffer)
      bits.forEach((value, i) => (bits[i] = data[i] === 0 ? value : value + (generator.next() & 1 ? 1 : -1)))
      return [name, { ...entry, data }]
    }),
  )
}

const farthest = (a: Float32Array, b: Float32Array): number =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0)
