// The threads of --workers, as the built program starts them.
import { Worker } from 'node:worker_threads'
import { cpuBackend } from '@digitlab/backend-cpu'
import { takenPaths, wasmBackend } from '@digitlab/backend-wasm'
import type { Backend } from '@digitlab/backends'
import { strokes } from '@digitlab/data'
import { completeExperiment, runExperiment, TrainError, type Progress, type WorkerOptions } from '@digitlab/train'
import { memory } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'

const data = await strokes()
const few = {
  ...data,
  train: {
    images: data.train.images.subarray(0, 2000 * 784),
    labels: data.train.labels.subarray(0, 2000),
    count: 2000,
  },
  test: { images: data.test.images.subarray(0, 300 * 784), labels: data.test.labels.subarray(0, 300), count: 300 },
}

const workers = (backend: string, count: number | 'auto', onSpawn: (worker: Worker) => void = () => {}) => {
  const alive = new Set<Worker>()
  const options: WorkerOptions = {
    count,
    most: 2,
    spawn: () => {
      const worker = new Worker(new URL('../dist/worker.js', import.meta.url), {
        workerData: { backend },
        execArgv: [],
      })
      alive.add(worker)
      worker.on('exit', () => alive.delete(worker))
      onSpawn(worker)
      return worker
    },
  }
  return { alive, options }
}

const experiment = (model: string, more: object = {}) =>
  completeExperiment({ model, dataset: 'strokes', epochs: 2, batchSize: 64, ...more })

const train = async (backend: Backend, model: string, count: number | 'auto', more: object = {}) => {
  const { alive, options } = workers(backend.id, count)
  await backend.start()
  const before = memory().numTensors
  const result = await runExperiment(experiment(model, more), { data: few, backend, workers: options })
  expect(memory().numTensors, 'tensors after the run').toBe(before)
  expect(alive.size, 'threads after the run').toBe(0)
  return result
}

const bytes = ({ weights }: Awaited<ReturnType<typeof train>>) => [...weights.values()].map(({ data }) => data)

describe.each([
  ['wasm', wasmBackend],
  ['cpu', cpuBackend],
] as const)('workers on %s', (_, backend) => {
  test.each(['linear', 'two-layer', 'cnn'])(
    'two give the same run every time, and that of one to rounding: %s',
    async (model) => {
      const [first, second, alone] = [
        await train(backend(), model, 2),
        await train(backend(), model, 2),
        await train(backend(), model, 1),
      ]
      expect(first.run.backend.threads).toBe(2)
      expect(alone.run.backend.threads).toBe(1)
      expect(second.run.history.stepLosses).toEqual(first.run.history.stepLosses)
      expect(bytes(second)).toEqual(bytes(first))
      const apart = first.run.history.stepLosses.map((loss, i) =>
        Math.abs(loss - (alone.run.history.stepLosses[i] ?? NaN)),
      )
      expect(Math.max(...apart)).toBeLessThan(1e-3)
      expect(first.run.history.epochs[1]?.trainAccuracy).toBeCloseTo(
        alone.run.history.epochs[1]?.trainAccuracy ?? NaN,
        2,
      )
    },
    60_000,
  )
})

test('momentum and adam, three workers, a batch smaller than the team', async () => {
  for (const optimizer of [{ momentum: 0.9, learningRate: 0.02 }, { name: 'adam' }]) {
    const more = { optimizer, batchSize: 333, epochs: 1 } // 2000 images: the last batch holds two
    const [shared, alone] = [
      await train(wasmBackend(), 'two-layer', 3, more),
      await train(wasmBackend(), 'two-layer', 1, more),
    ]
    expect(shared.run.metrics.meanLoss).toBeCloseTo(alone.run.metrics.meanLoss, 4)
  }
}, 60_000)

test('auto stays at one where starting a thread costs more than it gives', async () => {
  expect((await train(wasmBackend(), 'linear', 'auto')).run.backend.threads).toBe(1)
})

test('auto takes what a trial finds fastest', async () => {
  const { run } = await train(cpuBackend(), 'cnn', 'auto', { epochs: 1 })
  expect([1, 2]).toContain(run.backend.threads)
}, 60_000)

test('stopping in the middle of an epoch gives the run so far', async () => {
  const controller = new AbortController()
  const { alive, options } = workers('wasm', 2)
  const steps: number[] = []
  const onProgress = (progress: Progress) => {
    if (progress.type === 'step' && steps.push(progress.loss) === 40) controller.abort()
  }
  const { run } = await runExperiment(experiment('two-layer'), {
    ...{ data: few, backend: wasmBackend(), workers: options, onProgress, signal: controller.signal },
  })
  expect(run.status).toBe('interrupted')
  expect(run.history.stepLosses).toEqual(steps)
  expect(steps).toHaveLength(40)
  expect(alive.size).toBe(0)
})

test('a thread that dies in the middle is an error, not a wait for ever', async () => {
  let doomed: Worker | undefined
  const { alive, options } = workers('wasm', 2, (worker) => (doomed = worker))
  let steps = 0
  const onProgress = ({ type }: Progress) => void (type === 'step' && ++steps === 20 && doomed?.terminate())
  const run = runExperiment(experiment('cnn', { epochs: 50 }), {
    ...{ data: few, backend: wasmBackend(), workers: options, onProgress },
  })
  await expect(run).rejects.toBeInstanceOf(TrainError)
  await expect(run).rejects.toThrow(/worker 1 stopped \(its thread ended with code 1\): train with one worker/)
  expect(alive.size).toBe(0)
}, 60_000)

test('a thread that can not start, and a count that is none, are errors', async () => {
  const spawn = () => new Worker('throw new Error("no such backend")', { eval: true, execArgv: [] })
  const run = (count: number, backend: Backend = wasmBackend()) =>
    runExperiment(experiment('linear'), { data: few, backend, workers: { count, spawn } })
  await expect(run(2)).rejects.toThrow('worker 1 stopped (no such backend)')
  await expect(run(1.5)).rejects.toThrow('must be "auto" or an integer from 1 to 1024, not 1.5')
  await expect(run(2, { ...wasmBackend(), asynchronous: true })).rejects.toThrow('computes on a device of its own')
})

test('the kernels of training are those of the fast paths, with relaxed SIMD and without', async () => {
  for (const simd of ['relaxed', 'plain'] as const) {
    const before = takenPaths()
    const { run } = await runExperiment(experiment('cnn', { epochs: 1 }), { data: few, backend: wasmBackend({ simd }) })
    expect(Object.values(run.backend.operations).every((path) => path === 'kernel')).toBe(true)
    const after = takenPaths()
    const taken = Object.keys(after).filter((path) => (after[path] ?? 0) > (before[path] ?? 0))
    expect(taken.sort()).toEqual([
      ...['convReluPool direct', 'convReluPool single', 'convReluPoolGrad rows', 'convReluPoolGrad single'],
      ...['dense narrow', 'denseGrad narrow'],
    ])
  }
})
