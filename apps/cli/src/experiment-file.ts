// An experiment in a file: that of a run, or one that somebody wrote, with comments where they like.
import { readFile } from 'node:fs/promises'
import { catalogueNames } from '@digitlab/data'
import { modelNames, type Option, type OptionTable } from '@digitlab/models'
import { experimentOptions, experimentParts, type Experiment, type ExperimentInput } from '@digitlab/train/experiment'
import stripJsonComments from 'strip-json-comments'
import { choiceKinds, type ChoiceKind } from './choices'
import { modelOf } from './options'
import { isFolder, readExperiment } from './run-folder'
import { UsageError } from './usage-error'

/**
 * The experiment of a run (its folder, or its run.json), or that of a JSON file, which may have comments and commas at the ends of lists.
 *
 * @throws UsageError if it can't be read
 */
export const experimentOf = async (path: string): Promise<ExperimentInput> => {
  if (await isFolder(path)) return readExperiment(path)
  const text = await readFile(path, 'utf8')
  const document = parsed(path, text)
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    throw new UsageError(`${path} holds no experiment: it must be an object such as { "model": "cnn" }`)
  if ('experiment' in document) return readExperiment(path)
  const experiment = document as ExperimentInput // the experiment's own check is to come
  return typeof experiment.model === 'string' ? { ...experiment, model: modelOf(experiment.model) } : experiment
}

const parsed = (path: string, text: string): unknown => {
  const plain = stripJsonComments(text, { trailingCommas: true }) // blanks in their place: positions stay
  try {
    return JSON.parse(plain)
  } catch (cause) {
    const { message } = cause as Error
    const position = Number(/position (\d+)/.exec(message)?.[1] ?? NaN)
    const lines = text.slice(0, position).split('\n')
    const where = Number.isNaN(position) ? '' : ` at line ${lines.length}, column ${(lines.at(-1)?.length ?? 0) + 1}`
    throw new UsageError(`${path} is not JSON${where}: ${message}`, { cause })
  }
}

const json = (value: unknown): string => JSON.stringify(value)

const names = (list: readonly string[]): string => list.join(', ')

const kinds: Readonly<Record<string, ChoiceKind>> = choiceKinds

/** 'batchSize: images per step; an integer from 1 to 1000000' */
const comment = ({ says, allowed }: Option): string => (says === undefined ? allowed : `${says}; ${allowed}`)

/** `"name": value,` under what it is. */
const field = (indent: string, says: readonly string[], name: string, value: unknown, given = true): string[] => [
  ...says.map((line) => `${indent}// ${line}`),
  `${indent}${given ? '' : '// '}${json(name)}: ${json(value)},`,
]

/** The fields of a table; those without a value are there as comments. */
const tableFields = (indent: string, table: OptionTable, values: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(table).flatMap(([name, option]) => {
    const given = values[name] !== undefined
    return field(indent, [comment(option)], name, given ? values[name] : exampleOf(option), given)
  })

/** A value that an option takes: its default where it has one. */
const exampleOf = ({ default: usual, absent, kind, schema }: Option): unknown => {
  const { enum: words, minimum } = schema as { enum?: readonly unknown[]; minimum?: number }
  return usual ?? absent ?? (kind === 'boolean' ? true : (words?.[0] ?? Math.max(1, minimum ?? 1)))
}

const exampleChoice = (type: ChoiceKind['types'][number] | undefined) => ({
  name: type?.name,
  ...Object.fromEntries(
    Object.entries(type?.options ?? {})
      .filter(([, { presence }]) => presence === 'required')
      .map(([name, option]) => [name, exampleOf(option)]),
  ),
})

/** What is chosen by its name: the others are named above it. */
const choiceField = (kind: ChoiceKind, value: ({ readonly name: string } & object) | undefined): string[] => {
  const type = kind.types.find(({ name }) => name === (value?.name ?? kind.types[0]?.name))
  const says = [`  // ${kind.says}: ${names(kind.types.map(({ name }) => name))} (digitlab help ${kind.topic})`]
  if (value === undefined || !type) return [...says, `  // ${json(kind.what)}: ${json(exampleChoice(type))},`]
  const options = tableFields('    ', type.options, value)
  return [...says, `  ${json(kind.what)}: {`, `    "name": ${json(type.name)},`, ...options, '  },']
}

/** An experiment as a file with comments that say what each value may be, and what else could be given. */
export const experimentText = (experiment: Experiment, file: string): string => {
  const { model, dataset, seed, augment } = experiment
  const parts = Object.entries(experimentParts).flatMap(([name, table]: [string, OptionTable]) => {
    const value = (experiment as unknown as Readonly<Record<string, unknown>>)[name]
    const example = Object.fromEntries(Object.entries(table).map(([key, option]) => [key, exampleOf(option)]))
    const says = Object.entries(table).map(([key, option]) => `${key}: ${comment(option)}`)
    return field('  ', says, name, value ?? example, value !== undefined)
  })
  return [
    `// An experiment of digitlab: "digitlab train --experiment ${file}" runs it.`,
    '// A line that begins with // is not read: take the // away to give what it names.',
    '{',
    ...field('  ', [`${names(modelNames)}; or layers of your own (digitlab help layers)`], 'model', model),
    ...field('  ', [`auto, ${names(catalogueNames)}, strokes; or a file or folder`], 'dataset', dataset),
    ...field('  ', ['decides the initial weights and the order of the images, as torch.manual_seed'], 'seed', seed),
    ...tableFields('  ', experimentOptions, experiment as unknown as Readonly<Record<string, unknown>>),
    ...Object.values(kinds).flatMap((kind) =>
      choiceField(kind, (experiment as unknown as Readonly<Record<string, { name: string } | undefined>>)[kind.what]),
    ),
    ...field(
      '  ',
      ['changes of the training images (digitlab help augmentations)'],
      'augment',
      augment ?? [{ name: 'affine', rotate: 10 }],
      augment !== undefined,
    ),
    ...parts,
    '}',
    '',
  ].join('\n')
}
