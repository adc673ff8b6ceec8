import { isRecord, shownValue } from '@digitlab/models'
import { completeExperiment, type Experiment, type ExperimentInput } from './complete-experiment'
import { TrainError } from './train-error'

/** A run of PyTorch, as far as parity compares it; the README of this package describes the whole file. */
export interface ReferenceTrace {
  /** Version of PyTorch. */
  readonly torch: string
  readonly experiment: Experiment
  /** Mean loss of each of the first batches. */
  readonly firstLosses: readonly number[]
  /** On the test images, after each epoch; empty where it was not looked at. */
  readonly testAccuracy: readonly number[]
  /** Of each of the first steps; absent in a trace of version 1, which had no schedule. */
  readonly learningRates?: readonly number[]
  /** How far PyTorch's losses are from its own on one thread: of the first 20 steps, and of all. */
  readonly againstOneThread?: { readonly first20: number; readonly losses: number }
  /** Losses of the same steps by PyTorch in float64: what is as near to them as it is to be to PyTorch's float32 agrees. */
  readonly float64?: readonly number[]
}

/**
 * Reads a reference trace.
 *
 * @param name the file's name in error messages
 * @throws TrainError if it is not one
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
  if (typeof trace !== 'object' || trace === null) return fail('it is not an object')
  if (trace['format'] === 'digitlab-reference-trace') return secondVersion(trace, fail)
  const { torch, model, seed, batchSize, learningRate, epochs, first200Losses, testAccuracy } = trace
  if (typeof torch !== 'string' || typeof model !== 'string') return fail('it has no "torch" or no "model"')
  if (!isList(first200Losses)) return fail('its "first200Losses" is not a list of numbers')
  if (!isList(testAccuracy)) return fail('its "testAccuracy" is not a list of numbers')
  const settings = { model, dataset: 'mnist', seed, epochs, batchSize, optimizer: { name: 'sgd', learningRate } }
  const experiment = completeExperiment(settings as Parameters<typeof completeExperiment>[0]) // which checks each value
  return { torch, experiment, firstLosses: first200Losses, testAccuracy }
}

const isList = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length > 0 && value.every((n) => typeof n === 'number')

/** Any experiment, in its own words. */
const secondVersion = (trace: Record<string, unknown>, fail: (why: string) => never): ReferenceTrace => {
  const { version, torch, experiment, losses, learningRates, againstOneThread, float64, testAccuracy = [] } = trace
  if (version !== 2) return fail(`it has version ${shownValue(version)}, this digitlab reads version 2`)
  if (typeof torch !== 'string' || !isRecord(experiment)) return fail('it has no "torch" or no "experiment"')
  if (!isList(losses)) return fail('its "losses" is not a list of numbers')
  if (!isList(learningRates) || learningRates.length !== losses.length)
    return fail(`its "learningRates" are not as many as its ${losses.length} losses`)
  const { first20, losses: apart } = isRecord(againstOneThread) ? againstOneThread : {}
  if (typeof first20 !== 'number' || typeof apart !== 'number')
    return fail('its "againstOneThread" does not hold "first20" and "losses"')
  if (!(Array.isArray(testAccuracy) && testAccuracy.every((value) => typeof value === 'number')))
    return fail('its "testAccuracy" is not a list of numbers')
  if (float64 !== undefined && !(isList(float64) && float64.length === losses.length))
    return fail(`its "float64" are not as many losses as its ${losses.length}`)
  return {
    ...{ torch, firstLosses: losses, learningRates, testAccuracy },
    ...(float64 === undefined ? {} : { float64 }),
    experiment: completeExperiment(experiment as unknown as ExperimentInput), // which checks each value
    againstOneThread: { first20, losses: apart },
  }
}
