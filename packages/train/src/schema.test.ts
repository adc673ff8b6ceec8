// The schema of run.json follows from the tables of what an experiment may name. `npx vitest run packages/train/src/schema.test.ts -u`
// writes it.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { definitionSchema, optionsSchema, type OptionTable } from '@digitlab/models'
import { expect, test } from 'vitest'
import { formatted } from '../../../tooling/packages/marked-part'
import {
  augmentationTypes,
  experimentOptions,
  experimentParts,
  lossTypes,
  optimizerTypes,
  scheduleTypes,
} from './experiment'

const file = fileURLToPath(new URL('../schema/run-1.schema.json', import.meta.url))

interface Schema {
  readonly properties: { readonly experiment: { readonly properties: Readonly<Record<string, unknown>> } }
  readonly $defs: Readonly<Record<string, unknown>>
}

/** What is called by its name and has options of its own; what others bring along is any object with a name. */
const kindSchema = (
  description: string,
  types: readonly { readonly name: string; readonly options: OptionTable }[],
  common: Readonly<Record<string, unknown>> = {},
  beside: Readonly<Record<string, unknown>> = {},
) => ({
  description,
  type: 'object',
  properties: { name: { type: 'string', minLength: 1 }, ...common },
  required: ['name', ...Object.keys(common)],
  allOf: types.map(({ name, options }) => {
    const { properties } = optionsSchema(options)
    const required = Object.keys(options).filter((key) => options[key]?.presence !== 'optional')
    return {
      if: { properties: { name: { const: name } }, required: ['name'] },
      then: { properties: { name: true, ...beside, ...properties }, required, additionalProperties: false },
    }
  }),
})

/** What has options of its own and no name. */
const partSchema = (table: OptionTable) => ({
  type: 'object',
  properties: optionsSchema(table).properties,
  required: Object.keys(table),
  additionalProperties: false,
})

test('is what the tables say', async () => {
  const written = JSON.parse(readFileSync(file, 'utf8')) as Schema
  const { experiment } = written.properties
  const kinds = {
    optimizer: kindSchema('How weights follow their gradients.', optimizerTypes, {
      learningRate: { type: 'number', minimum: 0 },
    }),
    schedule: kindSchema('How the learning rate changes; absent where it stays.', scheduleTypes),
    loss: kindSchema('Absent for cross-entropy.', lossTypes),
  }
  const augmentation = kindSchema('One way in which the training images are changed.', augmentationTypes)
  const augment = {
    description:
      'How the training images are changed each time that they are seen, in this order; absent where they stay.',
    type: 'array',
    minItems: 1,
    items: { $ref: '#/$defs/augmentation' },
  }
  const named = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, { $ref: `#/$defs/${kind}` }]))
  const one = kinds.schedule
  const schedule = {
    description: 'How the learning rate changes; absent where it stays. Several come one after the other.',
    anyOf: [{ $ref: '#/$defs/schedule' }, { type: 'array', minItems: 2, items: { $ref: '#/$defs/listedSchedule' } }],
  }
  const listed = {
    ...kindSchema('One of several: how long it lasts.', scheduleTypes, {}, { for: { type: 'integer', minimum: 1 } }),
  }
  const plain = optionsSchema(experimentOptions).properties
  const parts = Object.fromEntries(Object.entries(experimentParts).map(([name, table]) => [name, partSchema(table)]))
  const { validation } = parts
  const extras = {
    ...plain,
    ...parts,
    validation: { anyOf: [optionsSchema(experimentParts.validation).properties['size'], validation] },
  }
  const whole = {
    ...written,
    properties: {
      ...written.properties,
      experiment: { ...experiment, properties: { ...experiment.properties, ...extras, ...named, schedule, augment } },
    },
    $defs: {
      ...written.$defs,
      definition: definitionSchema(),
      ...kinds,
      schedule: one,
      listedSchedule: listed,
      augmentation,
    },
  }
  const json = JSON.stringify(whole, null, 2)
    // Beyond 2^53, and exact in the schema for whoever reads them so.
    .replace('-9223372036854776000', '-9223372036854775808')
    .replace('18446744073709552000', '18446744073709551615')
  await expect(await formatted(json, 'json')).toMatchFileSnapshot(file)
})
