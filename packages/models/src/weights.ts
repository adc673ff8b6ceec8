// Indices run over the shapes checked on entry: each `!` is in range.
import { keep, tensor, type Tensor } from '@tensorflow/tfjs-core'
import type { Model, Parameter } from './definition'
import { checkStateDict } from './layout'
import type { StateDict, StateEntry } from './state-dict'

/**
 * Weights on the backend, by PyTorch's names and in tfjs's layout: filters [height, width, in, out], dense weights
 * [in, out] with the rows in the order in which tfjs flattens an image, which is height, width, channel.
 */
export type Weights = ReadonlyMap<string, Tensor>

/**
 * Puts a state dict onto the current backend. The tensors are kept: dispose of them with {@link disposeWeights}.
 *
 * @param entries which of the model's: all, or its parameters alone, as an optimizer keeps beside them
 * @throws ModelError if an entry is missing, extra or of another shape
 */
export const uploadWeights = (
  model: Model,
  weights: StateDict,
  entries: readonly Parameter[] = model.entries,
): Weights => {
  checkStateDict(model, weights, entries)
  return new Map(
    entries.map(({ name, layout: { shape, source } }) => {
      const { data } = weights.get(name)!
      // A loop, as Float32Array.from keeps a list of all values on the heap meanwhile.
      const values = new Float32Array(data.length)
      for (let i = 0; i < values.length; i++) values[i] = data[source(i)]!
      return [name, keep(tensor(values, [...shape]))]
    }),
  )
}

/** Reads weights back as a state dict, in PyTorch's layout. @param entries which of the model's: all by default */
export const downloadWeights = async (
  model: Model,
  weights: Weights,
  entries: readonly Parameter[] = model.entries,
): Promise<StateDict> => {
  const read: [string, StateEntry][] = []
  for (const { name, shape, layout, dtype } of entries) {
    const values = await weights.get(name)!.data()
    const data = new Float32Array(values.length)
    values.forEach((value, i) => (data[layout.source(i)] = value))
    read.push([name, { shape, data, ...(dtype && { dtype }) }])
  }
  return new Map(read)
}

/** Frees the tensors of weights that were uploaded. */
export const disposeWeights = (weights: Weights): void => {
  for (const tensor of weights.values()) tensor.dispose()
}
