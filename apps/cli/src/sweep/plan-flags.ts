// The plan that the command line describes, or that a file holds.
import { readFile } from 'node:fs/promises'
import { expandPlan, type Json, type SweepPlan } from '@digitlab/sweep'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { UsageError } from '../usage-error'

/** What of a plan the command line can say. */
export interface PlanFlags {
  readonly models?: readonly Json[]
  readonly seeds?: readonly Json[]
  readonly epochs?: readonly Json[]
  readonly batchSize?: readonly Json[]
  readonly optimizer?: readonly Json[]
  readonly learningRate?: readonly Json[]
  readonly momentum?: readonly Json[]
  readonly weightDecay?: readonly Json[]
  readonly set?: readonly (readonly [path: string, values: readonly Json[]])[]
}

const valueOf = (text: string): Json => {
  if (text === 'true' || text === 'false') return text === 'true'
  const number = Number(text)
  return text !== '' && Number.isFinite(number) ? number : text
}

/** 'a,b' and '0..9' as a list: numbers as such, ranges of integers with both ends. */
const valueList = (text: string): readonly Json[] => {
  const values = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .flatMap((part): readonly Json[] => {
      const [, from, to] = /^(-?\d{1,15})\.\.(-?\d{1,15})$/.exec(part) ?? []
      if (from === undefined || to === undefined) return [valueOf(part)]
      const count = Number(to) - Number(from) + 1
      if (count < 1 || count > 100_000)
        throw new InvalidArgumentError(`${part} must go up, over at most 100000 values.`)
      return Array.from({ length: count }, (_, n) => Number(from) + n)
    })
  if (values.length === 0) throw new InvalidArgumentError('It must be a list such as a,b or a range such as 0..9.')
  const twice = values.find((value, n) => values.indexOf(value) < n)
  if (twice !== undefined) throw new InvalidArgumentError(`It names ${JSON.stringify(twice)} twice.`)
  return values
}

const setting = (text: string, before: PlanFlags['set'] = []): NonNullable<PlanFlags['set']> => {
  const at = text.indexOf('=')
  if (at < 1) throw new InvalidArgumentError('It must be such as schedule.name=step,cosine.')
  return [...before, [text.slice(0, at), valueList(text.slice(at + 1))]]
}

/** What decides the runs, as options that take lists. */
export const addPlan = (command: Command): Command => {
  const list = (flags: string, what: string) =>
    command.addOption(new Option(`${flags} <list>`, what).argParser(valueList))
  list('--models', 'comma-separated names or JSON files')
  list('--seeds', 'such as 0,1,2 or 0..9')
  list('--epochs', 'passes over the training images')
  list('--batch-size', 'images per step')
  list('--learning-rate', 'the step size')
  list('--optimizer', 'sgd, momentum (sgd with momentum 0.9), adam')
  list('--momentum', 'momentum of sgd')
  list('--weight-decay', 'L2 penalty on the weights')
  return command.addOption(
    new Option('--set <field=list>', 'any other field of an experiment, by its path; may be given again').argParser(
      setting,
    ),
  )
}

const paths = {
  models: 'model',
  optimizer: 'optimizer',
  learningRate: 'optimizer.learningRate',
  momentum: 'optimizer.momentum',
  weightDecay: 'optimizer.weightDecay',
  batchSize: 'batchSize',
  epochs: 'epochs',
  seeds: 'seed',
} as const

const optimizer = (name: Json): Json => (name === 'momentum' ? { name: 'sgd', momentum: 0.9 } : { name })

/** The plan of the flags: fields of one value are what every run has, the others a grid whose last field, the seed, changes first. */
export const planOfFlags = (flags: PlanFlags): SweepPlan => {
  const fields: [string, readonly Json[]][] = []
  for (const key of Object.keys(paths) as (keyof typeof paths)[]) {
    const values = flags[key]
    if (key === 'seeds')
      fields.push(...(flags.set ?? []).map(([path, values]): [string, readonly Json[]] => [path, values]))
    if (values) fields.push([paths[key], key === 'optimizer' ? values.map(optimizer) : values])
  }
  const twice = fields.find(([path], n) => fields.findIndex(([other]) => other === path) < n)
  if (twice) throw new UsageError(`${twice[0]} is given twice: leave one of them out`)
  return { vary: Object.fromEntries(fields) }
}

/** What of the plan is given by flags, where a file has it. */
export const givenFlags = (flags: PlanFlags): readonly string[] =>
  [...Object.keys(paths), 'set'].filter((key) => flags[key as keyof PlanFlags] !== undefined)

/** Reads a plan from a file, and checks it. @throws UsageError if there is none */
export const readPlan = async (path: string): Promise<SweepPlan> => {
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new UsageError(`could not read a plan from ${path} (${cause.message}): name a JSON file with one`, { cause })
  })
  let plan: SweepPlan
  try {
    plan = JSON.parse(text) as SweepPlan
  } catch (cause) {
    throw new UsageError(`${path} is not JSON (${(cause as Error).message}): fix it there`, { cause })
  }
  expandPlan(plan)
  return plan
}
