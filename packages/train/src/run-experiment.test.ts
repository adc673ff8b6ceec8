import { resolveModel } from '@digitlab/models'
import { uploadWeights, disposeWeights } from '@digitlab/models/compute'
import { memory } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import {
  evaluate,
  parseRun,
  predict,
  predictionsFile,
  readPredictions,
  runExperiment,
  runFiles,
  TrainError,
  type Progress,
  type Standing,
} from './index'
import { stock, tiny, tinyExperiment } from './testing/tiny'

const experiment = tinyExperiment

describe('runExperiment', () => {
  test.each([false, true])(
    'ends after so many steps, asynchronous: %j, and hands out those asked for',
    async (asynchronous) => {
      const data = tiny(50, 9)
      const { run, weights, snapshots } = await runExperiment(experiment(), {
        ...{ data, backend: stock(asynchronous), steps: 9, snapshotSteps: [1, 9, 10] },
      })
      const whole = await runExperiment(experiment(), { data, backend: stock(), snapshotSteps: [9] })
      expect(run.status).toBe('interrupted')
      expect(run.history.stepLosses).toEqual(whole.run.history.stepLosses.slice(0, 9))
      expect([...snapshots.keys()]).toEqual([1, 9])
      expect(snapshots.get(9)).toEqual(weights)
      expect(snapshots.get(9)).toEqual(whole.snapshots.get(9))
      expect(snapshots.get(1)).not.toEqual(weights)
    },
  )

  test('learns, records every step and epoch, and leaks nothing', async () => {
    const before = memory().numTensors
    const progress: Progress[] = []
    const { run, weights, predictions } = await runExperiment(experiment({ epochs: 4 }), {
      data: tiny(50, 21),
      backend: stock(),
      onProgress: (event) => progress.push(event),
    })
    expect(memory().numTensors).toBe(before)
    expect(run.status).toBe('completed')
    expect(run.metrics.accuracy).toBeGreaterThan(0.9)
    expect(run.history.epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4])
    expect(run.history.stepLosses).toHaveLength(4 * 7) // 50 images in batches of 8: the last holds 2
    expect(progress.filter(({ type }) => type === 'step')).toHaveLength(28)
    expect(weights.get('fc2.bias')?.shape).toEqual([3])
    expect(predictions.before.classes).toHaveLength(21)
    expect(predictions.after.probabilities).toHaveLength(63)
    expect(parseRun(JSON.stringify(run))).toEqual(run)
  })

  test('every image weighs the same in the loss of an epoch, the last short batch too', async () => {
    const { run } = await runExperiment(experiment({ epochs: 1 }), { data: tiny(50, 3), backend: stock() })
    const weighted = run.history.stepLosses.reduce((sum, loss, i) => sum + loss * (i === 6 ? 2 : 8), 0) / 50
    expect(run.history.epochs[0]?.trainLoss).toBeCloseTo(weighted, 10)
  })

  test('the same experiment gives the same bytes, and reading losses late changes nothing', async () => {
    for (const optimizer of [{ name: 'sgd', momentum: 0.9 }, { name: 'adam' }] as const) {
      const once = await runExperiment(experiment({ optimizer }), { data: tiny(40, 6), backend: stock() })
      const late = await runExperiment(experiment({ optimizer }), { data: tiny(40, 6), backend: stock(true) })
      expect(late.weights).toEqual(once.weights)
      expect(late.run.history.stepLosses).toEqual(once.run.history.stepLosses)
    }
  })

  test('stops after the step in which it is told to, and gives what there is', async () => {
    const before = memory().numTensors
    const controller = new AbortController()
    const { run } = await runExperiment(experiment(), {
      data: tiny(50, 6),
      backend: stock(),
      signal: controller.signal,
      onProgress: (event) => {
        if (event.type === 'step' && event.epoch === 2 && event.step === 3) controller.abort()
      },
    })
    expect(run.status).toBe('interrupted')
    expect(run.history.stepLosses).toHaveLength(10)
    expect(run.history.epochs).toHaveLength(1)
    expect(run.metrics.count).toBe(6)
    expect(memory().numTensors).toBe(before)
  })

  test('between steps it can be paused and looked at: the same run, and the clock stands still', async () => {
    const [data, backend] = [tiny(600, 3), stock()]
    const plain = await runExperiment(experiment(), { data, backend })
    let [calls, paused] = [0, 0]
    const said: number[] = []
    const between = async ({ model, weights }: Standing) => {
      const from = performance.now()
      if (++calls <= 3) await new Promise((resolve) => setTimeout(resolve, 400))
      const { classes } = await predict(model, weights, data.test.images)
      said.push(...classes)
      paused += performance.now() - from
    }
    const began = performance.now()
    const { run, weights } = await runExperiment(experiment(), { data, backend, between })
    const { trainSeconds, evaluationSeconds } = run.timing
    expect(calls).toBeGreaterThan(0)
    expect(said).toHaveLength(3 * calls)
    expect(run.history.stepLosses).toEqual(plain.run.history.stepLosses)
    expect(weights).toEqual(plain.weights)
    expect(1000 * (trainSeconds + evaluationSeconds)).toBeLessThanOrEqual(performance.now() - began - paused)
  })

  test('a loss that is not a number stops the run and names the step', async () => {
    const before = memory().numTensors
    for (const asynchronous of [false, true]) {
      const wild = experiment({ model: 'linear', optimizer: { name: 'sgd', learningRate: 1e38 } })
      const run = runExperiment(wild, { data: tiny(50, 6), backend: stock(asynchronous) })
      await expect(run).rejects.toThrow(/the loss became (NaN|Infinity) at step \d of epoch 1 .* learning rate 1e\+38/)
      await expect(run).rejects.toBeInstanceOf(TrainError)
    }
    expect(memory().numTensors).toBe(before)
  })

  test('a model and data that do not fit are refused with both values', async () => {
    const layers = [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: 2 }] as const
    const few = experiment({ model: { name: 'few', input: [4, 4, 1], layers } })
    await expect(runExperiment(few, { data: tiny(9, 3), backend: stock() })).rejects.toThrow(
      'the model "few" tells 2 classes apart, the data set has 3',
    )
    const large = experiment({ model: { name: 'large', input: [5, 5, 1], layers } })
    await expect(runExperiment(large, { data: tiny(9, 3), backend: stock() })).rejects.toThrow(
      'takes images of [5, 5, 1], the data set has [4, 4, 1]',
    )
  })

  test('names the data set that it was trained on, or refuses both names', async () => {
    const data = tiny(9, 3)
    const { run } = await runExperiment({ model: 'linear', epochs: 1 }, { data, backend: stock() })
    expect(run.experiment.dataset).toBe('tiny')
    for (const dataset of ['tiny', './some/tiny', '/data/tiny/', 'C:\\data\\tiny', '.'])
      expect(
        (await runExperiment(experiment({ dataset, epochs: 1 }), { data, backend: stock() })).run.experiment,
      ).toEqual(experiment({ dataset, epochs: 1 }))
    for (const dataset of ['mnist', './tiny/other']) {
      const wrong = runExperiment(experiment({ dataset }), { data, backend: stock() })
      await expect(wrong).rejects.toThrow(`names the data set "${dataset}", the data are "tiny"`)
      await expect(wrong).rejects.toBeInstanceOf(TrainError)
    }
  })

  test('counts more than 256 classes', async () => {
    const layers = [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: 1000 }] as const
    const model = { name: 'wide', input: [4, 4, 1], layers } as const
    const shape = resolveModel(model)
    const weights = new Map(
      shape.parameters.map(({ name, shape }) => [
        name,
        { shape, data: new Float32Array(shape.reduce((a, b) => a * b)) },
      ]),
    )
    weights.get('fc.bias')?.data.set([1], 700)
    const data = tiny(9, 6)
    const result = await runExperiment(experiment({ model, epochs: 1, optimizer: { learningRate: 0 } }), {
      data,
      backend: stock(),
      initial: { weights },
    })
    expect([...result.predictions.after.classes]).toEqual([700, 700, 700, 700, 700, 700])
    expect(result.run.metrics.confusion[1]?.[700]).toBe(2)
    const files = runFiles(result, data.test.labels)
    const run = parseRun(files['run.json'] as string)
    expect([...readPredictions(files[predictionsFile] as Uint8Array, run).after]).toEqual(Array(6).fill(700))
  })

  test.each([false, true])('steps are seen alone where that is asked for, asynchronous: %s', async (asynchronous) => {
    const data = tiny(40, 6)
    const plain = await runExperiment(experiment(), { data, backend: stock() })
    const seen: string[] = []
    const { run, weights } = await runExperiment(experiment(), {
      data,
      backend: stock(asynchronous),
      stepwise: () => true,
      between: () => void seen.push('between'),
      onProgress: ({ type }) => void (type === 'step' && seen.push('step')),
    })
    // What lies between two steps is the first one's: an evaluation may come there, too.
    const steps = seen.filter((what, at) => what === 'step' || seen[at - 1] === 'step')
    expect(steps).toHaveLength(2 * plain.run.history.stepLosses.length)
    expect(steps.filter((_, at) => at % 2 === 1)).not.toContain('step')
    expect(run.history.stepLosses).toEqual(plain.run.history.stepLosses)
    expect(weights).toEqual(plain.weights)
  })

  test('drawing between epochs does not move the generator', async () => {
    const data = tiny(30, 3)
    const quiet = await runExperiment(experiment(), { data, backend: stock() })
    const busy = await runExperiment(experiment(), { data, backend: stock(), onProgress: () => void Math.random() })
    expect(busy.weights).toEqual(quiet.weights)
  })
})

test('evaluate counts every image once, whatever fills the last batch', async () => {
  const data = tiny(1234, 1001)
  const { weights, run } = await runExperiment(experiment({ epochs: 1 }), { data, backend: stock() })
  const model = resolveModel('two-layer', { input: [4, 4, 1], classes: 3 })
  const uploaded = uploadWeights(model, weights)
  const { evaluation, predictions } = await evaluate(model, uploaded, data.test, data.imageShape)
  disposeWeights(uploaded)
  expect(evaluation).toEqual(run.metrics)
  expect(evaluation.count).toBe(1001)
  expect(evaluation.confusion.flat().reduce((sum, n) => sum + n, 0)).toBe(1001)
  const right = predictions.classes.filter((predicted, i) => predicted === data.test.labels[i]).length
  expect(evaluation.correct).toBe(right)
})
