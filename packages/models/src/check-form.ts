// A definition may come from a user's JSON: every value is looked at before it is used.
import type { Layer, ModelDefinition } from './definition'
import { ModelError } from './model-error'
import { completeOptions, integer, layerName, type OptionTable } from './options'
import { isRecord, shownValue } from './shown'

/** The largest side of an image or a layer: far above any model's. */
const size = { from: 1, to: 65_536 } as const
/** What a flatten makes may be larger than any layer. */
const inputs = integer({ from: 1, to: 2 ** 31 - 1, optional: true })

const options: Record<Layer['type'], OptionTable> = {
  conv2d: {
    name: layerName(),
    in: inputs,
    out: integer(size),
    kernel: integer(size),
    stride: integer({ ...size, default: 1 }),
    padding: integer({ from: 0, to: 65_536, default: 0 }),
  },
  dense: { name: layerName(), in: inputs, out: integer(size) },
  relu: {},
  maxPool2d: { size: integer(size) },
  flatten: {},
}

const side = integer(size)
const keys = 'name, input and layers'

/** Checks all of a definition but its layers. */
export const checkForm = (definition: unknown): ModelDefinition => {
  if (!isRecord(definition))
    throw new ModelError(`a model must be an object with ${keys}, not ${shownValue(definition)}`)
  const { name, input, layers, ...others } = definition
  for (const [key, value] of Object.entries({ name, input, layers }))
    if (value === undefined)
      throw new ModelError(`a model must be an object with ${keys}, not ${shownValue(definition)}: ${key} is missing`)
  for (const key of Object.keys(others))
    throw new ModelError(`${shownValue(key)} is no part of a model, which has ${keys}: take it out`)
  if (typeof name !== 'string' || !/^[\w-]{1,64}$/.test(name))
    throw new ModelError(
      `the name of a model must be letters, digits, - and _, at most 64 in all, not ${shownValue(name)}`,
    )
  if (!Array.isArray(input) || input.length !== 3 || !Array.from(input).every((value) => side.fits(value)))
    throw new ModelError(
      `input of the model "${name}" must be [height, width, channels], each ${side.allowed}, not ${shownValue(input)}`,
    )
  if (!Array.isArray(layers) || layers.length === 0)
    throw new ModelError(
      `layers of the model "${name}" must be a list of at least one layer, not ${shownValue(layers)}`,
    )
  return definition as unknown as ModelDefinition
}

/** @param path of the layer in its definition, such as layers[3]; @param model the model's name */
export const checkLayer = (layer: unknown, path: string, model: string): void => {
  const types = Object.keys(options)
  const of = ` of the model "${model}"`
  if (!isRecord(layer)) {
    const meant = typeof layer === 'string' && types.includes(layer) ? layer : 'relu'
    throw new ModelError(`${path}${of} must be an object such as { "type": "${meant}" }, not ${shownValue(layer)}`)
  }
  const { type } = layer
  if (typeof type !== 'string' || !Object.hasOwn(options, type))
    throw new ModelError(`${path}.type${of} must be one of ${types.join(', ')}, not ${shownValue(type)}`)
  completeOptions(options[type as Layer['type']], layer, {
    ...{ name: type, path: `${path}.`, of, beside: ['type'] },
    error: (sentence) => new ModelError(sentence),
  })
}
