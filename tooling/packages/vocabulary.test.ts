// What an experiment can name, as docs/vocabulary.md lists it. `npx vitest run tooling/packages/vocabulary.test.ts -u` writes it.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { backendChoices } from '@digitlab/backends'
import { datasetChoices } from '@digitlab/data'
import { catalogue, layerTypes, modelNames, resolveModel, type OptionTable } from '@digitlab/models'
import { figureChoices, markdownTable } from '@digitlab/report'
import {
  augmentationTypes,
  experimentOptions,
  experimentParts,
  lossTypes,
  optimizerTypes,
  recipes,
  scheduleTypes,
} from '@digitlab/train'
import { expect, test } from 'vitest'
import { asPart, markedPart } from './marked-part'

const file = fileURLToPath(new URL('../../docs/vocabulary.md', import.meta.url))
const command = 'npx vitest run tooling/packages/vocabulary.test.ts -u'

const table = (headings: readonly string[], rows: readonly (readonly string[])[]): string =>
  markdownTable(
    headings.map((heading) => ({ heading, align: 'left' })),
    rows,
  )

/** An option a row: whose, its name, what it does, what it may be, what it is where nothing is said. */
const optionRows = (name: string, options: OptionTable): string[][] =>
  Object.entries(options).map(([key, { says, allowed, presence, default: usual }], i) => [
    ...[i === 0 ? name : '', key, says ?? '', allowed],
    presence === 'defaulted' ? JSON.stringify(usual) : presence,
  ])

const optionHeadings = ['name', 'option', 'what it does', 'what it may be', 'default']

const choosable = (
  types: readonly { readonly name: string; readonly says?: string; readonly options: OptionTable }[],
): string => {
  const names = types.map(({ name, says = '' }) => [name, says])
  const options = types.flatMap((type) => optionRows(type.name, type.options))
  const tables = [table(['name', 'what it is'], names), ...(options.length > 0 ? [table(optionHeadings, options)] : [])]
  return tables.join('\n\n')
}

const sizeOf = (name: string): string =>
  resolveModel(name)
    .parameters.reduce((sum, { shape }) => sum + shape.reduce((size, side) => size * side, 1), 0)
    .toLocaleString('en-US')

const parts: Readonly<Record<string, string>> = {
  experiment: table(
    optionHeadings.slice(1),
    optionRows('', experimentOptions).map((row) => row.slice(1)),
  ),
  parts: table(
    optionHeadings,
    Object.entries(experimentParts).flatMap(([name, options]) => optionRows(name, options)),
  ),
  models: table(
    ['name', 'what it is', 'parameters'],
    modelNames.map((name) => [name, catalogue[name].says, sizeOf(name)]),
  ),
  recipes: table(
    ['model', 'option', 'as it is'],
    Object.entries(recipes).flatMap(([name, recipe]) =>
      Object.entries(recipe).map(([key, value], i) => [i === 0 ? name : '', key, JSON.stringify(value)]),
    ),
  ),
  layers: table(
    optionHeadings,
    layerTypes.flatMap(({ type, options }) =>
      Object.keys(options).length === 0 ? [[type, '', '', '', '']] : optionRows(type, options),
    ),
  ),
  optimizers: choosable(optimizerTypes),
  schedules: choosable(scheduleTypes),
  losses: choosable(lossTypes),
  augmentations: choosable(augmentationTypes),
  datasets: table(
    ['name', 'what it is'],
    datasetChoices.map(({ name, title }) => [name, title]),
  ),
  backends: table(
    ['name', 'what it computes with', 'where'],
    backendChoices.map(({ id, says, in: places }) => [id, says, places.join(', ')]),
  ),
  figures: table(
    ['name', 'what it shows', 'of'],
    figureChoices.map(({ id, says, of }) => [id, says, of === 'run' ? 'a run' : 'several runs']),
  ),
}

test('docs/vocabulary.md is what the tables say', async () => {
  let text = readFileSync(file, 'utf8')
  for (const [name, markdown] of Object.entries(parts)) {
    const { before, after } = markedPart(text, name, command)
    text = `${before}${await asPart(markdown)}${after}`
  }
  await expect(text).toMatchFileSnapshot(file)
})
