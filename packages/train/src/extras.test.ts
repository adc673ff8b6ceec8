// What an experiment may say beside model, optimizer and loss: each is what PyTorch's of the same name does, and goes on to the bit.
import type { Split } from '@digitlab/data'
import { MersenneTwister, randperm } from '@digitlab/random'
import { memory } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import {
  completeExperiment,
  experimentId,
  firstLosses64,
  parseRun,
  readCheckpoint,
  runExperiment,
  writeCheckpoint,
  type ExperimentInput,
  type RunResult,
} from './index'
import { stock, tiny, tinyExperiment } from './testing/tiny'
import { divide } from './validation'

const data = tiny(50, 9)
const run = (more: Partial<ExperimentInput>, options: object = {}): Promise<RunResult> =>
  runExperiment(tinyExperiment(more), { data, backend: stock(), ...options })
const values = ({ weights }: RunResult) => [...weights.values()].flatMap(({ data }) => [...data])
const furthest = (a: readonly number[], b: readonly number[]) =>
  a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? NaN))), 0)

/** All of it at once, where it goes together. */
const everything: Partial<ExperimentInput> = {
  ...{ epochs: 3, optimizer: { name: 'nadam', learningRate: 0.01 }, accumulate: 2, labelSmoothing: 0.1 },
  ...{ clipGradNorm: 0.5, clipGradValue: 0.2, normalize: { mean: 0.2, std: 0.5 }, averageWeights: { decay: 0.8 } },
  ...{ validation: 0.2, keep: 'best' },
  schedule: [
    { name: 'linear', totalSteps: 4, every: 'step' },
    { name: 'oneCycle', maxLearningRate: 0.02, every: 'step' },
  ],
}

describe('an experiment', () => {
  test('that uses none of it has the id that it had, and says nothing of it', async () => {
    const plain = completeExperiment({ model: 'cnn' })
    expect(Object.keys(plain)).toEqual(['model', 'dataset', 'seed', 'epochs', 'batchSize', 'optimizer'])
    expect(
      completeExperiment({
        ...{ model: 'cnn', accumulate: 1, labelSmoothing: 0, keep: 'last' },
        optimizer: { name: 'sgd', nesterov: false, dampening: 0 },
      }),
    ).toEqual(plain)
    expect(completeExperiment({ model: 'cnn', loss: { name: 'crossEntropy', labelSmoothing: 0.1 } })).toEqual(
      completeExperiment({ model: 'cnn', labelSmoothing: 0.1 }),
    )
    expect(completeExperiment({ model: 'cnn', validation: { size: 0.1 } })).toEqual(
      completeExperiment({ model: 'cnn', validation: 0.1 }),
    )
    expect(await experimentId(completeExperiment({ model: 'cnn', validation: 0.1 }))).not.toBe(
      await experimentId(plain),
    )
  })

  test.each<[Partial<ExperimentInput>, string]>([
    [{ accumulate: 3 }, 'a batch of 8 images cannot be computed in 3 equal parts'],
    [{ labelSmoothing: 1.5 }, 'labelSmoothing must be a number from 0 to 1, not 1.5'],
    [{ labelSmoothing: 0.1, loss: { name: 'hinge' } }, 'there is no loss "hinge"'],
    [{ clipGradNorm: 0 }, 'clipGradNorm must be a number above 0, not 0'],
    [{ normalize: { mean: 0.1, std: 0 } }, 'normalize.std must be a number above 0, not 0'],
    [{ normalize: 0.5 as never }, 'normalize must be an object with mean, std, not 0.5'],
    [{ averageWeights: { decay: 2 } }, 'averageWeights.decay must be a number from 0 to 1, not 2'],
    [{ validation: 1.5 }, 'validation must be a share below 1 or a whole number of images, not 1.5'],
    [{ earlyStopping: { patience: 3 } }, 'early stopping watches validationLoss, and no images are set aside'],
    [{ keep: 'best' }, 'keep "best" watches validationLoss, and no images are set aside'],
    [
      { optimizer: { name: 'sgd', nesterov: true } },
      'nesterov needs a momentum above 0 and a dampening of 0, they are 0 and 0',
    ],
    [{ optimizer: { name: 'adadelta', rho: 1.1 } }, 'optimizer.rho must be a number from 0 to 1, not 1.1'],
    [
      { schedule: { name: 'plateau', every: 'step' } },
      'plateau watches what an epoch\'s end tells, and every is "step"',
    ],
    [
      { schedule: { name: 'linear', startFactor: 0 } },
      'schedule.startFactor must be a number above 0 and at most 1, not 0',
    ],
    [{ schedule: { name: 'cosine', restartFactor: 2 } }, 'cosine has a restartFactor of 2, and restarts are false'],
    [
      { schedule: { name: 'oneCycle', maxLearningRate: 1, baseMomentum: 0.9, maxMomentum: 0.8 } },
      'oneCycle has a baseMomentum of 0.9 above its maxMomentum of 0.8',
    ],
    [{ schedule: [{ name: 'cosine' }] }, 'a list of schedules has at least 2, not 1'],
    [
      { schedule: [{ name: 'exponential', gamma: 0.9 }, { name: 'cosine' }] },
      'schedule[0] does not say how long exponential lasts',
    ],
    [
      { schedule: [{ name: 'linear', totalSteps: 1, every: 'step' }, { name: 'cosine' }] },
      'a list of schedules counts epochs or steps: linear has every "step", cosine has every "epoch"',
    ],
  ])('%j is refused with both values', (more, sentence) => {
    expect(() => tinyExperiment(more)).toThrow(sentence)
  })

  test.each<[Partial<ExperimentInput>, string]>([
    [{ schedule: { name: 'cosine', totalSteps: 3 } }, 'cosine is made for 3 epochs, the run has 2'],
    [{ schedule: { name: 'cosine', totalSteps: 10, every: 'step' } }, 'cosine is over after 10 steps, the run has 14'],
    [
      { schedule: { name: 'oneCycle', maxLearningRate: 1, totalSteps: 15 } },
      'oneCycle is made for 15 steps, the run has 14',
    ],
    [{ schedule: { name: 'linear', totalSteps: 20, every: 'step' } }, 'linear is made for 20 steps, the run has 14'],
    [
      { schedule: { name: 'oneCycle', maxLearningRate: 1 }, optimizer: { name: 'adadelta' } },
      'oneCycle changes momentum or beta1, and adadelta has neither',
    ],
    [{ schedule: { name: 'plateau' } }, 'the schedule plateau watches validationLoss, and no images are set aside'],
    [
      {
        schedule: [
          { name: 'linear', totalSteps: 14, every: 'step' },
          { name: 'cosine', every: 'step' },
        ],
      },
      "the schedules before cosine take 14 of the run's 14 steps",
    ],
    [{ validation: 50 }, 'validation sets 50 of 50 training images aside'],
    [{ validation: 49 }, 'among them all 17 of the class a'],
  ])('%j does not fit the run, in a sentence with both values', async (more, sentence) => {
    await expect(run(more)).rejects.toThrow(sentence)
  })
})

test('a batch in parts is the step of the whole batch, to rounding', async () => {
  const before = memory().numTensors
  const whole = await run({})
  const parts = await run({ accumulate: 4 })
  expect(parts.run.history.stepLosses).toHaveLength(14)
  expect(furthest(parts.run.history.stepLosses, whole.run.history.stepLosses)).toBeLessThan(1e-6)
  expect(furthest(values(parts), values(whole))).toBeLessThan(1e-6)
  expect(memory().numTensors).toBe(before)
})

test.each<Partial<ExperimentInput>>([
  ...[
    { labelSmoothing: 0.2 },
    { clipGradNorm: 0.1 },
    { clipGradValue: 0.01 },
    { normalize: { mean: 0.1307, std: 0.3081 } },
  ],
  ...[{ validation: 0.2 }, { optimizer: { name: 'rmsprop', centered: true } }],
  { schedule: { name: 'oneCycle', maxLearningRate: 0.2 }, optimizer: { name: 'sgd', momentum: 0.9 } },
  { schedule: { name: 'linear', totalSteps: 6, every: 'step' }, clipGradNorm: 0.1, clipGradValue: 0.02 },
])('%j trains as float64 does, and not as without it', async (more) => {
  const { stepLosses } = (await run(more)).run.history
  expect(furthest(firstLosses64(tinyExperiment(more), data, 5), stepLosses)).toBeLessThan(1e-5)
  expect(stepLosses).not.toEqual((await run({})).run.history.stepLosses)
})

test('the average of the weights follows them as PyTorch has it, is evaluated, and is what the run ends with', async () => {
  const decay = 0.7
  const followed: number[][] = []
  await run(
    {},
    {
      checkpoint: {
        every: { steps: 1 },
        save: async ({ optimizer }: { optimizer: { weights: RunResult['weights'] } }) =>
          void followed.push([...optimizer.weights.values()].flatMap(({ data }) => [...data])),
      },
    },
  )
  const averaged = await run({ averageWeights: { decay } })
  // followed[0] is before the first step.
  const [first = [], ...rest] = followed.slice(1)
  const want = rest.reduce((mean, weights) => mean.map((m, i) => decay * m + (1 - decay) * (weights[i] ?? NaN)), first)
  expect(furthest(want, values(averaged))).toBeLessThan(1e-6)
  expect(averaged.run.history.stepLosses).toEqual((await run({})).run.history.stepLosses)
  expect(averaged.run.history.epochs.at(-1)?.testLoss).toBe(averaged.run.metrics.meanLoss)
})

test('buffers are averaged too where the experiment says so, but for what they count', async () => {
  const decay = 0.6
  const model: ExperimentInput['model'] = {
    ...{ name: 'normed', input: [4, 4, 1] },
    layers: [
      { type: 'batchNorm', name: 'norm' },
      { type: 'flatten' },
      { type: 'batchNorm', name: 'rows' },
      { type: 'dense', name: 'fc', out: 3 },
    ],
  }
  const followed: RunResult['weights'][] = []
  const kept: Uint8Array[] = []
  const save = async (checkpoint: Parameters<typeof writeCheckpoint>[0]) => {
    followed.push(checkpoint.optimizer.weights)
    kept.push(await writeCheckpoint(checkpoint))
  }
  const more = { model, averageWeights: { decay, buffers: true } }
  const averaged = await run(more, { checkpoint: { every: { steps: 1 }, save } })
  const apart = await run({ model, averageWeights: { decay } })
  const last = followed.at(-1) as RunResult['weights']
  for (const [name, { data }] of averaged.weights) {
    const [first = new Float32Array(), ...rest] = followed.slice(1).map((weights) => weights.get(name)?.data)
    const mean = rest.reduce<number[]>(
      (mean, values) => mean.map((m, i) => decay * m + (1 - decay) * (values?.[i] ?? NaN)),
      [...first],
    )
    const counts = name.endsWith('num_batches_tracked')
    expect(furthest(counts ? [14] : mean, [...data]), name).toBeLessThan(1e-6)
    const own = name.includes('running') ? last : averaged.weights
    expect(apart.weights.get(name), name).toEqual(own.get(name))
  }
  for (const bytes of [kept[1], kept[9]] as Uint8Array[]) {
    const resumed = await run(more, { resume: await readCheckpoint(bytes) })
    expect(resumed.weights).toEqual(averaged.weights)
    expect(resumed.run.metrics).toEqual(averaged.run.metrics)
  }
  const { optimizer, ...rest } = await readCheckpoint(kept[3] as Uint8Array)
  const trained = new Map([...(optimizer.moments.get('average') ?? [])].filter(([name]) => !name.includes('running')))
  const lacking = await writeCheckpoint({
    ...rest,
    optimizer: { ...optimizer, moments: new Map([['average', trained]]) },
  })
  await expect(readCheckpoint(lacking)).rejects.toThrow('its average lack "norm.running_mean"')
})

describe('validation', () => {
  const labelled = (split: Split) =>
    Array.from({ length: split.count }, (_, i) => [...split.images.subarray(16 * i, 16 * (i + 1))].join())

  test("sets aside what PyTorch's random_split does, and nothing is in both", () => {
    const { data: left, validation } = divide(data, { validation: 12, seed: 7 })
    const order = randperm(new MersenneTwister(7), 50)
    const all = labelled(data.train)
    expect(labelled(left.train)).toEqual([...order.subarray(0, 38)].map((i) => all[i]))
    expect(labelled(validation as Split)).toEqual([...order.subarray(38)].map((i) => all[i]))
    expect(divide(data, { validation: 0.25, seed: 7 }).validation).toEqual(validation)
    expect(divide(data, { validation: 12, seed: 8 }).validation).not.toEqual(validation)
  })

  test('stratified takes of each class in proportion', () => {
    const { data: left, validation } = divide(data, { validation: { size: 0.3, stratified: true }, seed: 3 })
    const counts = (labels: Uint8Array) => [0, 1, 2].map((c) => labels.filter((label) => label === c).length)
    expect(counts((validation as Split).labels)).toEqual([5, 5, 5])
    expect(counts(left.train.labels)).toEqual(counts(data.train.labels).map((n) => n - 5))
  })

  test('leaves initial weights and the generator alone, and looks at the test images once', async () => {
    const initial: RunResult['weights'][] = []
    const save = async ({ optimizer }: { optimizer: { weights: RunResult['weights'] } }) =>
      void initial.push(optimizer.weights)
    const checkpoint = { every: { epochs: 100 }, save }
    const plain = await run({}, { checkpoint })
    const validated = await run({ validation: 10 }, { checkpoint })
    expect(initial[1]).toEqual(initial[0])
    expect(validated.predictions.before).toEqual(plain.predictions.before)
    const { history, metrics, dataset } = validated.run
    expect(dataset).toMatchObject({ trainCount: 40, validationCount: 10, testCount: 9 })
    expect(history.epochs.map((record) => [record.testLoss, typeof record.validationLoss])).toEqual([
      [undefined, 'number'],
      [undefined, 'number'],
    ])
    expect(metrics.count).toBe(9)
    expect(validated.predictions.after.classes).toHaveLength(9)
    expect(parseRun(JSON.stringify(validated.run))).toEqual(validated.run)
  })

  test('early stopping ends a run as completed, with the reason, and keeps the best weights where it is told to', async () => {
    const worse: Partial<ExperimentInput> = {
      ...{ epochs: 30, validation: 10, optimizer: { name: 'sgd', learningRate: 0.5 } },
      earlyStopping: { patience: 2, monitor: 'validationAccuracy' },
    }
    const told: string[] = []
    const last = await run(worse, { onProgress: ({ type }: { type: string }) => void told.push(type) })
    const accuracies = last.run.history.epochs.map(({ validationAccuracy = NaN }) => validationAccuracy)
    const best = 1 + accuracies.indexOf(Math.max(...accuracies))
    expect(accuracies).toHaveLength(best + 2)
    expect(last.run).toMatchObject({ status: 'completed' })
    expect(last.run.stopped).toBe(
      `validationAccuracy has not become better since epoch ${best}, when it was ${Number((accuracies[best - 1] ?? NaN).toPrecision(4))}: stopped after ${best + 2} of 30 epochs`,
    )
    expect(parseRun(JSON.stringify(last.run))).toEqual(last.run)
    const kept = await run({ ...worse, keep: 'best' })
    expect(kept.run.keptEpoch).toBe(best)
    const short = await run({ ...worse, epochs: best, earlyStopping: { patience: 100, monitor: 'validationAccuracy' } })
    expect(values(kept)).toEqual(values(short))
    expect(kept.run.metrics).toEqual(short.run.metrics)
    expect(values(kept)).not.toEqual(values(last))
  })
})

test('with all of it a run goes on from every checkpoint to the bit', async () => {
  const before = memory().numTensors
  const kept: Uint8Array[] = []
  const save = async (checkpoint: Parameters<typeof writeCheckpoint>[0]) =>
    void kept.push(await writeCheckpoint(checkpoint))
  const whole = await run(everything, { checkpoint: { every: { steps: 2 }, save } })
  expect(kept).toHaveLength(1 + 7)
  for (const bytes of kept) {
    const resumed = await run(everything, { resume: await readCheckpoint(bytes) })
    expect(resumed.weights).toEqual(whole.weights)
    expect(resumed.run.history).toMatchObject({ stepLosses: whole.run.history.stepLosses })
    expect(resumed.run.history.learningRates).toEqual(whole.run.history.learningRates)
    expect([resumed.run.keptEpoch, resumed.run.metrics]).toEqual([whole.run.keptEpoch, whole.run.metrics])
  }
  expect(memory().numTensors).toBe(before)
})

test('plateau lowers the rate by what the epochs told, and goes on to the bit', async () => {
  const more: Partial<ExperimentInput> = {
    ...{ epochs: 6, validation: 10, optimizer: { name: 'sgd', learningRate: 0.5 } },
    schedule: { name: 'plateau', monitor: 'validationAccuracy', patience: 0, factor: 0.5 },
  }
  const kept: Uint8Array[] = []
  const save = async (checkpoint: Parameters<typeof writeCheckpoint>[0]) =>
    void kept.push(await writeCheckpoint(checkpoint))
  const whole = await run(more, { checkpoint: { every: { steps: 7 }, save } })
  const rates = whole.run.history.learningRates ?? []
  expect(rates[0]).toBe(0.5)
  expect(new Set(rates).size).toBeGreaterThan(1)
  for (const bytes of kept) {
    const resumed = await run(more, { resume: await readCheckpoint(bytes) })
    expect(resumed.weights).toEqual(whole.weights)
    expect(resumed.run.history.learningRates).toEqual(rates)
  }
})

test('a run does not go on with another schedule', async () => {
  const kept: Uint8Array[] = []
  const save = async (checkpoint: Parameters<typeof writeCheckpoint>[0]) =>
    void kept.push(await writeCheckpoint(checkpoint))
  await run({ schedule: { name: 'exponential', gamma: 0.9 } }, { checkpoint: { every: { steps: 5 }, save } })
  const resume = await readCheckpoint(kept[1] as Uint8Array)
  await expect(run({ schedule: { name: 'exponential', gamma: 0.8 } }, { resume })).rejects.toThrow(
    'its schedule is {"every":"epoch","gamma":0.9,"name":"exponential"}, this one\'s {"every":"epoch","gamma":0.8,"name":"exponential"}',
  )
})
