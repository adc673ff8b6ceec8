// Indices run over the shapes checked on entry: each `!` is in range.
import { keep, tensor, type Tensor } from '@tensorflow/tfjs-core'
import type { Model } from './definition'
import { checkStateDict, tfjsLayout } from './layout'
import type { StateDict, StateEntry } from './state-dict'

/**
 * Weights on the backend, by PyTorch's names and in tfjs's layout: filters [height, width, in, out], dense weights
 * [in, out] with the rows in the order in which tfjs flattens an image, which is height, width, channel.
 */
export type Weights = ReadonlyMap<string, Tensor>

/**
 * Puts a state dict onto the current backend. The tensors are kept: dispose of them with {@link disposeWeights}.
 *
 * @throws ModelError where an entry is missing, extra or of another shape
 */
export const uploadWeights = (model: Model, weights: StateDict): Weights => {
  checkStateDict(model, weights)
  const uploaded = new Map<string, Tensor>()
  for (const layer of model.layers)
    for (const { name, shape } of layer.parameters) {
      const to = tfjsLayout(layer, shape)
      const data = weights.get(name)!.data
      const values = Float32Array.from(data, (_, i) => data[to.source(i)]!)
      uploaded.set(name, keep(tensor(values, to.shape)))
    }
  return uploaded
}

/** Reads weights back as a state dict, in PyTorch's layout. */
export const downloadWeights = async (model: Model, weights: Weights): Promise<StateDict> => {
  const entries: [string, StateEntry][] = []
  for (const layer of model.layers)
    for (const { name, shape } of layer.parameters) {
      const values = await weights.get(name)!.data()
      const from = tfjsLayout(layer, shape)
      const data = new Float32Array(values.length)
      values.forEach((value, i) => (data[from.source(i)] = value))
      entries.push([name, { shape, data }])
    }
  return new Map(entries)
}

/** Frees the tensors of weights that were uploaded. */
export const disposeWeights = (weights: Weights): void => {
  for (const tensor of weights.values()) tensor.dispose()
}
