import { readFileSync } from 'node:fs'
import { archivedNames, datasetNames } from '@digitlab/data'
import { modelNames, type ModelDefinition, type Option as TableOption } from '@digitlab/models'
import {
  experimentOptions,
  experimentParts,
  recipeOf,
  torchSeed,
  TrainError,
  type ExperimentInput,
} from '@digitlab/train/experiment'
import type { Normalization } from '@digitlab/weights'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { augmentOf, augmentOption, type AugmentFlags } from './augment-option'
import { addChoices, changedChoices, choiceAttributes, type ChoiceFlags } from './choices'
import { nearest } from './nearest'
import { partOption, tableOption } from './table-option'
import { OptionError, UsageError } from './usage-error'

const numberFrom =
  (least: number, form: 'integer' | 'number') =>
  (text: string): number => {
    const value = Number(text)
    const fits =
      text.trim() !== '' &&
      Number.isFinite(value) &&
      value >= least &&
      (form === 'number' || Number.isSafeInteger(value))
    if (!fits)
      throw new InvalidArgumentError(`It must be ${form === 'integer' ? 'an integer' : 'a number'} from ${least}.`)
    return value
  }

/** Any seed that PyTorch takes, as the part of it that counts. */
export const seedNumber = (text: string): number => {
  try {
    if (/^\s*-?\d+\s*$/.test(text)) return torchSeed(BigInt(text))
  } catch (error) {
    if (!(error instanceof TrainError)) throw error
  }
  throw new InvalidArgumentError('It must be an integer from -2^63 to 2^64 - 1, as of torch.manual_seed.')
}

/** Splits 'a,b' into a list without empty entries, each read by `read`; one that is named twice is refused. */
export const listOf =
  <T>(read: (text: string) => T) =>
  (text: string): T[] => {
    const values = text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .map(read)
    if (values.length === 0) throw new InvalidArgumentError('It must be a list such as a,b.')
    const twice = values.find((value, i) => values.indexOf(value) < i)
    if (twice !== undefined) throw new InvalidArgumentError(`It names ${String(twice)} twice.`)
    return values
  }

export const wholeNumber = numberFrom(0, 'integer')
export const countingNumber = numberFrom(1, 'integer')

const workerCount = (text: string): number | 'auto' => {
  if (text === 'auto') return text
  const count = Number(text)
  if (text.trim() === '' || !Number.isInteger(count) || count < 1 || count > 64)
    throw new InvalidArgumentError('It must be auto or an integer from 1 to 64.')
  return count
}

/** '0.1307,0.3081', as torchvision's Normalize of one channel. */
const meanAndStd = (text: string): Normalization => {
  const [mean = NaN, std = NaN, ...more] = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)))
  if (more.length > 0 || !Number.isFinite(mean) || !Number.isFinite(std) || std <= 0)
    throw new InvalidArgumentError('It must be a mean and a standard deviation above 0, such as 0.1307,0.3081.')
  return { mean, std }
}

/** Options that several commands share, each defined once. */
export const shared = {
  json: () => new Option('--json', 'print one JSON document on standard output'),
  /** @param where what it belongs to */
  key: (where = '') => new Option('--key <name>', `${where}which state dict, if a PyTorch file holds several`),
  normalize: () =>
    new Option(
      '--normalize <mean,std>',
      'what (pixel - mean) / std brought the images of the training to, as 0.1307,0.3081; a run says it itself',
    ).argParser(meanAndStd),
  dataset: (value: string) =>
    new Option(
      '--dataset <name>',
      `${[...datasetNames, ...archivedNames].join(', ')}, or your own: a folder, a file such as mnist.npz or train.csv, an address`,
    ).default(value),
  dataDir: (what = 'where the files of the data set are (else DIGITLAB_DATA, the cache, a download)') =>
    new Option('--data-dir <folder>', what),
  backend: () =>
    new Option('--backend <id>', 'the backend: auto, or one that "digitlab backends" lists').default('auto'),
  device: () => new Option('--device <n>', 'which GPU, from 0, for cuda').argParser(wholeNumber),
  tf32: () => new Option('--tf32', 'matrix products in TF32 on tensor cores, for cuda; the run records it'),
  model: (more = '') =>
    new Option('--model <name>', `${modelNames.join(', ')}, or a JSON file with a definition${more}`),
  seed: () => new Option('--seed <n>', 'as torch.manual_seed').argParser(seedNumber).default(0),
  workers: () =>
    new Option('--workers <n>', 'threads: less time, the same bits; auto finds the fastest number')
      .argParser(workerCount)
      .default('auto'),
  report: () => new Option('--no-report', 'do not write a page of figures'),
  tensorboard: () => new Option('--tensorboard <folder>', 'write event files for TensorBoard, while it trains'),
  logEvery: () => new Option('--log-every <n>', 'print the loss every n steps').argParser(countingNumber),
}

/** Adds what decides how long and how a model is trained. */
export const addTraining = (command: Command, usual: { readonly epochs: number }): Command => {
  for (const [name, option] of numbers)
    command.addOption(tableOption(name, option, name === 'epochs' ? usual.epochs : undefined))
  for (const [name, table] of Object.entries(experimentParts)) command.addOption(partOption(name, table))
  return addChoices(command)
    .addOption(augmentOption())
    .option('--no-recipe', 'leave out the usual training settings of the model; see "digitlab help models"')
}

const numbers: readonly (readonly [string, TableOption])[] = Object.entries(experimentOptions)

/** What decides how long and how a model is trained, by the attributes that commander keeps it under. */
export const trainingAttributes: readonly string[] = [
  ...numbers.map(([name]) => name),
  ...Object.keys(experimentParts),
  ...choiceAttributes,
  'augment',
  'recipe',
]

/** Whether the model's recipe is what the flags change. */
interface RecipeFlags {
  readonly recipe: boolean
}

/** How long and how a model is trained: by its recipe, and as the flags have it. */
export const trainingOf = (
  model: string | ModelDefinition,
  flags: ChoiceFlags & AugmentFlags & RecipeFlags,
  command: Command,
): Omit<ExperimentInput, 'model'> => {
  const recipe = flags.recipe ? recipeOf(model) : {}
  return { ...numbersOf(flags, () => true), ...recipe, ...changedTraining(recipe, flags, command) }
}

/** What a recipe, or a run that is resumed, would be with those flags that were given. */
export const changedTraining = (
  theirs: Pick<ExperimentInput, 'optimizer' | 'schedule' | 'loss'>,
  flags: ChoiceFlags & AugmentFlags,
  command: Command,
): Omit<ExperimentInput, 'model'> => ({
  ...numbersOf(flags, (name) => command.getOptionValueSource(name) === 'cli'),
  ...changedChoices(theirs, flags),
  ...augmentOf(flags),
})

const isOwn = (name: string): boolean => Object.hasOwn(experimentOptions, name) || Object.hasOwn(experimentParts, name)

const numbersOf = (flags: object, taken: (name: string) => boolean): Omit<ExperimentInput, 'model'> =>
  Object.fromEntries(
    Object.entries(flags)
      .filter(([name, value]) => value !== undefined && isOwn(name) && taken(name))
      .map(([name, value]: [string, unknown]) => [
        name,
        value === true && Object.hasOwn(experimentParts, name) ? {} : value,
      ]),
  )

/** Refuses options that another one decides already. */
export const refuseBeside = (
  command: Command,
  decider: string,
  names: readonly string[],
  what = 'the experiment',
): void => {
  const given = command.options.filter((option) => {
    const name = option.attributeName()
    return names.includes(name) && command.getOptionValueSource(name) === 'cli'
  })
  const [first] = given
  if (first)
    throw new UsageError(
      `${decider} decides ${what}, ${first.long ?? first.short} would change it: leave one of them out`,
    )
}

/** Checks values that come from options alone, where what is wrong with one is a wrong command line, or from a file that is named. */
export const checkOptions = <T>(check: () => T, file?: string): T => {
  try {
    return check()
  } catch (cause) {
    if (!(cause instanceof TrainError)) throw cause
    if (file !== undefined) throw new UsageError(`${file}: ${cause.message}`, { cause })
    throw new OptionError(cause.message, { cause })
  }
}

/**
 * A model as --model names it: one of the catalogue, or a JSON file with a definition.
 *
 * @throws OptionError if there is none of that name; UsageError if the file can't be read
 */
export const modelOf = (name: string): string | ModelDefinition => {
  if (!name.endsWith('.json')) {
    if (!modelNames.some((known) => known === name))
      throw new OptionError(
        `there is no model "${name}"${nearest(name, modelNames)}: choose one of ${modelNames.join(', ')}, or give a JSON file with a definition`,
      )
    return name
  }
  try {
    return JSON.parse(readFileSync(name, 'utf8')) as ModelDefinition
  } catch (cause) {
    throw new UsageError(`could not read a model from ${name}: ${(cause as Error).message}`, { cause })
  }
}
