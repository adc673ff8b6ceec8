/** One entry of a state dict: its shape, and its values in row-major order. */
export interface StateEntry {
  readonly shape: readonly number[]
  readonly data: Float32Array
  /** The type in files of what PyTorch counts in whole numbers; float32 by default. */
  readonly dtype?: 'int64'
}

/** Weights by PyTorch's names and in PyTorch's layout: 'conv1.weight' [16, 1, 3, 3], 'fc.bias' [10]. */
export type StateDict = Map<string, StateEntry>
