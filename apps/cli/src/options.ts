import { readFileSync } from 'node:fs'
import type { ModelDefinition } from '@digitlab/models'
import type { OptimizerOptions } from '@digitlab/train'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { UsageError } from './usage-error'

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

const above0 = (text: string): number => {
  const value = numberFrom(0, 'number')(text)
  if (value === 0) throw new InvalidArgumentError('It must be above 0.')
  return value
}

/** Splits 'a,b' into a list without empty or repeated entries, each read by `read`. */
export const listOf =
  <T>(read: (text: string) => T) =>
  (text: string): T[] => {
    const values = text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
      .map(read)
    if (values.length === 0) throw new InvalidArgumentError('It must be a list such as a,b.')
    return [...new Set(values)]
  }

export const wholeNumber = numberFrom(0, 'integer')
export const countingNumber = numberFrom(1, 'integer')

const workerCount = (text: string): number | 'auto' => {
  if (text === 'auto') return text
  const count = Number(text)
  if (text.trim() === '' || !Number.isInteger(count) || count < 1 || count > 1024)
    throw new InvalidArgumentError('It must be auto or an integer from 1 to 1024.')
  return count
}

/** Options that several commands share, each defined once. */
export const shared = {
  json: () => new Option('--json', 'print one JSON document on standard output'),
  dataset: (value: string) =>
    new Option(
      '--dataset <name>',
      'auto, mnist, fashion-mnist, kmnist, qmnist, strokes, or a folder of IDX files',
    ).default(value),
  dataDir: (what = 'where the files of the data set are (else DIGITLAB_DATA, the cache, a download)') =>
    new Option('--data-dir <folder>', what),
  backend: () =>
    new Option('--backend <id>', 'what computes: auto, or one that "digitlab backends" lists').default('auto'),
  device: () => new Option('--device <n>', 'which GPU, from 0, for cuda').argParser(wholeNumber),
  tf32: () => new Option('--tf32', 'matrix products in TF32 on tensor cores, for cuda; the run records it'),
  seed: () => new Option('--seed <n>', 'as torch.manual_seed').argParser(wholeNumber).default(0),
  epochs: () => new Option('--epochs <n>', 'how often every image is seen').argParser(countingNumber).default(5),
  batchSize: () => new Option('--batch-size <n>', 'images a step').argParser(countingNumber).default(64),
  learningRate: () => new Option('--learning-rate <x>', 'the size of a step (0.1; with adam 0.001)').argParser(above0),
  optimizer: () =>
    new Option('--optimizer <name>', 'sgd, momentum (sgd with momentum 0.9) or adam')
      .choices(['sgd', 'momentum', 'adam'])
      .default('sgd'),
  momentum: () => new Option('--momentum <x>', 'momentum of sgd, 0 to 1').argParser(numberFrom(0, 'number')),
  weightDecay: () => new Option('--weight-decay <x>', 'L2 penalty on the weights').argParser(numberFrom(0, 'number')),
  workers: () =>
    new Option('--workers <n>', 'threads that share every batch; auto takes what is fastest in a trial')
      .argParser(workerCount)
      .default('auto'),
  report: () => new Option('--no-report', 'write no page with the figures'),
  tensorboard: () => new Option('--tensorboard <folder>', 'write event files for TensorBoard, while it trains'),
  logEvery: () => new Option('--log-every <n>', 'print the loss every n steps').argParser(countingNumber),
}

/** Adds what decides how long and how a model is trained. */
export const addTraining = (command: Command, defaults: { readonly epochs: number }): Command =>
  command
    .addOption(shared.epochs().default(defaults.epochs))
    .addOption(shared.batchSize())
    .addOption(shared.learningRate())
    .addOption(shared.optimizer())
    .addOption(shared.momentum())
    .addOption(shared.weightDecay())

export interface OptimizerFlags {
  readonly optimizer: 'sgd' | 'momentum' | 'adam'
  readonly learningRate?: number
  readonly momentum?: number
  readonly weightDecay?: number
}

/** The optimizer that the flags describe; what they leave open is filled in by the experiment. */
export const optimizerOf = (flags: OptimizerFlags): Partial<OptimizerOptions> => {
  const { optimizer, learningRate, momentum, weightDecay } = flags
  if (optimizer === 'adam' && momentum !== undefined)
    throw new UsageError('--momentum belongs to sgd, adam has its own: leave it out')
  const given = optimizer === 'momentum' ? (momentum ?? 0.9) : momentum
  return {
    name: optimizer === 'adam' ? 'adam' : 'sgd',
    ...(learningRate === undefined ? {} : { learningRate }),
    ...(given === undefined ? {} : { momentum: given }),
    ...(weightDecay === undefined ? {} : { weightDecay }),
  }
}

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

/** A model as --model names it: one of the catalogue, or a JSON file with a definition. */
export const modelOf = (name: string): string | ModelDefinition => {
  if (!name.endsWith('.json')) return name
  try {
    return JSON.parse(readFileSync(name, 'utf8')) as ModelDefinition
  } catch (cause) {
    throw new UsageError(`could not read a model from ${name}: ${(cause as Error).message}`, { cause })
  }
}
