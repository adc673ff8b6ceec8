// Runs whose training images are others every epoch: whoever prepares them, they are the same.
import { Worker } from 'node:worker_threads'
import { memory } from '@tensorflow/tfjs-core'
import { describe, expect, test, vi } from 'vitest'
import { createAugmenter } from './augment-images'
import { readCheckpoint, runExperiment, writeCheckpoint, firstLosses64, defineAugmentation } from './index'
import { blockImages } from './image-stream'
import { imageServer } from './image-server'
import type { FromImageWorker, ToImageWorker } from './image-messages'
import type { ExperimentInput, Extensions, ImageWorkerOptions, RunOptions, WorkerThread } from './index'
import { stock, tiny, tinyExperiment } from './testing/tiny'

/** Three blocks of images, the last one short. */
const data = tiny(2 * blockImages + 100, 9)
const augment: ExperimentInput['augment'] = [
  { name: 'affine', shift: 1, rotate: 20 },
  { name: 'elastic', alpha: 2, sigma: 1 },
  { name: 'cutout', size: 1 },
]
const mixing: ExperimentInput['augment'] = [
  { name: 'affine', shift: 1 },
  { name: 'mixup', alpha: 1 },
]
const experiment = (more: Partial<ExperimentInput> = {}) => tinyExperiment({ batchSize: 100, augment, ...more })
const run = (options: Partial<RunOptions> = {}, more: Partial<ExperimentInput> = {}) =>
  runExperiment(experiment(more), { data, backend: stock(), ...options })

/** A thread of the test's own: what it is told and answers goes by way of the event loop, as of a real one. */
const thread = (
  answer: (message: ToImageWorker) => FromImageWorker | undefined = imageServer({}),
): WorkerThread & { readonly ended: () => boolean; readonly stop: (code: number) => void } => {
  const listeners = new Map<string, (value: unknown) => void>()
  let ended = false
  return {
    postMessage(message, transfer = []) {
      const received: unknown = structuredClone(message, { transfer: [...transfer] })
      setImmediate(() => {
        const answered = ended ? undefined : answer(received as ToImageWorker)
        if (answered) setImmediate(() => listeners.get('message')?.(answered))
      })
    },
    terminate: () => (ended = true),
    on: (event, listener) => listeners.set(event, listener),
    ended: () => ended,
    stop: (code) => listeners.get('exit')?.(code),
  }
}
const threads = (count: number, make: (i: number) => WorkerThread = () => thread()): ImageWorkerOptions => {
  let started = 0
  return { count, spawn: () => make(started++) }
}

test.each([
  ['changed', augment],
  ['mixed', mixing],
])('images that are %s train as in float64, and differ every epoch', async (_, augment) => {
  const before = memory().numTensors
  const { run: found } = await run({}, { augment })
  expect(memory().numTensors).toBe(before)
  const exact = firstLosses64(experiment({ augment }), data, 8)
  exact.forEach((loss, i) => expect(found.history.stepLosses[i]).toBeCloseTo(loss, 5))
  const plain = await run({}, { augment: [] })
  expect(found.history.stepLosses[0]).not.toBe(plain.run.history.stepLosses[0])
  // The weights do not move: only the images can make the second epoch another.
  const still = await run({}, { augment, optimizer: { learningRate: 0 } })
  const [first, second] = still.run.history.epochs
  expect(first!.trainLoss).not.toBe(second!.trainLoss)
  expect(first!.testLoss).toBe(second!.testLoss)
})

test('the data set stays as it is', async () => {
  const [images, labels] = [data.train.images.slice(), data.train.labels.slice()]
  await run({}, { augment: mixing })
  expect(data.train.images).toEqual(images)
  expect(data.train.labels).toEqual(labels)
})

test.each([
  ['changed', augment],
  ['mixed', mixing],
])('images that are %s are the same with no thread, one and two', async (_, augment) => {
  const alone = await run({}, { augment })
  for (const count of [0, 1, 2]) {
    const helped = await run({ imageWorkers: threads(count) }, { augment })
    expect(helped.run.history.stepLosses).toEqual(alone.run.history.stepLosses)
    expect(helped.weights).toEqual(alone.weights)
  }
})

test('a batch of more than a block waits for all of them', async () => {
  const alone = await run({}, { batchSize: data.train.count })
  const helped = await run({ imageWorkers: threads(2) }, { batchSize: data.train.count })
  expect(helped.weights).toEqual(alone.weights)
})

test.each([
  ['changed', augment],
  ['mixed', mixing],
])('a run of images that are %s goes on from every checkpoint to the bit', async (_, augment) => {
  const saved: Uint8Array[] = []
  const save = async (checkpoint: Parameters<typeof writeCheckpoint>[0]) =>
    void saved.push(await writeCheckpoint(checkpoint))
  const whole = await run({ checkpoint: { every: { steps: 3 }, save } }, { augment })
  expect(saved.length).toBeGreaterThan(6)
  for (const bytes of saved.slice(1)) {
    const resumed = await run({ resume: await readCheckpoint(bytes), imageWorkers: threads(1) }, { augment })
    expect(resumed.run.history.stepLosses).toEqual(whole.run.history.stepLosses)
    expect(resumed.weights).toEqual(whole.weights)
  }
})

test('a checkpoint goes on with its own augmentation only', async () => {
  let saved: Uint8Array | undefined
  await run({
    checkpoint: { save: async (one) => void (saved = await writeCheckpoint(one)) },
    signal: AbortSignal.abort(),
  })
  const resumed = run({ resume: await readCheckpoint(saved!) }, { augment: mixing })
  await expect(resumed).rejects.toThrow('the checkpoint is of another run: its augment is [{"name":"affine"')
})

describe('threads', () => {
  test('end with the run', async () => {
    const made: ReturnType<typeof thread>[] = []
    const imageWorkers = threads(2, () => {
      const one = thread()
      made.push(one)
      return one
    })
    await run({ imageWorkers })
    expect(made.map((one) => one.ended())).toEqual([true, true])
  })

  test('that cannot be started leave the work to the thread that trains, which says so', async () => {
    const alone = await run()
    const told: string[] = []
    const onProgress: RunOptions['onProgress'] = (progress) => {
      if (progress.type === 'notice') told.push(progress.sentence)
    }
    const missing = threads(2, () => new Worker(new URL('./no-such-file.js', import.meta.url)))
    const refused = threads(1, () => {
      throw new Error('no threads here')
    })
    for (const [imageWorkers, why] of [
      [missing, 'Cannot find module'],
      [refused, 'no threads here'],
    ] as const) {
      const helped = await run({ imageWorkers, onProgress })
      expect(helped.weights).toEqual(alone.weights)
      expect(told.pop()).toContain(why)
    }
  })

  test.each<[string, (one: ReturnType<typeof thread>) => FromImageWorker | undefined, string, number]>([
    [
      'dies',
      (one) => {
        one.stop(7)
        return undefined
      },
      'the thread 1 that prepares images stopped (its thread ended with code 7): train with fewer of them, or with none',
      60_000,
    ],
    ['fails', () => ({ type: 'failed', message: 'out of paper' }), 'stopped (out of paper)', 60_000],
    ['says nothing', () => undefined, 'stopped (it did not answer for 1 s)', 1000],
  ])('one that %s ends the run in a sentence', async (_, answer, sentence, patience) => {
    const serve = imageServer({})
    let asked = 0
    const one: ReturnType<typeof thread> = thread((message) =>
      message.type === 'load' || ++asked < 3 ? serve(message) : answer(one),
    )
    const imageWorkers: ImageWorkerOptions = { count: 1, spawn: () => one, patience }
    await expect(run({ imageWorkers }, { epochs: 9 })).rejects.toMatchObject({
      name: 'TrainError',
      code: 'workers',
      message: expect.stringContaining(sentence) as string,
    })
    expect(one.ended()).toBe(true)
  })

  test('have so many blocks in hand, and no more', async () => {
    const long = tiny(40 * blockImages, 9)
    const counts = new Set<number>()
    let [asked, most] = [0, 0]
    const serve = imageServer({})
    const one = thread((message) => {
      if (message.type === 'block') counts.add(message.indices.length)
      asked++
      return serve(message)
    })
    const between = () => void (most = Math.max(most, asked))
    const stop = new AbortController()
    const onProgress: RunOptions['onProgress'] = async ({ type }) => {
      if (type !== 'step') return
      await new Promise((resolve) => setTimeout(resolve, 200)) // long enough to make all of them
      between()
      stop.abort()
    }
    const imageWorkers: ImageWorkerOptions = { count: 1, spawn: () => one }
    await runExperiment(experiment(), { data: long, backend: stock(), imageWorkers, onProgress, signal: stop.signal })
    expect([...counts]).toEqual([blockImages])
    expect(most).toBeLessThanOrEqual(1 + 1 + 16) // the data set, the block that was trained on, those ahead
  })

  test.each([-1, 0.5, 65, NaN])('are not %d', async (count) => {
    await expect(run({ imageWorkers: threads(count) })).rejects.toThrow(
      `the number of threads that prepare images must be an integer from 0 to 64, not ${count}`,
    )
  })
})

test('the images are those of the augmenter, in the order of the epoch', async () => {
  const seen: number[][] = []
  const spy = defineAugmentation({
    name: 'spy',
    options: {},
    paint: () => (draws, image) => {
      image[0] = draws.next() % 256
      seen.push([...image])
    },
  })
  const extensions: Extensions = { augmentations: [spy] }
  const given = { ...experiment(), augment: [{ name: 'spy' }], epochs: 1 }
  await runExperiment(given, { data, backend: stock(), extensions })
  const trained = Int32Array.from({ length: data.train.count }, (_, i) => i)
  const rendered = new Set(seen.splice(0).map((image) => image.join()))
  const into = new Uint8Array(16)
  for (let i = 0; i < data.train.count; i++) {
    createAugmenter(given, { ...data, images: data.train.images, trained }, extensions)!.render(
      1,
      0,
      Int32Array.of(i),
      into,
    )
    expect(rendered.has(into.join())).toBe(true)
  }
})

test('data that do not fit an augmentation are refused before anything is started', async () => {
  const spawn = vi.fn()
  const refused = run({ imageWorkers: { count: 1, spawn } }, { augment: { name: 'affine', shift: 4 } })
  await expect(refused).rejects.toThrow('the augmentation affine shifts by up to 4 pixels, the images are 4 x 4')
  expect(spawn).not.toHaveBeenCalled()
})
