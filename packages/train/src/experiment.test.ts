import { ModelError } from '@digitlab/models'
import fc from 'fast-check'
import { MersenneTwister } from '@digitlab/random'
import { describe, expect, test } from 'vitest'
import { mutated, presentable } from '../../../tooling/vitest/mutations.ts'
import { completeExperiment, experimentId, TrainError, type ExperimentInput } from './index'

test('what is undefined is as absent, in the experiment and in what it names', () => {
  const given: unknown = {
    ...{ model: 'linear', dataset: undefined, seed: undefined, epochs: undefined, batchSize: undefined },
    ...{ optimizer: { name: 'adam', learningRate: undefined }, schedule: undefined, augment: undefined },
    ...{ labelSmoothing: undefined, validation: undefined, normalize: undefined, initial: undefined },
  }
  expect(completeExperiment(given as ExperimentInput)).toEqual(
    completeExperiment({ model: 'linear', optimizer: { name: 'adam' } }),
  )
  expect(() => completeExperiment({ model: 'linear', epoch: undefined } as ExperimentInput)).toThrow('has no "epoch"')
})

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

describe('a seed counts by its low 32 bits, as in PyTorch', () => {
  test.each<[number | bigint, number]>([
    [7, 7],
    [-1, 0xffffffff],
    [-5, 0xfffffffb],
    [2 ** 32 + 7, 7],
    [2n ** 63n, 0],
    [2n ** 64n - 1n, 0xffffffff],
    [-(2n ** 63n), 0],
  ])('%s', async (seed, low) => {
    const experiment = completeExperiment({ model: 'linear', seed })
    expect(experiment.seed).toBe(low)
    // The same run has one id, and its JSON is exact.
    expect(await experimentId(experiment)).toBe(await experimentId(completeExperiment({ model: 'linear', seed: low })))
    const [drawn, theirs] = [seed, low].map((s) => new MersenneTwister(s))
    expect(drawn?.next()).toBe(theirs?.next())
  })

  test.each([2n ** 64n, -(2n ** 63n) - 1n])('%s is refused, as by torch.manual_seed', (seed) => {
    expect(() => completeExperiment({ model: 'linear', seed })).toThrow(`from -2^63 to 2^64 - 1, not ${seed}`)
  })
})

test('the ids of experiments are what they were', async () => {
  const ids = ['linear', 'two-layer', 'cnn'].map((model) => experimentId(completeExperiment({ model })))
  expect((await Promise.all(ids)).map((id) => id.slice(0, 16))).toEqual([
    'e2b3ee3def2ac3d9',
    '6fd5b0957bc8b989',
    '598c479ef034fbce',
  ])
})

describe('a wrong value is refused, with what it may be', () => {
  test.each<[object, string]>([
    [{ batchSize: 0 }, 'batchSize must be an integer from 1 to 1000000, not 0'],
    [{ epochs: 1.5 }, 'epochs must be an integer from 1 to 100000, not 1.5'],
    [{ seed: '0' }, 'seed must be an integer from -2^63 to 2^64 - 1, not "0"'],
    [{ seed: 0.5 }, 'seed must be an integer from -2^63 to 2^64 - 1, not 0.5'],
    [
      { seed: 2 ** 53 },
      'seed must be an integer from -2^63 to 2^64 - 1, beyond 2^53 as a bigint, not 9007199254740992',
    ],
    // What PyTorch 2.13 refuses, and no more: its Adam has betas below 1, its SGD any momentum from 0.
    [{ optimizer: { learningRate: -1 } }, 'learningRate must be a number from 0, not -1'],
    [{ optimizer: { learningRate: Infinity } }, 'learningRate must be a number from 0, not Infinity'],
    [{ optimizer: { learningRate: NaN } }, 'learningRate must be a number from 0, not NaN'],
    [{ optimizer: { momentum: -0.1 } }, 'momentum must be a number from 0, not -0.1'],
    [{ optimizer: { weightDecay: -1 } }, 'weightDecay must be a number from 0, not -1'],
    [{ optimizer: { name: 'adam', beta1: 1 } }, 'beta1 must be a number at least 0 and below 1, not 1'],
    [{ optimizer: { name: 'adam', beta2: 1 } }, 'beta2 must be a number at least 0 and below 1, not 1'],
    [{ optimizer: { name: 'adam', beta2: -0.5 } }, 'beta2 must be a number at least 0 and below 1, not -0.5'],
    [{ optimizer: { name: 'adam', epsilon: -1e-8 } }, 'epsilon must be a number from 0, not -1e-8'],
    [{ optimizer: { name: 'lion' } }, 'there is no optimizer "lion": choose one of sgd, adam'],
    [
      { optimizer: { name: 'adam', momentum: 0.9 } },
      'optimizer.momentum is not an option of adam, which takes learningRate, beta1',
    ],
    [{ dataset: 'auto' }, 'an experiment names its data set, not "auto"'],
    [{ batch: 64 }, 'an experiment has no "batch", it has model, dataset'],
  ])('%j', (values, message) => {
    const experiment = { model: 'linear', ...values } as ExperimentInput
    expect(() => completeExperiment(experiment)).toThrow(TrainError)
    expect(() => completeExperiment(experiment)).toThrow(message)
  })

  test.each([
    { name: 'sgd', learningRate: 0, momentum: 1.5, weightDecay: 3 },
    { name: 'adam', learningRate: 0, beta1: 0, beta2: 0, epsilon: 0, weightDecay: 0 },
  ] as const)('what PyTorch takes is taken: %j', (optimizer) => {
    expect(completeExperiment({ model: 'linear', optimizer }).optimizer).toEqual(optimizer)
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
