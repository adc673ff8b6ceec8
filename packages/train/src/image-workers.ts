// Threads that prepare images, seen from the one that trains.
import type { ImageSource } from './augment-images'
import type { Experiment } from './complete-experiment'
import type { FromImageWorker, ToImageWorker } from './image-messages'
import { TrainError } from './train-error'

/** A Worker of node:worker_threads or of a browser. */
export interface WorkerThread {
  /** Sends a message to the thread. */
  postMessage(message: unknown, transfer: ArrayBuffer[]): void
  /** Ends the thread at once. */
  terminate(): unknown
  /** How node:worker_threads tells of answers and of the end. */
  on?(event: 'message' | 'error' | 'exit', listener: (value: unknown) => void): unknown
  /** How a browser does. */
  addEventListener?(event: 'message' | 'error', listener: (event: object) => void): void
}

/** Threads that prepare the augmented images of the steps to come while the thread that trains computes. */
export interface ImageWorkerOptions {
  /** How many; 0 for none. The images are the same with any number of them. */
  readonly count: number
  /** Starts a thread whose file calls `serveImages` of @digitlab/train/images. */
  readonly spawn: () => WorkerThread
  /** How long a thread may say nothing while it is waited for, in milliseconds, before the run ends: 60,000 by default. */
  readonly patience?: number
}

const most = 64

/** @throws TrainError if it is not a number of threads */
export const checkImageWorkers = (count: number): void => {
  if (!(Number.isInteger(count) && count >= 0 && count <= most))
    throw new TrainError(`the number of threads that prepare images must be an integer from 0 to ${most}, not ${count}`)
}

/** Images of an epoch, from a position on. */
export interface Block {
  readonly epoch: number
  readonly start: number
  readonly room: ArrayBuffer
}

/** One thread. */
export interface ImageWorker {
  /** Blocks that it was asked for and has not made. */
  readonly busy: number
  /** Resolves once it is there with the images. */
  load(experiment: Experiment, source: ImageSource): Promise<void>
  /** @throws TrainError, later, where it has stopped or says nothing */
  make(block: Block, indices: Int32Array): Promise<Block>
  end(): Promise<void>
}

interface Waiting {
  readonly resolve: (answer: FromImageWorker) => void
  readonly reject: (error: Error) => void
}

/** @param number from 1, for errors */
export const createImageWorker = (thread: WorkerThread, number: number, patience: number): ImageWorker => {
  const waiting: Waiting[] = []
  let failure: Error | undefined
  let ended = false
  let timer: ReturnType<typeof setTimeout> | undefined
  const fail = (why: string) => {
    clearTimeout(timer)
    if (ended) return
    failure ??= new TrainError(
      `the thread ${number} that prepares images stopped (${why}): train with fewer of them, or with none`,
      { code: 'workers' },
    )
    for (const { reject } of waiting.splice(0)) reject(failure)
  }
  const watch = () => {
    clearTimeout(timer)
    if (waiting.length > 0) timer = setTimeout(() => fail(`it did not answer for ${patience / 1000} s`), patience)
  }
  const answered = (answer: FromImageWorker) => {
    if (answer.type === 'failed') return fail(answer.message)
    waiting.shift()?.resolve(answer)
    watch()
  }
  if (thread.on) {
    thread.on('message', (answer) => answered(answer as FromImageWorker))
    thread.on('error', (error) => fail((error as Error).message))
    thread.on('exit', (code) => fail(`its thread ended with code ${String(code)}`))
  } else {
    thread.addEventListener?.('message', (event) => answered((event as MessageEvent<FromImageWorker>).data))
    // A file that is not there, or that the page may not load, gives an event without a message.
    thread.addEventListener?.('error', (event) => fail((event as ErrorEvent).message || 'it could not be loaded'))
  }
  const ask = (message: ToImageWorker, transfer: ArrayBuffer[] = []) =>
    new Promise<FromImageWorker>((resolve, reject) => {
      if (failure) return reject(failure)
      waiting.push({ resolve, reject })
      thread.postMessage(message, transfer)
      if (waiting.length === 1) watch()
    })
  return {
    get busy() {
      return waiting.length
    },
    async load(experiment, source) {
      await ask({ type: 'load', experiment, source })
    },
    async make(block, indices) {
      return (await ask({ type: 'block', ...block, indices }, [block.room])) as FromImageWorker & Block // answers come in turn
    },
    async end() {
      ended = true
      clearTimeout(timer)
      await thread.terminate()
    },
  }
}
