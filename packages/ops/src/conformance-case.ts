// What the cases of the suite are made of.
import { memory, tensor, type Tensor } from '@tensorflow/tfjs-core'
import * as float64 from './float64'

/** One case of the suite, for any test runner. */
export interface ConformanceCase {
  readonly name: string
  /** Runs on tfjs's current backend; throws a sentence with both values where the result is wrong or a tensor leaks. */
  readonly run: () => Promise<void>
}

/** A short deterministic sequence in [-1, 1): the cases need numbers, not randomness. */
const sequence = (seed: number) => {
  let state = (seed * 2654435761 + 12345) >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.fround(state / 2 ** 31 - 1)
  }
}

export const filled = (shape: readonly number[], seed: number, zeros = 0): float64.Array64 => {
  const next = sequence(seed)
  const array = float64.array64(shape)
  for (let i = 0; i < array.data.length; i++) {
    const value = next()
    array.data[i] = Math.abs(next()) < zeros ? 0 : value
  }
  return array
}

export const upload = <T extends Tensor>(array: float64.Array64): T =>
  tensor(Float32Array.from(array.data), [...array.shape]) as T

/** Both relative to the largest value wanted: float32 sums of some thousand terms stay well within it. */
const tolerance = 1e-5

export const expectClose = async (what: string, got: Tensor, want: float64.Array64): Promise<void> => {
  const shape = got.shape.join(', ')
  if (shape !== want.shape.join(', '))
    throw new Error(`${what}: shape [${shape}] where [${want.shape.join(', ')}] is right`)
  const values = await got.data()
  const scale = want.data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1)
  want.data.forEach((value, i) => {
    const difference = Math.abs((values[i] ?? NaN) - value)
    if (!(difference <= tolerance * scale))
      throw new Error(`${what}[${i}] of [${shape}]: ${values[i]} where ${value} is right (off by ${difference})`)
  })
}

/** Runs a case and disposes of everything it keeps; what is left then is a leak. */
export const leakless = (
  name: string,
  run: (own: <T extends Tensor>(tensor: T) => T) => Promise<void>,
): ConformanceCase => ({
  name,
  run: async () => {
    const before = memory().numTensors
    const owned: Tensor[] = []
    try {
      await run((tensor) => {
        owned.push(tensor)
        return tensor
      })
    } finally {
      for (const tensor of owned) tensor.dispose()
    }
    const left = memory().numTensors - before
    if (left !== 0) throw new Error(`${name}: ${left} tensors leaked`)
  },
})
