// What can be named on the command line, listed from the tables that check it: "digitlab help optimizers".
import { datasetChoices } from '@digitlab/data'
import {
  catalogue,
  layerTypes,
  modelNames,
  optionsHelp,
  optionsSchema,
  resolveModel,
  type OptionTable,
} from '@digitlab/models'
import { figureChoices, grouped } from '@digitlab/report'
import type { Recipe } from '@digitlab/train'
import { augmentationTypes, recipeOf } from '@digitlab/train/experiment'
import { Command } from 'commander'
import { choiceKinds, type ChoiceKind } from '../choices'
import { shared } from '../options'
import { writeResult } from '../output'
import { flagOf } from '../table-option'

interface Entry {
  readonly name: string
  readonly says: string
  readonly options?: OptionTable
  /** What a model is trained with unless it is told otherwise. */
  readonly recipe?: Recipe
}

/** Something of which one is chosen by its name. */
interface Topic {
  readonly name: string
  /** How one is named: --optimizer <name>. */
  readonly how: string
  readonly entries: readonly Entry[]
  /** Begins the options of an entry on the command line; undefined if they are written in a file. */
  readonly prefix?: string
  /** Names that stand for another one with options, each as a line. */
  readonly short?: readonly string[]
}

const topicOf = ({ what, says: purpose, topic, types, prefix, short }: ChoiceKind): Topic => ({
  name: topic,
  prefix,
  how: `--${what} <name>, ${purpose}`,
  entries: types.map(({ name, says = '', options }) => ({ name, says, options })),
  short: Object.entries(short).map(([word, { name, ...options }]) => {
    const given = Object.entries(options).map(([key, value]) => `${flagOf(key, prefix)} ${String(value)}`)
    return `${word} is ${name} with ${given.join(' ')}`
  }),
})

const topics: readonly Topic[] = [
  topicOf(choiceKinds.optimizer),
  topicOf(choiceKinds.schedule),
  topicOf(choiceKinds.loss),
  {
    name: 'augmentations',
    how: '--augment <name>:<option>=<value>,<option>=<value>; again for the next',
    entries: augmentationTypes.map(({ name, says = '', options }) => ({ name, says, options })),
  },
  {
    name: 'models',
    how: '--model <name>, or a JSON file with a definition ("digitlab help layers")',
    entries: modelNames.map((name) => {
      const { parameters } = resolveModel(name)
      const count = parameters.reduce((sum, { shape }) => sum + shape.reduce((size, side) => size * side, 1), 0)
      const recipe = recipeOf(name)
      const says = `${catalogue[name].says}; ${grouped(count)} parameters`
      return { name, says, ...(Object.keys(recipe).length === 0 ? {} : { recipe }) }
    }),
  },
  {
    name: 'layers',
    how: 'a model in a JSON file: { "name": …, "input": [28, 28, 1], "layers": [{ "type": …, … }, …] }',
    entries: layerTypes.map(({ type, options }) => ({ name: type, says: '', options })),
  },
  {
    name: 'datasets',
    how: '--dataset <name>, or files of your own',
    entries: datasetChoices.map(({ name, title }) => ({ name, says: title })),
  },
  {
    name: 'figures',
    how: 'report RUN --format svg,png --figures <list>',
    entries: figureChoices.map(({ id, says, of }) => ({
      name: id,
      says: of === 'runs' ? `${says} (of several runs)` : says,
    })),
  },
]

const textOf = ({ name, how, entries, prefix, short = [] }: Topic): string => {
  const width = Math.max(...entries.map((entry) => entry.name.length))
  const lines = entries.flatMap((entry) => [
    `  ${entry.name.padEnd(width)}  ${entry.says}`.trimEnd(),
    ...optionsHelp(entry.options ?? {}).map((line) => {
      const [key = ''] = line.split(':', 1)
      return `      ${prefix === undefined ? key : flagOf(key, prefix)}${line.slice(key.length)}`
    }),
    ...recipeLines(entry.recipe),
  ])
  return [
    `${name}: ${how}`,
    '',
    ...lines,
    ...(short.length === 0 ? [] : ['', ...short.map((line) => `  ${line}`)]),
  ].join('\n')
}

const recipeLines = (recipe: Recipe | undefined): string[] =>
  recipe === undefined
    ? []
    : [
        '      its recipe, unless --no-recipe is given; options change it',
        ...Object.entries(recipe).map(([key, value]) => `        ${key}: ${JSON.stringify(value)}`),
      ]

const documentOf = ({ name, entries }: Topic) => ({
  [name]: entries.map(({ name, says, options, recipe }) => ({
    name,
    says,
    ...(recipe ? { recipe } : {}),
    ...(options ? { options: { type: 'object', ...optionsSchema(options) } } : {}),
  })),
})

/** The topics as commands that are in no list of commands: `digitlab optimizers`, and `digitlab help optimizers`. */
export const topicCommands = (): Command[] =>
  topics.map((topic) => {
    const command = new Command(topic.name)
      .description(`List ${topic.name} with their options.`)
      .addOption(shared.json())
      .action(({ json = false }: { json?: boolean }) =>
        writeResult(
          json,
          () => documentOf(topic),
          () => textOf(topic),
        ),
      )
    command.helpInformation = () => `${textOf(topic)}\n`
    return command
  })
