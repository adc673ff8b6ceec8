// A definition may come from a user's JSON: every value is looked at before it is used.
import type { ModelDefinition } from './definition'
import type { LayerType } from './layer-type'
import { layerTypes } from './layers'
import { ModelError, shownPath, type ModelPath } from './model-error'
import { completeOptions, integer } from './options'
import { isRecord, shownValue } from './shown'

/** The largest side of an image: far above any. */
const side = integer({ from: 1, to: 65_536 })
const keys = 'name, input and layers'

/** Checks all of a definition but its layers. */
export const checkForm = (definition: unknown): ModelDefinition => {
  if (!isRecord(definition))
    throw new ModelError(`a model must be an object with ${keys}, not ${shownValue(definition)}`, { path: [] })
  const { name, input, layers, ...others } = definition
  for (const [key, value] of Object.entries({ name, input, layers }))
    if (value === undefined)
      throw new ModelError(`a model must be an object with ${keys}, not ${shownValue(definition)}: ${key} is missing`, {
        path: [key],
      })
  for (const key of Object.keys(others))
    throw new ModelError(`${shownValue(key)} is not part of a model, which has ${keys}: take it out`, { path: [key] })
  if (typeof name !== 'string' || !/^[\w-]{1,64}$/.test(name))
    throw new ModelError(
      `the name of a model must be letters, digits, - and _, at most 64 in all, not ${shownValue(name)}`,
      { path: ['name'] },
    )
  if (!Array.isArray(input) || input.length !== 3 || !Array.from(input).every((value) => side.fits(value)))
    throw new ModelError(
      `input of the model "${name}" must be [height, width, channels], each ${side.allowed}, not ${shownValue(input)}`,
      { path: ['input'] },
    )
  if (!Array.isArray(layers) || layers.length === 0)
    throw new ModelError(
      `layers of the model "${name}" must be a list of at least one layer, not ${shownValue(layers)}`,
      { path: ['layers'] },
    )
  return definition as unknown as ModelDefinition
}

/** The types of this package and those of somebody else. @throws ModelError if two have one name */
export const allTypes = (more: readonly LayerType[]): readonly LayerType[] => {
  const types: readonly LayerType[] = [...layerTypes, ...more]
  const names = types.map(({ type }) => type)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new ModelError(`there are two types of layer "${twice}": give yours another name`)
  return types
}

/**
 * The type of a layer and its options, the defaults filled in.
 *
 * @param path of the layer in its definition
 * @param model the model's name
 * @param types all that there are
 */
export const checkLayer = (
  layer: unknown,
  path: ModelPath,
  model: string,
  types: readonly LayerType[],
): { type: LayerType; options: Readonly<Record<string, unknown>> } => {
  const names = types.map(({ type }) => type)
  const [shown, of] = [shownPath(path), ` of the model "${model}"`]
  if (!isRecord(layer)) {
    const meant = typeof layer === 'string' && names.includes(layer) ? layer : 'relu'
    throw new ModelError(`${shown}${of} must be an object such as { "type": "${meant}" }, not ${shownValue(layer)}`, {
      path,
    })
  }
  const type = types.find(({ type }) => type === layer['type'])
  if (!type)
    throw new ModelError(`${shown}.type${of} must be one of ${names.join(', ')}, not ${shownValue(layer['type'])}`, {
      path: [...path, 'type'],
    })
  const options = completeOptions(type.options, layer, {
    ...{ name: type.type, path: `${shown}.`, of, beside: ['type'] },
    error: (sentence, key) => new ModelError(sentence, { path: key === undefined ? path : [...path, key] }),
  })
  return { type, options }
}
