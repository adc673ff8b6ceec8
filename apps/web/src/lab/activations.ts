// What each layer of a net makes of one drawing, small enough to be sent to the page five times a second.
import type { Model, ShapedLayer } from '@digitlab/models'
import { activations, type Weights } from '@digitlab/models/compute'
import type { NormalizeOptions } from '@digitlab/train'
import { tensor4d } from '@tensorflow/tfjs-core'
import type { LayerReading } from '../protocol'

/** More values than this are no picture that anybody can take in. */
const mostValues = 100_000

/** Values from -127 to 127, the largest in size at the end of the scale. */
export const scaled = (values: ArrayLike<number>): Int8Array => {
  let most = 0
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i] ?? 0))
  return Int8Array.from(values, (value) => (most > 0 ? Math.round((127 * value) / most) : 0))
}

/** So many templates or filters can be told apart. */
const mostTemplates = 100

/** The weights of a layer that sees the image itself, as grey images: a template or a filter for each of its outputs. */
const templates = async (model: Model, weights: Weights, layer: ShapedLayer): Promise<LayerReading['weights']> => {
  const [height, width, channels] = model.definition.input
  const weight = layer.parameters.find(({ short }) => short === 'weight')
  const tensor = weight && weights.get(weight.name)
  if (!tensor || channels !== 1) return undefined
  const [rows = 0, columns = 0, , filters = 0] = tensor.shape
  const shape =
    tensor.shape.length === 4
      ? [rows, columns, filters]
      : tensor.shape.length === 2 && layer.flattened?.join() === model.definition.input.join()
        ? [height, width, columns]
        : undefined
  if (!shape || (shape[2] ?? 0) > mostTemplates) return undefined
  return { shape, values: scaled(await tensor.data()) }
}

/**
 * Computes a net layer by layer.
 *
 * @param image bytes in the model's own shape, [height, width, channels]
 */
export const readLayers = async (
  model: Model,
  weights: Weights,
  image: Uint8Array,
  { mean, std }: NormalizeOptions = { mean: 0, std: 1 },
): Promise<LayerReading[]> => {
  const pixels = Float32Array.from(image, (shade) => (shade / 255 - mean) / std)
  const input = tensor4d(pixels, [1, ...model.definition.input])
  const made = activations(model, weights, input)
  const first = model.layers.find(({ parameters }) => parameters.length > 0)
  try {
    return await Promise.all(
      model.layers.map(async (layer, n) => {
        const { type, name, output, parameters } = layer
        const shown = !type.reshapes && !type.draws && output.reduce((product, size) => product * size, 1) <= mostValues
        const values = shown ? await made[n]?.data() : undefined
        const seen = layer === first ? await templates(model, weights, layer) : undefined
        return {
          type: type.type,
          ...(name === undefined ? {} : { name }),
          shape: output,
          parameters: parameters.reduce(
            (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
            0,
          ),
          ...(values ? { values: scaled(values) } : {}),
          ...(seen ? { weights: seen } : {}),
        }
      }),
    )
  } finally {
    for (const tensor of made) tensor.dispose()
    input.dispose()
  }
}
