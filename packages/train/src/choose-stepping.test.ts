import type { Backend } from '@digitlab/backends'
import { strokes } from '@digitlab/data'
import '@tensorflow/tfjs-backend-cpu'
import { env, memory, setBackend } from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { completeExperiment, runExperiment, type WorkerOptions, type WorkerThread } from './index'
import { checkWorkers } from './workers'

const backend: Backend = {
  id: 'cpu',
  asynchronous: false,
  probe: async () => ({ usable: true, device: 'stock' }),
  start: async () => {
    await setBackend('cpu')
    return { id: 'cpu', device: 'stock', threads: 1, versions: {} }
  },
}
const data = await strokes({ trainCount: 64, testCount: 8 })

beforeAll(() => env().set('IS_TEST', true))
afterEach(() => vi.unstubAllGlobals())

/** Enough steps that they would be worth sharing; stops after the first. */
const firstStep = (count: WorkerOptions['count'], spawn: WorkerOptions['spawn']) => {
  const controller = new AbortController()
  return runExperiment(completeExperiment({ model: 'linear', dataset: 'strokes', epochs: 100_000, batchSize: 8 }), {
    data,
    backend,
    workers: { count, most: 4, spawn },
    signal: controller.signal,
    onProgress: ({ type }) => type === 'step' && controller.abort(),
  })
}

test.each([
  ['SharedArrayBuffer', undefined],
  ['crossOriginIsolated', false],
])(
  'where %s is %s, as in a page that is not isolated, auto stays at one thread and a number is refused',
  async (name, value) => {
    vi.stubGlobal(name, value)
    const spawn = vi.fn<WorkerOptions['spawn']>()
    expect((await firstStep('auto', spawn)).run.backend.threads).toBe(1)
    await expect(firstStep(2, spawn)).rejects.toThrow('serve it cross-origin isolated, or train with one worker')
    expect(spawn).not.toHaveBeenCalled()
  },
)

describe('how many workers there are', () => {
  beforeEach(() => vi.stubGlobal('navigator', { hardwareConcurrency: 2 }))

  test('more than processors are told of', async () => {
    const notices: string[] = []
    const { run } = await runExperiment(completeExperiment({ model: 'linear', dataset: 'strokes', epochs: 1 }), {
      data,
      backend,
      workers: { count: 1, spawn: () => expect.unreachable() },
      onProgress: (progress) => progress.type === 'notice' && notices.push(progress.sentence),
    })
    expect([run.backend.threads, notices]).toEqual([1, []])
    expect(checkWorkers({ count: 2 })).toBeUndefined()
    expect(checkWorkers({ count: 'auto' })).toBeUndefined()
    expect(checkWorkers({ count: 3 })).toBe('3 workers share 2 processors: training is faster with up to 2')
    expect(checkWorkers({ count: 8 })).toBe('8 workers share 2 processors: training is faster with up to 2')
  })

  test('several times as many are refused before a thread is started', async () => {
    const spawn = vi.fn<WorkerOptions['spawn']>()
    for (const count of [9, 64, 1000])
      await expect(firstStep(count, spawn)).rejects.toThrow(`${count} workers would take turns on 2 processors`)
    for (const count of [0, -1, 1.5, 1025, NaN])
      await expect(firstStep(count, spawn)).rejects.toThrow('must be "auto" or an integer from 1 to 1024')
    expect(spawn).not.toHaveBeenCalled()
  })

  test('where nobody tells how many processors there are, a number is taken as it is', () => {
    vi.stubGlobal('navigator', { hardwareConcurrency: 0 })
    expect(checkWorkers({ count: 64 })).toBeUndefined()
  })
})

describe('a worker that says nothing ends the run', () => {
  const patience = 50
  /** Answers the first so many messages, then nothing, and does not even end. */
  const silent = (answers: number, ends = true): WorkerThread => {
    let listener: (event: Event) => void = () => {}
    let asked = 0
    return {
      postMessage() {
        if (asked++ < answers) queueMicrotask(() => listener(new MessageEvent('message', { data: { type: 'done' } })))
      },
      terminate: () => (ends ? undefined : new Promise(() => {})),
      addEventListener: (event, given) => {
        if (event === 'message') listener = given
      },
    }
  }

  test.each<[string, number, string]>([
    ['when it is given the data', 0, 'worker 1 did not answer for 0.05 s'],
    ['when it is given the weights', 1, 'worker 1 did not answer for 0.05 s'],
    ['in the first step', 2, 'a worker did not answer for 0.05 s'],
  ])('%s', async (_, answers, message) => {
    const before = memory().numTensors
    for (const ends of [true, false]) {
      const run = runExperiment(completeExperiment({ model: 'linear', dataset: 'strokes', epochs: 2, batchSize: 8 }), {
        data,
        backend,
        workers: { count: 2, patience, spawn: () => silent(answers, ends) },
      })
      await expect(run).rejects.toThrow(`${message}: train with one worker, or fewer of them`)
    }
    expect(memory().numTensors).toBe(before)
  })
})

test('where memory is shared, auto tries threads, and one that does not start says so', async () => {
  const spawn = vi.fn<WorkerOptions['spawn']>(() => {
    const listeners = new Map<string, (event: Event) => void>()
    return {
      // What a browser tells of a file that it can't load: an event without a message.
      postMessage: () => listeners.get('error')?.(new Event('error')),
      terminate() {},
      addEventListener: (event: string, listener: (event: Event) => void) => void listeners.set(event, listener),
    }
  })
  await expect(firstStep('auto', spawn)).rejects.toThrow('worker 1 stopped (it could not be loaded)')
  expect(spawn).toHaveBeenCalledTimes(1)
})
