import type { DataType } from '@tensorflow/tfjs-core'

/** An operation was given tensors or options that do not fit each other. */
export class OpsError extends Error {
  readonly mendable = true
  override name = 'OpsError'
}

/** What of a tensor is checked. */
export interface ShapedLike {
  readonly shape: readonly number[]
  readonly dtype: DataType
}

const shown = (shape: readonly number[]) => `[${shape.map((size) => (size === -1 ? 'any' : size)).join(', ')}]`

/** Throws an {@link OpsError} with both shapes where they differ; -1 in `expected` fits any size. */
export const expectShape = (what: string, actual: readonly number[], expected: readonly number[]): void => {
  const fits = actual.length === expected.length && expected.every((size, i) => size === -1 || size === actual[i])
  if (!fits) throw new OpsError(`${what} must have shape ${shown(expected)}, not ${shown(actual)}`)
}

/** Throws an {@link OpsError} where a tensor is missing, or its type or shape is another; -1 in `shape` fits any size. */
export const expectTensor = (
  what: string,
  tensor: ShapedLike | undefined,
  shape: readonly number[],
  dtype: DataType = 'float32',
): void => {
  // Typed as being there; a caller of tfjs's own may leave it out.
  if (tensor === undefined) throw new OpsError(`${what} is missing`)
  expectShape(what, tensor.shape, shape)
  if (tensor.dtype !== dtype) throw new OpsError(`${what} must be ${dtype}, not ${tensor.dtype}`)
}

/** Throws an {@link OpsError} where a number is not a whole one from `least` on. */
export const expectCount = (what: string, value: number, least: number): void => {
  if (!(Number.isSafeInteger(value) && value >= least))
    throw new OpsError(`${what} must be a whole number from ${least} on, not ${value}`)
}
