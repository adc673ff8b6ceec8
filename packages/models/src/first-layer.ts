import type { Model } from './definition'
import { checkStateDict } from './layout'
import type { StateDict, StateEntry } from './state-dict'

/**
 * The weights of the layer that sees the image, in PyTorch's name and layout: [out, in] of a dense layer,
 * [filters, channels, height, width] of a convolution.
 *
 * @returns undefined if something has been done to the image before, or no layer has weights
 * @throws ModelError if the weights are not those of the model
 */
export const firstLayerWeights = (model: Model, weights: StateDict): (StateEntry & { name: string }) | undefined => {
  checkStateDict(model, weights)
  const first = model.layers.findIndex(({ parameters }) => parameters.length > 0)
  const [parameter] = model.layers[first]?.parameters ?? []
  const entry = parameter && weights.get(parameter.name)
  if (!parameter || !entry || !model.layers.slice(0, first).every(({ type }) => type.reshapes)) return undefined
  return { name: parameter.name, ...entry }
}
