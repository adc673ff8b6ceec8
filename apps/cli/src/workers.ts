import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Backend } from '@digitlab/backends'
import type { WorkerOptions } from '@digitlab/train'

/** Threads that train on a backend, from the built program's own file for them. */
export const workersOn = ({ id }: Backend, count: number | 'auto'): WorkerOptions => ({
  count,
  most: availableParallelism(),
  spawn: () => new Worker(new URL('./worker.js', import.meta.url), { workerData: { backend: id } }),
})
