import type { ImageWorkerOptions } from '@digitlab/train'

/** Threads that prepare the images of a training that changes them; without shared memory each holds the images once more, so one. */
export const imageWorkers = (): ImageWorkerOptions => ({
  count: globalThis.crossOriginIsolated ? Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1)) : 1,
  spawn: () => new Worker(new URL('./image-worker.ts', import.meta.url), { type: 'module' }),
})
