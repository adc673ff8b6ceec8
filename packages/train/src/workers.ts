// The side of the thread that leads: it starts the workers, gives each the same data and weights, and takes part itself.
import type { Model } from '@digitlab/models'
import type { Split } from '@digitlab/data'
import type { Experiment } from './complete-experiment'
import { TrainError } from './train-error'
import { canShareMemory, createExchange, createSharedState } from './exchange'
import { turn } from './give-way'
import { processors } from './host'
import { downloadOptimizer } from './optimizer'
import { sharedSteps, type Learner, type SharedSteps, type Stepping, type Summary } from './stepping'
import type { FromWorker, ToWorker } from './worker-messages'

/** A Worker of node:worker_threads or of a browser. */
export interface WorkerThread {
  /** Sends a message to the thread. */
  postMessage(message: unknown, transfer: ArrayBuffer[]): void
  /** Ends the thread at once. */
  terminate(): unknown
  /** How node:worker_threads tells of answers and of the end. */
  on?(event: 'message' | 'error' | 'exit', listener: (value: unknown) => void): unknown
  /** How a browser does. */
  addEventListener?(event: 'message' | 'error', listener: (event: Event) => void): void
}

/** Threads that share every batch between them. */
export interface WorkerOptions {
  /**
   * How many in all, the calling thread among them. 'auto' times a few steps with one, two, four ... and takes what was
   * fastest; where the whole training takes a few seconds it stays at one.
   */
  readonly count: number | 'auto'
  /** The most that 'auto' tries: the number of processors. */
  readonly most?: number
  /** Starts a thread whose file calls `serveWorker` of @digitlab/train/worker with the run's backend. */
  readonly spawn: () => WorkerThread
  /** How long a thread may say nothing while it is waited for, in milliseconds, before the run ends: 60,000 unless given. */
  readonly patience?: number
}

/** So many threads a processor are refused: they take turns, and each step waits for the last of them. */
const crowd = 4

/**
 * Checks how many workers are asked for.
 *
 * @returns a sentence where there are more than processors
 * @throws TrainError where it is no number of workers, or several times that of the processors
 */
export const checkWorkers = ({ count }: { readonly count: number | 'auto' } = { count: 1 }): string | undefined => {
  if (count === 'auto') return undefined
  if (!(Number.isInteger(count) && count >= 1 && count <= 1024))
    throw new TrainError(`the number of workers must be "auto" or an integer from 1 to 1024, not ${count}`)
  const cores = processors()
  if (cores === 0 || count <= cores) return undefined
  const here = cores === 1 ? 'one processor' : `${cores} processors`
  if (count > crowd * cores)
    throw new TrainError(
      `${count} workers would take turns on ${here}: take "auto" or up to ${cores} workers; from ${crowd * cores + 1} on they are refused here`,
    )
  return `${count} workers share ${here}: training is faster with up to ${cores}`
}

/** Threads with the data, ready to train. */
export interface Team {
  /** Those at work beside the calling one. */
  readonly helpers: number
  /** Starts more, until there are so many in all. */
  grow(workers: number): Promise<void>
  /** Gives the first `workers` of them the leader's weights and its optimizer's state. @returns steps that they share */
  begin(learner: Learner, experiment: Experiment, workers: number): Promise<Stepping>
  close(): Promise<void>
}

export const createTeam = (
  { spawn, patience = 60_000 }: WorkerOptions,
  most: number,
  model: Model,
  train: Split,
  imageShape: readonly [number, number],
): Team => {
  if (!canShareMemory())
    throw new TrainError(
      'workers need shared memory, which this page may not have: serve it cross-origin isolated, or train with one worker',
    )
  const length = model.parameterCount + 2
  const state = createSharedState(most, length)
  const images = shared(train.images)
  const labels = shared(train.labels)
  const members: Member[] = []
  return {
    get helpers() {
      return members.length
    },
    async grow(workers) {
      const added: Promise<void>[] = []
      while (members.length + 1 < Math.min(workers, most)) {
        const member = createMember(spawn(), members.length + 1, patience)
        members.push(member)
        const index = members.length
        added.push(member.ask({ type: 'load', index, model: model.definition, images, labels, imageShape, state }))
      }
      await Promise.all(added)
    },
    async begin(learner, experiment, workers) {
      const taking = members.slice(0, workers - 1)
      const begun = await downloadOptimizer(model, learner.optimizer)
      await Promise.all(taking.map((member) => member.ask({ type: 'begin', state: begun, experiment })))
      return teamStepping(learner, taking, state, patience)
    },
    async close() {
      await Promise.all(members.map((member) => member.end()))
    },
  }
}

/** Bytes where every thread sees them. */
const shared = (bytes: Uint8Array): Uint8Array => {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length))
  copy.set(bytes)
  return copy
}

const teamStepping = (
  learner: Learner,
  members: readonly Member[],
  state: Parameters<typeof createExchange>[0],
  patience: number,
): Stepping => {
  const workers = members.length + 1
  const exchange = createExchange(state, 0, workers)
  let steps: SharedSteps | undefined
  let taken = 0
  let silenced = false
  /** How long this thread's own share of the last step took. */
  let share = 0
  let answers: Promise<unknown> = Promise.resolve()

  const concluded = (n: number, own: SharedSteps): Summary => {
    const values = own.conclude(n)
    return { values: () => values, dispose() {} }
  }
  /** The others are late: the event loop must turn, or a worker that died would be waited for for ever. */
  const late = async (n: number, own: SharedSteps): Promise<Summary> => {
    const from = performance.now()
    while (!exchange.wait(n, 20)) {
      await turn()
      const failed = members.find(({ failure }) => failure !== undefined)
      if (failed) throw failed.failure as Error
      if (performance.now() - from > patience + share * slower) {
        silenced = true
        throw silent('a worker', patience)
      }
    }
    return concluded(n, own)
  }
  return {
    workers,
    startEpoch(order, batchSize, from) {
      learner.train.setOrder(order)
      exchange.reset()
      taken = 0
      steps = sharedSteps(learner, exchange, 0, workers, batchSize)
      answers = Promise.all(members.map((member) => member.train({ type: 'epoch', order, batchSize, workers, from })))
      answers.catch(() => {}) // told by `late` or `endEpoch`
    },
    step(start, size) {
      const own = steps as SharedSteps // an epoch was started
      const n = taken++
      const from = performance.now()
      own.contribute(n, start, size)
      share = performance.now() - from
      exchange.publish(n)
      return exchange.wait(n, 5) ? concluded(n, own) : late(n, own)
    },
    async endEpoch() {
      exchange.stop()
      steps?.end()
      if (!silenced) await within(answers, patience + share * slower, () => silent('a worker', patience))
    },
  }
}

/** Others may need so many times as long for their share as this thread does. */
const slower = 10

const silent = (who: string, patience: number): TrainError =>
  new TrainError(`${who} did not answer for ${patience / 1000} s: train with one worker, or fewer of them`)

/** What comes within so many milliseconds, else an error. */
const within = async <T>(work: Promise<T>, milliseconds: number, error: () => Error): Promise<T> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(error()), milliseconds)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A thread, and what became of it. */
interface Member {
  readonly failure: Error | undefined
  /** Sends a message; resolves when the worker is done with it. */
  ask(message: ToWorker): Promise<void>
  /** The same for an epoch, which takes as long as it does. */
  train(message: ToWorker & { readonly type: 'epoch' }): Promise<void>
  end(): Promise<void>
}

const createMember = (thread: WorkerThread, index: number, patience: number): Member => {
  const waiting: { resolve: () => void; reject: (error: Error) => void }[] = []
  let failure: Error | undefined
  let ended = false
  const fail = (why: string) => {
    if (ended) return
    failure ??= new TrainError(`worker ${index} stopped (${why}): train with one worker, or fewer of them`)
    for (const { reject } of waiting.splice(0)) reject(failure)
  }
  const answered = (answer: FromWorker) => {
    if (answer.type === 'failed') fail(answer.message)
    else waiting.shift()?.resolve()
  }
  if (thread.on) {
    thread.on('message', (answer) => answered(answer as FromWorker))
    thread.on('error', (error) => fail((error as Error).message))
    thread.on('exit', (code) => fail(`its thread ended with code ${String(code)}`))
  } else {
    thread.addEventListener?.('message', (event) => answered((event as MessageEvent<FromWorker>).data))
    // A file that is not there, or that the page may not load, gives an event without a message.
    thread.addEventListener?.('error', (event) => fail((event as ErrorEvent).message || 'it could not be loaded'))
  }
  const send = (message: ToWorker) =>
    new Promise<void>((resolve, reject) => {
      if (failure) reject(failure)
      else {
        waiting.push({ resolve, reject })
        thread.postMessage(message, [])
      }
    })
  return {
    get failure() {
      return failure
    },
    ask: (message) => within(send(message), patience, () => silent(`worker ${index}`, patience)),
    train: (message) => send(message),
    async end() {
      ended = true
      // A thread that does not even end is left to the process.
      await within(Promise.resolve(thread.terminate()), patience, () => new Error('not ended')).catch(() => {})
    },
  }
}
