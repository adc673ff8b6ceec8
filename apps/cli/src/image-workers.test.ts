// The threads of --image-workers, as the built program starts them, on the backends that have kernels.
import { Worker } from 'node:worker_threads'
import { cpuBackend } from '@digitlab/backend-cpu'
import { wasmBackend } from '@digitlab/backend-wasm'
import { strokes } from '@digitlab/data'
import {
  completeExperiment,
  firstLosses64,
  readCheckpoint,
  runExperiment,
  writeCheckpoint,
  type ExperimentInput,
  type ImageWorkerOptions,
  type RunOptions,
} from '@digitlab/train'
import { memory } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { imageWorkersAmong, usualImageWorkers } from './image-workers'

/** Thirty steps an epoch. */
const [count, batchSize] = process.env['DIGITLAB_ALL'] === '1' ? [1500, 50] : [480, 16]
const few = await strokes({ trainCount: count, testCount: 100 })
const augment: ExperimentInput['augment'] = [
  { name: 'affine', shift: 2, rotate: 15 },
  { name: 'elastic' },
  { name: 'cutout' },
]
const experiment = (more: Partial<ExperimentInput> = {}) =>
  completeExperiment({ model: 'two-layer', dataset: 'strokes', epochs: 2, batchSize, augment, ...more })

const alive = new Set<Worker>()
const threads = (count: number): ImageWorkerOptions => ({
  count,
  spawn() {
    const worker = new Worker(new URL('../dist/image-worker.js', import.meta.url), { execArgv: [] })
    alive.add(worker)
    worker.on('exit', () => alive.delete(worker))
    return worker
  },
})

describe.each([
  ['wasm', wasmBackend],
  ['cpu', cpuBackend],
] as const)('on %s', (_, make) => {
  const train = (options: Partial<RunOptions> = {}, more: Partial<ExperimentInput> = {}) =>
    runExperiment(experiment(more), { data: few, backend: make(), ...options })

  test('the bits are those of one thread, from every checkpoint on, and nothing is left behind', async () => {
    const pixels = few.train.images.slice()
    await make().start()
    const before = memory().numTensors
    const alone = await train()
    const saved: Uint8Array[] = []
    const helped = await train({
      imageWorkers: threads(2),
      checkpoint: {
        every: { steps: 13 },
        save: async (checkpoint) => void saved.push(await writeCheckpoint(checkpoint)),
      },
    })
    expect(helped.run.history.stepLosses).toEqual(alone.run.history.stepLosses)
    expect(helped.weights).toEqual(alone.weights)
    const resume = await readCheckpoint(saved.at(-1)!)
    expect([resume.epoch, resume.step]).toEqual([2, 22])
    const resumed = await train({ resume, imageWorkers: threads(1) })
    expect(resumed.run.history.stepLosses).toEqual(alone.run.history.stepLosses)
    expect(resumed.weights).toEqual(alone.weights)
    expect(memory().numTensors).toBe(before)
    expect(alive.size).toBe(0)
    expect(few.train.images).toEqual(pixels)
  })

  test('mixed images train, with the bits of one thread', async () => {
    const mixing = {
      augment: [
        { name: 'affine', rotate: 10 },
        { name: 'mixup', alpha: 1 },
      ],
    } as const
    const [alone, helped] = [await train({}, mixing), await train({ imageWorkers: threads(1) }, mixing)]
    expect(helped.weights).toEqual(alone.weights)
    const { epochs } = alone.run.history
    expect(epochs[1]!.trainLoss).toBeLessThan(epochs[0]!.trainLoss)
  })
})

test.each([
  ['changed', {}],
  ['mixed', { augment: [{ name: 'mixup', alpha: 1 }] }],
] as const)('steps on %s images are repeated from their recording', async (_, more) => {
  const wasm = wasmBackend()
  let recorded = 0
  const record: typeof wasm.record = (compute) => {
    recorded++
    return wasm.record!(compute)
  }
  const { run } = await runExperiment(experiment(more), { data: few, backend: { ...wasm, record } })
  expect(recorded).toBeLessThanOrEqual(2 * 4) // of 60 steps: an epoch begins anew, and may try more than once
  const exact = firstLosses64(experiment(more), few, 12)
  exact.forEach((loss, i) => expect(run.history.stepLosses[i]).toBeCloseTo(loss, 5))
})

test('a run of a sweep has a thread for its images for each beyond the first', () => {
  expect([1, 2, 99].map((threads) => imageWorkersAmong(threads).count)).toEqual([
    ...[0, Math.min(1, usualImageWorkers), usualImageWorkers],
  ])
})
