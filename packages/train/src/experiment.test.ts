import { describe, expect, test } from 'vitest'
import { completeExperiment, experimentId, TrainError, type ExperimentInput } from './index'

test("the defaults are the case study's", () => {
  expect(completeExperiment({ model: 'cnn' })).toEqual({
    model: 'cnn',
    dataset: 'mnist',
    seed: 0,
    epochs: 5,
    batchSize: 64,
    optimizer: { name: 'sgd', learningRate: 0.1, momentum: 0, weightDecay: 0 },
  })
})

test('the id is that of the content, not of how it was written', async () => {
  const first = await experimentId(completeExperiment({ model: 'cnn', seed: 3, optimizer: { name: 'sgd' } }))
  const second = await experimentId(
    completeExperiment({ optimizer: { momentum: 0, name: 'sgd' }, seed: 3, model: 'cnn' }),
  )
  expect(first).toBe(second)
  expect(first).toMatch(/^[0-9a-f]{64}$/)
  expect(await experimentId(completeExperiment({ model: 'cnn', seed: 4 }))).not.toBe(first)
})

describe('a wrong value is refused, with what it may be', () => {
  test.each<[object, string]>([
    [{ batchSize: 0 }, 'batchSize must be an integer from 1 to 1000000, not 0'],
    [{ epochs: 1.5 }, 'epochs must be an integer from 1 to 100000, not 1.5'],
    [{ seed: -1 }, 'seed must be an integer from 0, not -1'],
    [{ seed: '0' }, 'seed must be an integer from 0, not "0"'],
    [{ optimizer: { learningRate: 0 } }, 'learningRate must be a number above 0, not 0'],
    [{ optimizer: { learningRate: Infinity } }, 'learningRate must be a number above 0'],
    [{ optimizer: { learningRate: NaN } }, 'learningRate must be a number above 0'],
    [{ optimizer: { momentum: 1.5 } }, 'momentum must be a number from 0 to 1, not 1.5'],
    [{ optimizer: { name: 'lion' } }, 'there is no optimizer "lion": choose one of sgd, adam'],
    [{ optimizer: { name: 'adam', momentum: 0.9 } }, 'the optimizer adam has no "momentum"'],
    [{ dataset: 'auto' }, 'an experiment names its data set, not "auto"'],
    [{ batch: 64 }, 'an experiment has no "batch", it has model, dataset'],
  ])('%j', (values, message) => {
    const experiment = { model: 'linear', ...values } as ExperimentInput
    expect(() => completeExperiment(experiment)).toThrow(TrainError)
    expect(() => completeExperiment(experiment)).toThrow(message)
  })

  test('an unknown model', () => {
    expect(() => completeExperiment({ model: 'resnet' })).toThrow('there is no model "resnet"')
  })
})
