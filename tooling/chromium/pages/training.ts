// What training.test.ts calls in the page: trains in a worker, and probes.
import type { Probe } from '@digitlab/backends'
import { backendOf, type PageBackendId } from './backends'
import type { Trained, Training } from './training-worker'

const train = (training: Training): Promise<Trained> =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./training-worker.ts', import.meta.url), { type: 'module' })
    worker.postMessage(training)
    const end = (settle: () => void) => {
      worker.terminate()
      settle()
    }
    worker.onmessage = ({ data }: MessageEvent<{ trained?: Trained; failed?: string }>) => {
      const { trained, failed } = data
      if (trained) end(() => resolve(trained))
      if (failed !== undefined) end(() => reject(new Error(failed)))
    }
    worker.onerror = ({ message }) => end(() => reject(new Error(message || 'the worker could not be loaded')))
  })

const probe = (id: PageBackendId): Promise<Probe> => backendOf(id).probe()

const api = { train, probe, isolated: crossOriginIsolated }
export type TrainingPage = typeof api

Object.assign(globalThis, { digitlab: api })
