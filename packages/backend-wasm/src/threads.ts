import { BackendError } from '@digitlab/backends'
import { callPart, type Call, type Claims } from './calls'
import type { KernelExports, KernelExport } from './module'
import { patienceAtBarriers, places, threadMain, type ThreadAnswer, type ThreadBegin } from './thread'

/** Threads with our kernels in one memory, the calling one among them. */
export interface Threads {
  readonly count: number
  /**
   * Makes calls one after another, each on all of the first `taking` threads.
   *
   * @throws BackendError if a thread is gone or does not answer
   */
  run(program: Program, taking: number): void
  close(): Promise<void>
}

/** Calls in their order; those at `varying` may have other parameters each time. */
export interface Program {
  readonly calls: readonly Call[]
  readonly varying: ReadonlySet<number>
}

/** Allocates in tfjs's memory. */
export interface SharedHeap {
  readonly memory: WebAssembly.Memory
  readonly module: WebAssembly.Module
  readonly kernels: KernelExports
  readonly names: readonly KernelExport[]
  allocate(bytes: number): number
  free(address: number): void
}

/** More threads than this are refused: each has its line in the control block. */
export const mostThreads = 64
const programBytes = 8 * 16384
/** Numbers of a call beside its parameters. */
const callNumbers = 9
/** Uneven calls of a program that threads can take from one another; any more are split evenly. */
const mostUneven = (places.calls - places.claims) / 4 / mostThreads

/**
 * Looks before a thread sleeps: at a barrier (some 8 us, and often some 100 more: `patienceAtBarriers`) and between steps (some 80 us, longer than
 * what the calling thread does between two); not so long that it takes a processor from others who need it.
 */
const looks = [20_000, 250_000, 200_000] as const
/** How long it sleeps before it looks again, in milliseconds. */
const naps = [20, 100] as const

/** A call takes a thread some milliseconds, or a second at most; none takes this many milliseconds. */
const longestCall = 15_000
/** How long a page's thread is waited for that is to end, in milliseconds. */
const longestEnd = 2000
/** Of one look at them no more counts than this, in milliseconds: the machine may have been asleep meanwhile. */
const longestLook = 50

/** What is used of a Worker of node:worker_threads, and of a browser's. */
interface Thread {
  postMessage(message: unknown): void
  terminate(): unknown
  on?(event: 'message' | 'error' | 'exit', listener: (value: unknown) => void): unknown
  unref?(): void
  addEventListener?(event: 'message' | 'error', listener: (event: Event) => void): void
}

const source = (): string => `(${String(threadMain)})(${String(callPart)}, ${String(patienceAtBarriers)})`

interface NodeThreads {
  readonly Worker: new (code: string, options: { eval: true; execArgv: string[]; stdin: false }) => Thread
}

/** A thread of this program's that runs `threadMain`, from its text: there is no file that a bundler would have to find. */
const spawn = (): Thread => {
  const { process } = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } }
  const node = process?.getBuiltinModule?.('node:worker_threads') as NodeThreads | undefined
  if (node) return new node.Worker(source(), { eval: true, execArgv: [], stdin: false })
  const url = URL.createObjectURL(new Blob([source()], { type: 'text/javascript' }))
  const worker = new Worker(url)
  // Once it answers it has been read.
  worker.addEventListener('message', () => URL.revokeObjectURL(url), { once: true })
  return worker
}

/** A page's own thread may not sleep. */
const maySleep = (): boolean => {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0)
    return true
  } catch {
    return false
  }
}

const lost = (reason: string, cause?: unknown): BackendError =>
  new BackendError(`${reason}: train with one thread, or fewer of them`, { code: 'thread-lost', cause })

/**
 * Starts `count - 1` threads beside the calling one.
 *
 * @param patience how long no thread that is waited for may get on, in milliseconds: by default as long as no call takes
 * @throws BackendError if one does not start
 */
export const startThreads = async (heap: SharedHeap, count: number, patience = longestCall): Promise<Threads> => {
  const { memory, module, kernels, names } = heap
  const block = heap.allocate(places.calls + programBytes + 64)
  const control = Math.ceil(block / 64) * 64
  new Uint8Array(memory.buffer, control, places.calls).fill(0)
  const shared = new Int32Array(memory.buffer, control + places.program, 4)
  const starts = new Int32Array(memory.buffer, control + places.starts, 16 * mostThreads)
  const values = new Float64Array(memory.buffer, control + places.calls, 16384)
  const numbers = new Map(names.map((name, i) => [name, i]))
  const gate = new Int32Array(memory.buffer, control + places.barrier, 33)
  const claimed = new Int32Array(memory.buffer, control + places.claims, mostUneven * mostThreads)
  const sleeps = maySleep()
  const workers: Thread[] = []
  const ends: Promise<unknown>[] = []
  let [failure, closed]: [BackendError | undefined, boolean] = [undefined, false]
  let loaded: Program | undefined
  /** Of the loaded program's calls. */
  let claims: (Claims | undefined)[] = []
  let uneven: Claims[] = []

  const wake = (thread: number): void => {
    Atomics.add(starts, 16 * thread, 1)
    if (Atomics.load(starts, 16 * thread + 1) === 1) Atomics.notify(starts, 16 * thread)
  }
  /**
   * A page's thread keeps running for a while after `terminate`, and notes that it sleeps in what may be another's memory by then: it is asked to end,
   * and its memory is given back once all have said that they did.
   */
  const close = async () => {
    closed = true
    shared[3] = 1
    for (let thread = 1; thread <= workers.length; thread++) wake(thread)
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, longestEnd, 'late')))
    const ended = workers.map((worker, i) => (worker.on ? worker.terminate() : Promise.race([ends[i], late])))
    const isFree = !(await Promise.all(ended)).includes('late')
    clearTimeout(timer)
    for (const worker of workers) if (!worker.on) worker.terminate()
    if (isFree) heap.free(block)
  }
  const begin = (thread: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const fail = (why: string) => {
        if (closed) return
        failure ??= lost(`thread ${thread + 1} of ${count} stopped (${why})`)
        reject(failure)
      }
      const worker = spawn()
      let end = () => {}
      ends.push(new Promise<void>((resolve) => (end = resolve)))
      const answered = ({ failed, ended }: ThreadAnswer) => {
        if (ended || failed !== undefined) end()
        if (ended) return
        worker.unref?.() // from now on it keeps no process alive
        if (failed === undefined) resolve()
        else fail(failed)
      }
      workers.push(worker)
      if (worker.on) {
        worker.on('message', (answer) => answered(answer as ThreadAnswer))
        worker.on('error', (error) => fail((error as Error).message))
        worker.on('exit', (code) => fail(`it ended with code ${String(code)}`))
      } else {
        worker.addEventListener?.('message', (event) => answered((event as MessageEvent<ThreadAnswer>).data))
        // What a page may not load gives an event without a message.
        worker.addEventListener?.('error', (event) => fail((event as ErrorEvent).message || 'it could not be loaded'))
      }
      worker.postMessage({ module, memory, control, thread, names, places, looks, naps } satisfies ThreadBegin)
    })
  try {
    await Promise.all(Array.from({ length: count - 1 }, (_, i) => begin(i + 1)))
  } catch (error) {
    await close()
    throw error
  }

  const write = (program: Program): void => {
    let at = 0
    const put = (...row: readonly number[]) => {
      values.set(row, at)
      at += row.length
    }
    put(program.calls.length)
    let places = 0
    claims = program.calls.map(({ items, uneven = 0 }) =>
      items > 0 && uneven > 0 && places < mostUneven ? { words: claimed, at: mostThreads * places++ } : undefined,
    )
    uneven = claims.filter((each) => each !== undefined)
    for (const [i, { kernel, parameters, items, grain, stride, waits, uneven: least = 0 }] of program.calls.entries()) {
      put(numbers.get(kernel) as number, items, grain, stride, Number(waits), least, claims[i]?.at ?? -1)
      put(Number(program.varying.has(i)), parameters.length, ...parameters)
    }
    loaded = program
    shared[0] = (shared[0] as number) + 1
  }
  /** The same calls as the loaded ones, but for parameters of those that vary. */
  const update = ({ calls, varying }: Program): void => {
    let at = 1
    for (let i = 0; i < calls.length; i++) {
      const { parameters } = calls[i] as Call
      at += callNumbers
      if (varying.has(i)) values.set(parameters, at)
      at += parameters.length
    }
  }
  /** What the other threads have done so far. */
  const beats = (taking: number): number => {
    let sum = 0
    for (let thread = 1; thread < taking; thread++) sum += Atomics.load(starts, 16 * thread + 2)
    return sum
  }
  const { looksOn, looked } = patienceAtBarriers()
  const waitForAll = (taking: number): void => {
    let generation = kernels.barrier(control, taking, looks[0], -1)
    if (generation >= 0 && looksOn()) {
      generation = kernels.barrier(control, taking, looks[1], generation)
      looked(generation < 0)
    }
    if (generation < 0) return
    let [waited, before, last] = [0, performance.now(), beats(taking)]
    while (generation >= 0) {
      const [now, done] = [performance.now(), beats(taking)]
      waited = done === last ? waited + Math.min(now - before, longestLook) : 0
      ;[before, last] = [now, done]
      if (shared[2] !== 0) throw (failure ??= lost('a thread stopped within a step'))
      if (waited > patience) throw (failure ??= lost(`a thread did not answer for ${patience / 1000} s`))
      if (sleeps) {
        Atomics.add(gate, 32, 1)
        Atomics.wait(gate, 0, generation, naps[0])
        Atomics.sub(gate, 32, 1)
      }
      generation = kernels.barrier(control, taking, looks[0], generation)
    }
  }
  return {
    count,
    run(program, taking) {
      if (failure) throw failure
      if (loaded !== program) write(program)
      else update(program)
      shared[1] = taking
      for (const { at } of uneven) claimed.fill(0, at, at + taking) // all have met since they last took something
      for (let thread = 1; thread < taking; thread++) wake(thread)
      const rounds = taking > 2 ? 2 : 1
      for (const [i, call] of program.calls.entries()) {
        callPart(kernels[call.kernel], call, 0, taking, rounds, claims[i])
        if (call.waits) waitForAll(taking)
      }
    },
    close,
  }
}

/** Whether a program fits the room that there is for one. */
export const fits = ({ calls }: Program): boolean =>
  8 * calls.reduce((sum, { parameters }) => sum + callNumbers + parameters.length, 1) <= programBytes
