// Every option of every table is one of the command, and reaches the experiment.
import { layerTypes, modelNames, type Option } from '@digitlab/models'
import { completeExperiment, experimentParts, lossTypes, optimizerTypes, recipes, scheduleTypes } from '@digitlab/train'
import { expect, test } from 'vitest'
import { changedChoices } from './choices'
import { trainCommand } from './commands/train'
import { createProgram } from './main'
import { distance, nearest } from './nearest'
import { trainingOf } from './options'
import { flagOf } from './table-option'

const tables = [
  { kind: 'optimizer', types: optimizerTypes, prefix: '' },
  { kind: 'schedule', types: scheduleTypes, prefix: 'schedule-' },
  { kind: 'loss', types: lossTypes, prefix: 'loss-' },
] as const

/** A value of an option that is not its default, as a text. */
const another = ({ kind, schema, default: usual }: Option): string => {
  const words = schema['enum'] as readonly string[] | undefined
  if (words) return words.find((word) => word !== usual) ?? String(usual)
  if (kind === 'boolean') return String(usual !== true)
  if (kind === 'integer') return String(Number(schema['minimum'] ?? 0) + 2)
  if (kind === 'list') return '2,3'
  const [least, most] = [Number(schema['minimum'] ?? 0), Number(schema['maximum'] ?? schema['exclusiveMaximum'] ?? 1)]
  return String(least + (Math.min(most, least + 1) - least) * 0.625)
}

const parsing = (argv: readonly string[]) => {
  const command = trainCommand().exitOverride()
  command.parseOptions([...argv])
  return command
}
const parsed = (argv: readonly string[]): object => parsing(argv).opts()

for (const { kind, types, prefix } of tables)
  test.each(types.map((type) => [type.name, type] as const))(
    `${kind} %s, with each of its options`,
    async (name, type) => {
      const options = Object.entries(type.options as Readonly<Record<string, Option>>)
      const argv = options.flatMap(([key, option]) => [flagOf(key, prefix), another(option)])
      const chosen = changedChoices({}, parsed([`--${kind}`, name, ...argv]))[kind]
      expect(Object.keys(chosen ?? {}).sort()).toEqual([...options.map(([key]) => key), 'name'].sort())
      for (const [key, option] of options)
        expect(String((chosen as Readonly<Record<string, unknown>>)[key])).toBe(another(option))
      expect(
        (await createProgram()).commands.find((command) => command.name() === 'train')?.helpInformation(),
      ).toContain(name)
    },
  )

test('the parts of an experiment, with their options', () => {
  const training = (...argv: string[]) => {
    const command = parsing(argv)
    return trainingOf('linear', command.opts<Parameters<typeof trainingOf>[1]>(), command)
  }
  expect(training('--normalize', 'mean=0.1307,std=0.3081')).toMatchObject({ normalize: { mean: 0.1307, std: 0.3081 } })
  expect(training('--normalize', '0.1307,0.3081')).toMatchObject({ normalize: { mean: 0.1307, std: 0.3081 } })
  expect(training('--validation', '5000')).toMatchObject({ validation: { size: 5000 } })
  expect(training('--early-stopping', '--clip-grad-norm', '1')).toMatchObject({ earlyStopping: {}, clipGradNorm: 1 })
  expect(training('--early-stopping', 'patience=2')).toMatchObject({ earlyStopping: { patience: 2 } })
  const { validation, earlyStopping } = completeExperiment({
    model: 'linear',
    ...training('--validation', '0.1', '--early-stopping'),
  })
  expect([validation, earlyStopping?.patience]).toEqual([0.1, 3])
  for (const name of Object.keys(experimentParts)) expect(trainCommand().helpInformation()).toContain(flagOf(name))
})

test("a model's recipe is what the flags change, unless it is left out", () => {
  const training = (...argv: string[]) => {
    const command = parsing(argv)
    return trainingOf('sprint', command.opts<Parameters<typeof trainingOf>[1]>(), command)
  }
  const { sprint } = recipes
  expect(training()).toMatchObject(sprint)
  expect(training('--epochs', '3', '--weight-decay', '0', '--augment', 'mixup')).toMatchObject({
    ...{ ...sprint, epochs: 3, augment: [{ name: 'mixup' }] },
    optimizer: { ...sprint.optimizer, weightDecay: 0 },
  })
  expect(training('--optimizer', 'adam').optimizer).toEqual({ name: 'adam' })
  expect(training('--no-recipe')).toEqual({ epochs: 5, batchSize: 64 })
})

test('what is not mentioned is left to the experiment', () => {
  expect(changedChoices({}, parsed([]))).toEqual({})
  expect(changedChoices({}, parsed(['--learning-rate', '0.2']))).toEqual({
    optimizer: { name: 'sgd', learningRate: 0.2 },
  })
  expect(changedChoices({}, parsed(['--lr', '0.2']))).toEqual({ optimizer: { name: 'sgd', learningRate: 0.2 } })
  const { optimizer } = changedChoices({}, parsed(['--optimizer', 'momentum']))
  expect(completeExperiment({ model: 'linear', optimizer: optimizer ?? {} }).optimizer).toMatchObject({ momentum: 0.9 })
})

test('"digitlab help" lists what can be named from the tables', async () => {
  const program = await createProgram()
  const help = (topic: string) => program.commands.find((command) => command.name() === topic)?.helpInformation() ?? ''
  for (const { name, options } of [...optimizerTypes, ...scheduleTypes, ...lossTypes]) {
    const text = `${help('optimizers')}${help('schedules')}${help('losses')}`
    expect(text).toContain(`  ${name}`)
    for (const key of Object.keys(options))
      expect(text).toMatch(new RegExp(`--(schedule-|loss-)?${flagOf(key).slice(2)}: `))
  }
  for (const name of modelNames) expect(help('models')).toMatch(new RegExp(`  ${name} .*parameters`))
  for (const { type } of layerTypes) expect(help('layers')).toContain(`  ${type}`)
  expect(help('figures')).toContain('confusion')
  expect(help('datasets')).toContain('Fashion-MNIST')
})

test('a mistyped word is told what was meant, a strange one is not', () => {
  expect([distance('ccn', 'cnn'), distance('sdg', 'sgd'), distance('minst', 'mnist'), distance('', 'ab')]).toEqual([
    1, 1, 1, 2,
  ])
  expect(nearest('ccn', modelNames)).toBe(' (did you mean cnn?)')
  expect(nearest('Linear', modelNames)).toBe(' (did you mean linear?)')
  expect(nearest('resnet', modelNames)).toBe('')
})
