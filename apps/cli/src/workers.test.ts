// --workers: the number of threads changes the time and no bit.
import { cpuBackend } from '@digitlab/backend-cpu'
import { takenPaths, wasmBackend } from '@digitlab/backend-wasm'
import type { Backend } from '@digitlab/backends'
import { strokes } from '@digitlab/data'
import {
  completeExperiment,
  readCheckpoint,
  runExperiment,
  writeCheckpoint,
  type Checkpoint,
  type ExperimentInput,
  type Progress,
  type RunOptions,
} from '@digitlab/train'
import { memory } from '@tensorflow/tfjs-core'
import { describe, expect, test, vi } from 'vitest'

const everything = process.env['DIGITLAB_ALL'] === '1'
/** The last batch of 64 holds 16. */
const few = await strokes(everything ? { trainCount: 2000, testCount: 300 } : { trainCount: 1040, testCount: 100 })
/** Batches of 64, and one of 16. */
const fewest = everything ? 400 : 144
const fewer = {
  ...few,
  train: {
    images: few.train.images.subarray(0, fewest * 784),
    labels: few.train.labels.subarray(0, fewest),
    count: fewest,
  },
}
const counts = everything ? [2, 3, 4, 7, 8] : [3, 8]
/** Of what is only another rule or net. */
const fewCounts = everything ? [2, 3] : [3]

const experiment = (model: string, more: Partial<ExperimentInput> = {}) =>
  completeExperiment({ model, dataset: 'strokes', epochs: 2, batchSize: 64, ...more })

const train = async (
  of: ExperimentInput,
  workers: number | 'auto',
  more: Partial<RunOptions> = {},
  backend: Backend = wasmBackend(),
) => {
  await backend.start()
  const before = memory().numTensors
  const result = await runExperiment(of, { data: few, backend, workers, ...more })
  expect(memory().numTensors, 'tensors after the run').toBe(before)
  return result
}

/** Everything that is computed. */
const bytes = ({ run, weights, predictions }: Awaited<ReturnType<typeof train>>) => ({
  weights: [...weights.values()].map(({ data }) => Buffer.from(data.slice().buffer).toString('base64')),
  losses: run.history.stepLosses,
  metrics: run.metrics,
  epochs: run.history.epochs.map(({ trainLoss, trainAccuracy, testLoss, testAccuracy }) => [
    ...[trainLoss, trainAccuracy, testLoss, testAccuracy],
  ]),
  predictions,
})

describe('the same bytes with any number of threads', () => {
  test.each(['linear', 'two-layer', 'cnn'])(
    '%s',
    async (model) => {
      const alone = await train(experiment(model), 1)
      expect(alone.run.backend.threads).toBe(1)
      for (const count of counts) {
        const shared = await train(experiment(model), count)
        expect(shared.run.backend.threads).toBe(count)
        expect(bytes(shared), `${count} threads`).toEqual(bytes(alone))
      }
    },
    120_000,
  )

  test.each([
    ...['lenet-5', 'cnn-batch-norm', 'pytorch-example'],
    ...(everything ? ['champion', 'sprint', 'mlp'] : []),
  ])(
    '%s, as it is usually trained',
    async (model) => {
      const of = experiment(model, { epochs: 1 })
      const alone = bytes(await train(of, 1, { data: fewer }))
      for (const count of fewCounts)
        expect(bytes(await train(of, count, { data: fewer })), `${count} threads`).toEqual(alone)
    },
    120_000,
  )

  test.each(['adamw', 'adadelta', 'rmsprop', 'adagrad', 'nadam'] as const)(
    'with %s, normalized images, averaged weights',
    async (name) => {
      const of = experiment('linear', {
        ...{ epochs: 1, optimizer: { name }, normalize: { mean: 0.1307, std: 0.3081 }, averageWeights: { decay: 0.9 } },
      })
      const alone = bytes(await train(of, 1, { data: fewer }))
      for (const count of fewCounts)
        expect(bytes(await train(of, count, { data: fewer })), `${count} threads`).toEqual(alone)
    },
  )

  test.each([
    ['momentum', { optimizer: { momentum: 0.9, learningRate: 0.02 }, batchSize: 333 }],
    ['adam', { optimizer: { name: 'adam' }, batchSize: 7 }],
  ] as const)('with %s, and batches of no round size', async (_, more) => {
    const of = experiment('two-layer', { ...more, epochs: 1 })
    const alone = bytes(await train(of, 1))
    for (const count of fewCounts) expect(bytes(await train(of, count))).toEqual(alone)
  })

  test.each([
    ['clipped gradients, which are summed before they are changed', 'two-layer', { clipGradNorm: 0.5 }],
    ['another rule', 'two-layer', { optimizer: { name: 'rmsprop', learningRate: 0.001 } }],
    ['pixels that are normalized', 'two-layer', { normalize: { mean: 0.13, std: 0.31 } }],
    ['layers that draw', 'mlp', {}],
    ['batch normalization', 'cnn-batch-norm', { optimizer: { learningRate: 0.01 } }],
  ] as const)('with %s', async (_, model, more) => {
    const of = experiment(model, { ...more, epochs: 1 })
    const alone = bytes(await train(of, 1))
    expect(bytes(await train(of, 2))).toEqual(alone)
  })

  test('without relaxed SIMD as well', async () => {
    const of = experiment('cnn', { epochs: 1 })
    const plain = async (count: number) => bytes(await train(of, count, {}, wasmBackend({ simd: 'plain' })))
    expect(await plain(2)).toEqual(await plain(1))
  }, 60_000)

  test('auto', async () => {
    const of = experiment('linear')
    expect(bytes(await train(of, 'auto'))).toEqual(bytes(await train(of, 1)))
  })

  test('a run that is stopped with one number and goes on with another', async () => {
    const of = experiment('cnn')
    const whole = bytes(await train(of, 1))
    const controller = new AbortController()
    let kept: Checkpoint | undefined
    await train(of, 2, {
      signal: controller.signal,
      onProgress: (progress: Progress) => void (progress.type === 'step' && progress.step === 10 && controller.abort()),
      checkpoint: { save: async (checkpoint) => void (kept = checkpoint) },
    })
    const file = await writeCheckpoint(kept as Checkpoint)
    expect(Buffer.from(file).includes('workers')).toBe(false)
    expect(bytes(await train(of, 3, { resume: await readCheckpoint(file) }))).toEqual(whole)
  }, 60_000)
})

test('a thread that is gone ends the run in a sentence, and the checkpoint before it is good', async () => {
  const backend = wasmBackend()
  const of = experiment('cnn', { epochs: 50 })
  let kept: Checkpoint | undefined
  const checkpoint = { every: { steps: 5 }, save: async (made: Checkpoint) => void (kept = made) }
  const { Worker } = await import('node:worker_threads')
  const posted = vi.spyOn(Worker.prototype, 'postMessage')
  let steps = 0
  const onProgress = async ({ type }: Progress) => {
    if (type === 'step' && ++steps === 20)
      await Promise.all(
        [...new Set(posted.mock.contexts as InstanceType<typeof Worker>[])].map((worker) => worker.terminate()),
      )
  }
  try {
    const run = train(of, 2, { onProgress, checkpoint }, backend)
    await expect(run).rejects.toMatchObject({ name: 'BackendError', code: 'thread-lost' })
    await expect(run).rejects.toThrow(/^thread 2 of 2 stopped \(it ended with code 1\): train with one thread/)
  } finally {
    posted.mockRestore()
  }
  const controller = new AbortController()
  const { run } = await train(of, 2, {
    resume: kept as Checkpoint,
    signal: controller.signal,
    onProgress: ({ type }: Progress) => void (type === 'step' && controller.abort()),
  })
  expect(run.history.stepLosses.length).toBeGreaterThan(15)
}, 60_000)

test('a backend of one thread says so, a device of its own and a number that is none are refused', async () => {
  const told: Progress[] = []
  const onProgress = (progress: Progress) => void told.push(progress)
  const { run } = await train(experiment('linear', { epochs: 1 }), 2, { onProgress }, cpuBackend())
  expect(run.backend.threads).toBe(1)
  expect(told).toContainEqual({
    type: 'notice',
    sentence: 'the backend "cpu" computes on one thread, with the same results: 2 workers are for others',
  })
  const refused = (count: number, backend: Backend = wasmBackend()) =>
    runExperiment(experiment('linear'), { data: few, backend, workers: count })
  await expect(refused(1.5)).rejects.toThrow('must be "auto" or an integer from 1 to 64, not 1.5')
  await expect(refused(2, { ...wasmBackend(), asynchronous: true })).rejects.toThrow('computes on a device of its own')
})

test('the kernels of training are those of the fast paths, with relaxed SIMD and without', async () => {
  for (const simd of ['relaxed', 'plain'] as const) {
    const before = takenPaths()
    const { run } = await train(experiment('cnn', { epochs: 1 }), 1, {}, wasmBackend({ simd }))
    expect(Object.values(run.backend.operations).every((path) => path === 'kernel')).toBe(true)
    const after = takenPaths()
    const taken = Object.keys(after).filter((path) => (after[path] ?? 0) > (before[path] ?? 0))
    expect(taken.sort()).toEqual([
      ...['convReluPool single', 'convReluPool sparse', 'convReluPoolGrad rows', 'convReluPoolGrad single'],
      ...['dense narrow', 'denseGrad narrow'],
    ])
  }
})
