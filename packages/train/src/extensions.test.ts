// Optimizers, schedules, losses and metrics: those of this package against float64 and PyTorch, and some from elsewhere.
import { number } from '@digitlab/models'
import { initialWeights, resolveModel } from '@digitlab/models'
import { downloadWeights, uploadWeights } from '@digitlab/models/compute'
import { MersenneTwister } from '@digitlab/random'
import { activate } from '@digitlab/backends'
import { memory, tensor } from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { completeExperiment as complete, type Experiment } from './complete-experiment'
import {
  completeExperiment,
  createOptimizer,
  defineLoss,
  defineMetric,
  defineOptimizer,
  defineSchedule,
  experimentId,
  firstLosses64,
  optimizerTypes,
  parseRun,
  readCheckpoint,
  runExperiment,
  TrainError,
  writeCheckpoint,
  type ExperimentInput,
  type Extensions,
  type OptimizerType,
} from './index'
import { learningRateOf } from './learning-rate'
import { stock, tiny, tinyExperiment } from './testing/tiny'

beforeAll(() => activate('cpu'))

const signSgd = defineOptimizer({
  name: 'signSgd',
  options: { learningRate: number({ from: 0, default: 0.001 }), momentum: number({ from: 0, default: 0.5 }) },
  state: () => ['trace'],
  step({ tf }, { weights, gradients, state: { trace = [] }, options: { learningRate, momentum } }) {
    const next = gradients.map((g, i) => tf.add(tf.mul(trace[i]!, momentum), tf.sign(g)))
    return {
      weights: weights.map((weight, i) => tf.sub(weight, tf.mul(next[i]!, learningRate))),
      state: { trace: next },
    }
  },
  step64({ weight, gradient, state, options: { learningRate, momentum } }) {
    const trace = state['trace']!
    gradient.forEach((g, i) => {
      trace[i] = trace[i]! * momentum + Math.sign(g)
      weight[i]! -= learningRate * trace[i]
    })
  },
})

const halving = defineSchedule({
  name: 'halving',
  options: {},
  every: () => 'step',
  rate: ({ base, at }) => base * 0.5 ** at,
})

/** The mean over the classes of (logit - target)^2, target 1 at the label and 0 elsewhere. */
const meanSquares = defineLoss({
  name: 'meanSquares',
  options: { target: number({ default: 1 }) },
  loss({ tf }, { logits, labels, scale, options: { target } }) {
    const [, classes] = logits.shape
    const away = tf.sub(logits, tf.mul(tf.oneHot(labels, classes), target))
    const factor = scale / classes
    return { loss: tf.mul(tf.sum(tf.square(away)), factor), dLogits: tf.mul(away, 2 * factor) }
  },
  loss64(_, { logits, labels, scale, options: { target } }) {
    const [, classes = 1] = logits.shape
    const away = logits.data.map((value, i) => value - (i % classes === labels[Math.floor(i / classes)] ? target : 0))
    return {
      loss: away.reduce((sum, d) => sum + (scale / classes) * d * d, 0),
      dLogits: { shape: logits.shape, data: away.map((d) => (2 * scale * d) / classes) },
    }
  },
  ofImage: (logits, label, { target }) =>
    Array.from(logits).reduce((sum, logit, c) => sum + (logit - (c === label ? target : 0)) ** 2, 0) / logits.length,
})

const topTwo = defineMetric({
  name: 'topTwo',
  of: ({ labels, probabilities, classes }) =>
    Array.from(labels).filter((label, i) => {
      const row = probabilities.subarray(i * classes, (i + 1) * classes)
      return row.filter((p) => p > row[label]!).length < 2
    }).length / labels.length,
})

const extensions: Extensions = {
  optimizers: [signSgd],
  schedules: [halving],
  losses: [meanSquares],
  metrics: [topTwo],
}
const data = tiny(50, 9)

describe.each([...optimizerTypes.map(({ name }) => name), 'signSgd'])('%s', (name) => {
  test.each<object>([
    ...[{}, { momentum: 0.9 }, { weightDecay: 0.1 }, { momentum: 0.9, weightDecay: 0.1 }],
    ...[{ momentum: 0.9, nesterov: true }, { momentum: 0.9, dampening: 0.3 }, { centered: true }],
    ...[
      { momentum: 0.5, centered: true },
      { weightDecay: 0.1, decoupledWeightDecay: true },
    ],
    ...[{ momentumDecay: 0.1 }, { initialAccumulatorValue: 0.4, learningRateDecay: 0.2 }, { rho: 0.5 }],
  ])('with %j steps as in float64, whatever it keeps, and leaks nothing', async (options) => {
    const known = [...optimizerTypes, signSgd].find((type) => type.name === name)!
    if (Object.keys(options).some((option) => !Object.hasOwn(known.options, option))) return
    const experiment = completeExperiment(
      { model: 'linear', optimizer: { name, learningRate: 0.05, ...options } },
      extensions,
    )
    const model = resolveModel('linear', { input: [4, 4, 1], classes: 3 })
    const before = memory().numTensors
    const state = initialWeights(model, new MersenneTwister(1))
    const optimizer = createOptimizer(model, { experiment, stepsPerEpoch: 7, extensions }, uploadWeights(model, state))
    const type = [...optimizerTypes, signSgd].find((type) => type.name === name) as typeof signSgd
    const { ...held }: Record<string, unknown> = experiment.optimizer
    delete held['name']
    const names = type.state(held as never)
    const begins = (type as unknown as OptimizerType).begins?.(held) ?? {}
    const exact = new Map([...state].map(([entry, { data }]) => [entry, Float64Array.from(data)]))
    const kept = new Map(
      [...exact].map(([entry, { length }]) => [
        entry,
        Object.fromEntries(names.map((each) => [each, new Float64Array(length).fill(begins[each] ?? 0)])),
      ]),
    )
    for (let step = 1; step <= 6; step++) {
      const gradients = new Map(
        [...optimizer.weights()].map(([entry, weight]) => {
          const values = Float32Array.from({ length: weight.size }, (_, i) => Math.sin(i * 1.7 + step) / 3)
          return [entry, tensor(values, weight.shape)]
        }),
      )
      optimizer.step(gradients)
      for (const [entry, gradient] of gradients) {
        // The only layer's weight lies the other way round in tfjs's layout.
        const order = model.parameters.find(({ name }) => name === entry)!.layout
        const values = gradient.dataSync()
        const inTorch = new Float64Array(values.length)
        values.forEach((value, i) => (inTorch[order.source(i)] = value))
        type.step64({
          weight: exact.get(entry)!,
          gradient: inTorch,
          state: kept.get(entry)!,
          step,
          options: held as never,
        })
        gradient.dispose()
      }
    }
    expect([...optimizer.moments().keys()]).toEqual(names)
    for (const [entry, { data }] of await downloadWeights(model, optimizer.weights()))
      data.forEach((value, i) => expect(value).toBeCloseTo(exact.get(entry)![i]!, 5))
    optimizer.dispose()
    expect(memory().numTensors).toBe(before)
  })
})

describe('a schedule', () => {
  const rates = (schedule: ExperimentInput['schedule'], steps: number, more: Partial<Experiment> = {}) => {
    const experiment = complete(
      { model: 'linear', epochs: 9, optimizer: { learningRate: 0.1 }, ...more, schedule },
      extensions,
    )
    const rate = learningRateOf(experiment, 2, extensions)
    return Array.from({ length: steps }, (_, i) => rate.of(i + 1))
  }

  test('"step" is StepLR of PyTorch 2.13, to the bit', () => {
    // for e in range(7): print(repr(scheduler.get_last_lr()[0])); optimizer.step(); scheduler.step()
    const theirs = [0.1, 0.1, 0.03, 0.03, 0.009, 0.009, 0.0026999999999999997]
    const ours = rates({ name: 'step', stepSize: 2, gamma: 0.3 }, 14)
    expect(ours.filter((_, i) => i % 2 === 0)).toEqual(theirs)
    expect(ours.filter((_, i) => i % 2 === 1)).toEqual(theirs)
    expect(rates({ name: 'step', stepSize: 3, gamma: 0.5, every: 'step' }, 7)).toEqual([
      0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025,
    ])
  })

  test('absent, or of a factor of 1, changes no bit', async () => {
    const plain = await runExperiment(tinyExperiment(), { data, backend: stock() })
    const schedule = { name: 'step', stepSize: 1, gamma: 1, every: 'step' } as const
    const scheduled = await runExperiment(tinyExperiment({ schedule }), { data, backend: stock() })
    expect(scheduled.run.history.stepLosses).toEqual(plain.run.history.stepLosses)
    expect(scheduled.run.id).not.toBe(plain.run.id)
  })

  test('that answers no rate ends the run', async () => {
    const wrong = defineSchedule({ name: 'wrong', options: {}, every: () => 'step', rate: ({ at }) => 1 - at })
    const run = runExperiment(
      { ...tinyExperiment(), schedule: { name: 'wrong' } },
      {
        ...{ data, backend: stock(), extensions: { schedules: [wrong] } },
      },
    )
    await expect(run).rejects.toThrow('the schedule wrong gives step 3 a learning rate of -1')
  })
})

describe('an experiment with what others bring along', () => {
  const input: ExperimentInput = {
    ...{ model: 'two-layer', dataset: 'tiny', epochs: 2, batchSize: 8 },
    optimizer: { name: 'signSgd', learningRate: 0.02 },
    schedule: { name: 'halving' },
    loss: { name: 'meanSquares' },
  }

  test('is checked by their tables, and needs them', async () => {
    const experiment = completeExperiment(input, extensions)
    expect(experiment).toMatchObject({
      optimizer: { name: 'signSgd', learningRate: 0.02, momentum: 0.5 },
      schedule: { name: 'halving' },
      loss: { name: 'meanSquares', target: 1 },
    })
    expect(await experimentId(experiment)).not.toBe(
      await experimentId(completeExperiment({ ...input, loss: { name: 'crossEntropy' } }, extensions)),
    )
    for (const [change, message] of [
      [{ optimizer: { name: 'signSgd', momentum: -1 } }, 'optimizer.momentum must be a number from 0, not -1'],
      [{ loss: { name: 'meanSquares', goal: 1 } }, 'loss.goal is not an option of meanSquares'],
      [{ loss: { name: 'hinge' } }, 'there is no loss "hinge": choose one of crossEntropy, meanSquares'],
    ] as const)
      expect(() => completeExperiment({ ...input, ...change }, extensions)).toThrow(message)
    expect(() => completeExperiment(input)).toThrow('there is no optimizer "signSgd": choose one of sgd, adam')
    expect(completeExperiment({ model: 'linear', loss: { name: 'crossEntropy' } })).toEqual(
      completeExperiment({ model: 'linear' }),
    )
  })

  test('trains as float64 does, records its metrics, and goes on from every checkpoint to the bit', async () => {
    const before = memory().numTensors
    const kept: Uint8Array[] = []
    const options = { data, backend: stock(), extensions }
    const whole = await runExperiment(input, {
      ...options,
      checkpoint: {
        every: { steps: 3 },
        save: async (checkpoint) => void kept.push(await writeCheckpoint(checkpoint)),
      },
    })
    const exact = firstLosses64(completeExperiment(input, extensions), data, 5, extensions)
    exact.forEach((loss, i) => expect(whole.run.history.stepLosses[i]).toBeCloseTo(loss, 5))
    expect(whole.run.history.epochs.map(({ metrics }) => Object.keys(metrics ?? {}))).toEqual([['topTwo'], ['topTwo']])
    expect(whole.run.metrics.custom?.['topTwo']).toBeGreaterThan(0)
    expect(whole.run.metrics.meanLoss).toBeLessThan(1)
    // A run is read, and its figures drawn, without them.
    expect(parseRun(JSON.stringify(whole.run))).toEqual(whole.run)
    for (const bytes of kept) {
      await expect(readCheckpoint(bytes)).rejects.toThrow('there is no optimizer "signSgd"')
      const resume = await readCheckpoint(bytes, 'it', extensions)
      const resumed = await runExperiment(input, { ...options, resume })
      expect(resumed.weights).toEqual(whole.weights)
      expect(resumed.run.history.stepLosses).toEqual(whole.run.history.stepLosses)
    }
    expect(kept).toHaveLength(1 + 4)
    expect(memory().numTensors).toBe(before)
  })

  test('a metric that is not a number ends the run', async () => {
    const nothing = defineMetric({ name: 'nothing', of: () => NaN })
    const run = runExperiment(tinyExperiment(), { data, backend: stock(), extensions: { metrics: [nothing] } })
    await expect(run).rejects.toThrow('the metric nothing of 9 test images is NaN')
    await expect(run).rejects.toBeInstanceOf(TrainError)
  })

  test('an optimizer without a learning rate is refused where it is made', () => {
    const type = { name: 'still', options: {}, state: () => [], step: () => ({ weights: [] }), step64() {} }
    expect(() => defineOptimizer(type)).toThrow('the optimizer "still" has no option learningRate')
  })
})
