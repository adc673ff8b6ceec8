import type { Model, StateDict, StateEntry } from '@digitlab/models'
import type { IntegerArray } from './element-types'

/** Integers or booleans that a file holds beside its weights: counters, masks, states of generators. */
export interface IntegerEntry {
  readonly shape: readonly number[]
  /** Row-major, in the array of its own type; booleans as 0 and 1. */
  readonly data: IntegerArray
}

/** What a file of weights holds. */
export interface WeightsContents {
  /** The floats, all as float32, in the order of the file. */
  readonly weights: StateDict
  /** What is not a float, and so not a weight. */
  readonly integers: ReadonlyMap<string, IntegerEntry>
  /** Strings by name, as the format keeps them. */
  readonly metadata: ReadonlyMap<string, string>
  /** What the file itself says its weights are of, layer by layer: only an ONNX file does. */
  readonly graph?: Model
  /** What was chosen or folded on the way, a sentence each, for whoever asked for the file. */
  readonly notes: readonly string[]
}

/**
 * An entry of integers as a state dict has it, where it counts: PyTorch's `num_batches_tracked`.
 *
 * @returns undefined for integers of other types, and for counts that float32 does not hold
 */
export const countEntry = ({ shape, data }: IntegerEntry): StateEntry | undefined => {
  if (!(data instanceof BigInt64Array)) return undefined
  const values = Float32Array.from(data, Number)
  const exact = values.every((value, i) => Number(data[i]) === value)
  return exact ? { shape, data: values, dtype: 'int64' } : undefined
}

/** All that a file of ours holds of a state dict: its floats, and behind them what it counts in whole numbers. */
export const withCounts = ({ weights, integers }: Pick<WeightsContents, 'weights' | 'integers'>): StateDict => {
  const all = new Map(weights)
  for (const [name, entry] of integers) {
    const count = countEntry(entry)
    if (count) all.set(name, count)
  }
  return all
}
