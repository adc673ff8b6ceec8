import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { ImageWorkerOptions } from '@digitlab/train'

/** Beside the thread that trains; more than a few have nothing to do. */
export const usualImageWorkers = Math.min(4, availableParallelism() - 1)

/** Threads that prepare the images of a run that changes them, from the built program's own file for them. */
export const imageWorkersOf = (count: number): ImageWorkerOptions => ({
  count,
  spawn: () => new Worker(new URL('./image-worker.js', import.meta.url)),
})

/** Of a run that has `threads` of the machine for itself while others have the rest: the one that trains, and these beside it. */
export const imageWorkersAmong = (threads: number): ImageWorkerOptions =>
  imageWorkersOf(Math.min(usualImageWorkers, threads - 1))
