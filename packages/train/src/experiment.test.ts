import { ModelError } from '@digitlab/models'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mutated, presentable } from '../../../tooling/vitest/mutations.ts'
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
  test.each<[unknown, string]>([
    [null, 'an experiment must be an object with at least a model, not null'],
    [[], 'an experiment must be an object with at least a model, not []'],
    [{ model: null }, 'a model must be an object with name, input and layers, not null'],
    [{ model: 7 }, 'a model must be an object with name, input and layers, not 7'],
    [
      { model: { name: 'm', input: [28, 28, 1], layers: ['flatten'] } },
      'layers[0] of the model "m" must be an object such as { "type": "flatten" }, not "flatten"',
    ],
    [{ model: 'linear', optimizer: null }, 'optimizer must be an object such as { "name": "adam" }, not null'],
    [{ model: 'linear', optimizer: 'adam' }, 'optimizer must be an object such as { "name": "adam" }, not "adam"'],
    [{ model: 'linear', optimizer: { name: { toString: 1 } } }, 'there is no optimizer {"toString"}'],
    [{ model: 'linear', initial: null }, 'initial must hold a sha256'],
  ])('%j as an experiment', (experiment, message) => {
    expect(() => completeExperiment(experiment as ExperimentInput)).toThrow(message)
  })

  test('whatever is changed in an experiment, it is one or a sentence says what it must be', () => {
    const layers = [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: 10 }] as const
    const experiment = completeExperiment({
      model: { name: 'mine', input: [28, 28, 1], layers },
      optimizer: { name: 'adam' },
      initial: { sha256: 'a'.repeat(64), newHead: true },
    })
    let refused = 0
    fc.assert(
      fc.property(mutated(experiment), (changed) => {
        try {
          const completed = completeExperiment(changed as ExperimentInput)
          expect(completeExperiment(completed)).toEqual(completed)
        } catch (error) {
          if (!(error instanceof TrainError || error instanceof ModelError)) throw error
          if (!presentable(error.message)) throw new Error(`not presentable: ${error.message}`, { cause: error })
          refused++
        }
      }),
      { numRuns: 3000, interruptAfterTimeLimit: 10_000 },
    )
    expect(refused).toBeGreaterThan(100)
  })
})
