import type { LayerType } from './layer-type'
import { layerTypes } from './layers'
import { optionsSchema } from './options'

/** A part of a JSON schema. */
export type JsonSchema = Readonly<Record<string, unknown>>

/**
 * The JSON schema (draft 2020-12) of a model's definition: strict about the options of the types that are known; of a layer of any
 * other type it only says that it has a type, so that what was trained with it can be read without it.
 *
 * @param types those that are known: this package's by default
 */
export const definitionSchema = (types: readonly LayerType[] = layerTypes): JsonSchema => ({
  description: "A list of layers, in PyTorch's terms.",
  type: 'object',
  properties: {
    name: { type: 'string' },
    input: {
      description: '[height, width, channels]',
      type: 'array',
      items: { type: 'integer', minimum: 1 },
      minItems: 3,
      maxItems: 3,
    },
    layers: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        properties: { type: { type: 'string', minLength: 1 } },
        required: ['type'],
        allOf: types.map(({ type, options }) => {
          const { properties, required } = optionsSchema(options)
          const condition = { properties: { type: { const: type } }, required: ['type'] }
          const layer = { properties: { type: true, ...properties }, required, additionalProperties: false }
          return { if: condition, then: layer }
        }),
      },
    },
  },
  required: ['name', 'input', 'layers'],
})
