import type { Backend } from '@digitlab/backends'
import { strokes } from '@digitlab/data'
import '@tensorflow/tfjs-backend-cpu'
import { env, setBackend } from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, expect, test, vi } from 'vitest'
import { completeExperiment, runExperiment, type WorkerOptions } from './index'

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
