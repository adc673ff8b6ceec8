import { completeExperiment, type Experiment } from './complete-experiment'
import { TrainError } from './train-error'

/** A run of PyTorch, as far as parity compares it; the README of this package describes the whole file. */
export interface ReferenceTrace {
  /** Version of PyTorch. */
  readonly torch: string
  readonly experiment: Experiment
  /** Mean loss of each of the first batches. */
  readonly firstLosses: readonly number[]
  /** On the test images, after each epoch. */
  readonly testAccuracy: readonly number[]
}

/**
 * Reads a reference trace.
 *
 * @param name how to call the file in an error
 * @throws TrainError where it is none
 */
export const parseReferenceTrace = (text: string, name = 'the reference'): ReferenceTrace => {
  const fail = (why: string, cause?: unknown): never => {
    throw new TrainError(`${name} is not a reference trace (${why}): write one with tooling/reference/trace.py`, {
      cause,
    })
  }
  let trace: Record<string, unknown>
  try {
    trace = JSON.parse(text) as Record<string, unknown>
  } catch (cause) {
    return fail((cause as Error).message, cause)
  }
  if (typeof trace !== 'object' || trace === null) return fail('it is no object')
  const { torch, model, seed, batchSize, learningRate, epochs, first200Losses, testAccuracy } = trace
  const isList = (value: unknown): value is number[] =>
    Array.isArray(value) && value.length > 0 && value.every((n) => typeof n === 'number')
  if (typeof torch !== 'string' || typeof model !== 'string') return fail('it has no "torch" or no "model"')
  if (!isList(first200Losses)) return fail('its "first200Losses" is no list of numbers')
  if (!isList(testAccuracy)) return fail('its "testAccuracy" is no list of numbers')
  const settings = { model, dataset: 'mnist', seed, epochs, batchSize, optimizer: { name: 'sgd', learningRate } }
  const experiment = completeExperiment(settings as Parameters<typeof completeExperiment>[0]) // which checks each value
  return { torch, experiment, firstLosses: first200Losses, testAccuracy }
}
