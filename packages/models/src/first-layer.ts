import { float64 } from '@digitlab/ops'
import type { Model, ShapedLayer } from './definition'
import { checkStateDict, readTfjsLayout } from './layout'
import type { StateDict, StateEntry } from './state-dict'

/** The first layer that has weights. */
const firstTrained = (model: Model): ShapedLayer | undefined =>
  model.layers.find(({ parameters }) => parameters.length > 0)

/**
 * The weights of the layer that sees the image, in PyTorch's name and layout: [out, in] of a dense layer,
 * [filters, channels, height, width] of a convolution.
 *
 * @returns undefined where something has been done to the image before, or no layer has weights
 * @throws ModelError where the weights are not those of the model
 */
export const firstLayerWeights = (model: Model, weights: StateDict): (StateEntry & { name: string }) | undefined => {
  checkStateDict(model, weights)
  const first = firstTrained(model)
  const before = model.layers.slice(0, first ? model.layers.indexOf(first) : 0)
  const [parameter] = first?.parameters ?? []
  const entry = parameter && weights.get(parameter.name)
  if (!parameter || !entry || before.some(({ layer }) => layer.type !== 'flatten')) return undefined
  return { name: parameter.name, ...entry }
}

/**
 * What the filters of a model's first convolution make of one image, after the ReLU where one follows: in float64, by
 * plain loops.
 *
 * @param image bytes, [height, width, channels], 255 for full ink
 * @returns [height, width, filters]; undefined where the model does not begin with a convolution
 * @throws ModelError where the weights are not those of the model
 */
export const firstFeatureMaps = (
  model: Model,
  weights: StateDict,
  image: Uint8Array,
): { shape: [height: number, width: number, filters: number]; data: Float64Array } | undefined => {
  const [first, next] = model.layers
  if (first?.layer.type !== 'conv2d') return undefined
  const { name, stride = 1, padding = 0 } = first.layer
  const read = readTfjsLayout(model, weights)
  const [filter, bias] = [read.get(`${name}.weight`), read.get(`${name}.bias`)]
  if (!filter || !bias) return undefined
  const pixels = float64.array64(
    [1, ...model.definition.input],
    Float64Array.from(image, (shade) => shade / 255),
  )
  const made = float64.convolution(pixels, filter, bias, stride, padding)
  const { data } = next?.layer.type === 'relu' ? float64.relu(made) : made
  return { shape: first.output as [number, number, number], data }
}
