// Indices run over the shapes of the model's parameters: each `!` is in range.
import { float64 } from '@digitlab/ops'
import type { Model, ShapedLayer } from './definition'
import { ModelError } from './model-error'
import type { StateDict } from './state-dict'

/** Weights in float64 and tfjs's layout, by PyTorch's names. */
export type StateDict64 = Map<string, float64.Array64>

/** An array in tfjs's layout: its shape, and where each of its values stands in PyTorch's array. */
export interface Layout {
  readonly shape: number[]
  readonly source: (index: number) => number
}

/**
 * Filters are [out, in, height, width] in PyTorch and [height, width, in, out] in tfjs; dense weights [out, in] and
 * [in, out]. After a flatten the inputs of a dense layer are in the order channel, height, width in PyTorch and height,
 * width, channel in tfjs.
 */
export const tfjsLayout = (layer: ShapedLayer, shape: readonly number[]): Layout => {
  if (shape.length === 4) {
    const [out, inputs, height, width] = shape as [number, number, number, number]
    return {
      shape: [height, width, inputs, out],
      source: (i) => {
        const o = i % out
        const channel = Math.floor(i / out) % inputs
        const tap = Math.floor(i / (out * inputs)) // row of the kernel x its width + column
        return (o * inputs + channel) * height * width + tap
      },
    }
  }
  if (shape.length === 2) {
    const [out, inputs] = shape as [number, number]
    const [height, width, channels] = layer.flattened ?? [1, 1, inputs]
    return {
      shape: [inputs, out],
      source: (i) => {
        const row = Math.floor(i / out)
        const channel = row % channels
        const position = Math.floor(row / channels) // row of the image x its width + column
        return (i % out) * inputs + channel * height * width + position
      },
    }
  }
  return { shape: [...shape], source: (i) => i }
}

/** Throws a {@link ModelError} where a state dict has not the entries of a model, naming entry, expected and found. */
export const checkStateDict = (model: Model, weights: StateDict): void => {
  const shown = (shape: readonly number[]) => `[${shape.join(', ')}]`
  for (const { name, shape } of model.parameters) {
    const entry = weights.get(name)
    if (!entry) {
      const held = [...weights.keys()].join(', ') || 'nothing'
      throw new ModelError(`the model "${model.name}" needs "${name}" ${shown(shape)}, the weights hold ${held}`)
    }
    if (entry.shape.join() !== shape.join())
      throw new ModelError(
        `"${name}" of the model "${model.name}" has shape ${shown(shape)}, the weights hold ${shown(entry.shape)}`,
      )
  }
  const known = new Set(model.parameters.map(({ name }) => name))
  const extra = [...weights.keys()].filter((name) => !known.has(name))
  if (extra.length > 0)
    throw new ModelError(`the model "${model.name}" has no "${extra.join('", "')}", which the weights hold`)
}

/** A state dict in float64 and tfjs's layout, for {@link lossAndGradients64}. */
export const readTfjsLayout = (model: Model, weights: StateDict): StateDict64 => {
  checkStateDict(model, weights)
  const read: StateDict64 = new Map()
  for (const layer of model.layers)
    for (const { name, shape } of layer.parameters) {
      const to = tfjsLayout(layer, shape)
      const data = weights.get(name)!.data
      read.set(
        name,
        float64.array64(
          to.shape,
          Float64Array.from(data, (_, i) => data[to.source(i)]!),
        ),
      )
    }
  return read
}
