import { sha256 } from '@digitlab/data'
import { checkStateDict, type Model, type StateDict, type StateEntry } from '@digitlab/models'
import { checkFinite, writeSafetensors } from '@digitlab/weights'
import { type Experiment, type InitialOptions } from './complete-experiment'
import { TrainError } from './train-error'

/** The SHA-256 of weights as a safetensors file without metadata, its entries in the order of their names. */
export const weightsId = async (weights: StateDict): Promise<string> =>
  sha256(writeSafetensors(new Map([...weights].sort(([a], [b]) => (a < b ? -1 : 1)))))

/** Weights to begin with, and whether the last layer is drawn anew. */
export interface Initial {
  readonly weights: StateDict
  /** Draws the last layer from the seed: for other classes than the weights were made for. */
  readonly newHead?: boolean
}

/**
 * What an experiment records of given weights.
 *
 * @throws TrainError if the experiment begins with others, or with weights that were not given
 */
export const recordInitial = async (experiment: Experiment, given: Initial | undefined): Promise<Experiment> => {
  const { initial } = experiment
  if (!given) {
    if (!initial) return experiment
    throw new TrainError(`this experiment begins with given weights (SHA-256 ${initial.sha256.slice(0, 8)}): give them`)
  }
  const found: InitialOptions = { sha256: await weightsId(given.weights), newHead: given.newHead ?? false }
  if (initial && (initial.sha256 !== found.sha256 || initial.newHead !== found.newHead))
    throw new TrainError(
      `this experiment begins with the weights ${shown(initial)}, those given are ${shown(found)}: give those it was made with`,
    )
  return { ...experiment, initial: found }
}

const shown = ({ sha256, newHead }: InitialOptions): string =>
  `${sha256.slice(0, 8)} with ${newHead ? 'a new last layer' : 'their own last layer'}`

/**
 * The weights that training begins with.
 *
 * @param drawn from the seed
 * @throws ModelError if an entry is missing, extra or of another shape; WeightsError for NaN and infinity
 */
export const beginWith = (model: Model, drawn: StateDict, given: Initial | undefined): StateDict => {
  if (!given) return drawn
  checkFinite(given.weights)
  const weights = new Map(given.weights)
  if (given.newHead) {
    const last = model.layers.findLast(({ parameters }) => parameters.length > 0)
    for (const { name } of [...(last?.parameters ?? []), ...(last?.buffers ?? [])]) {
      const entry = drawn.get(name)
      if (entry) weights.set(name, entry)
    }
  }
  checkStateDict(model, weights)
  // In the model's order, whatever that of the file.
  return new Map(model.entries.map(({ name }) => [name, weights.get(name) as StateEntry]))
}
