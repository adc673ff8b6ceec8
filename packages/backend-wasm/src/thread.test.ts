// Threads by themselves, without tfjs: what becomes of the others where one is late, or never comes.
import { Worker } from 'node:worker_threads'
import { expect, test, vi } from 'vitest'
import type { Call } from './calls'
import { compileKernels, kernelNames, type KernelExport, type KernelExports } from './module'
import { startThreads, type Threads } from './threads'

const [weights, sums, word, count] = [1024, 2048, 4096, 64]

/** Starts two threads in a memory of their own, whose first free byte is at 64 KiB. */
const two = async (patience?: number, free: () => void = () => {}) => {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true })
  const module = (await compileKernels('plain')).module(true)
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  const heap = {
    ...{ memory, module, kernels: exports as unknown as KernelExports, names: kernelNames },
    ...{ allocate: () => 65536, free },
  }
  return { memory, threads: await startThreads(heap, 2, patience) }
}

/**
 * @param items 0 for the calling thread alone, 1 for the last one, more for both
 * @param parameters all but the range: `from` and `to`, of whose room nothing is used
 */
const call = (kernel: KernelExport, items: number, ...parameters: readonly number[]): Call => ({
  ...{ kernel, items, grain: 1, stride: 0, waits: true },
  parameters: [...parameters, 0, items],
})

/** Looks at a word that nobody changes, so many million times: about as many milliseconds. */
const dawdle = (items: number, millions: number): Call => call('watch', items, word, 0, millions * 1e6, 0)

const run = (threads: Threads, calls: readonly Call[]) => threads.run({ calls, varying: new Set() }, 2)

const pause = (milliseconds: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)

test('a thread that has slept, at a barrier or between two programs, goes on when the others do and not before', async () => {
  const { memory, threads } = await two()
  const at = (address: number) => new Float32Array(memory.buffer, address, count)
  at(weights).fill(1)
  const program = {
    calls: [
      // Not first: the engine's fault that this is about needs a barrier that was passed before, and code that is not optimized yet.
      call('add', count, weights, weights, weights, 0), // doubled
      dawdle(0, 100), // while the other sleeps at the barrier
      call('add', count, sums, weights, sums, 0),
      dawdle(1, 100), // while this one does
      call('add', count, weights, sums, weights, 0),
    ],
    varying: new Set<number>(),
  }
  let [weight, sum] = [1, 0]
  for (let step = 0; step < 4; step++) {
    threads.run(program, 2)
    pause(step % 2 === 0 ? 250 : 0) // while the other sleeps between two programs
    weight *= 2
    sum += weight
    weight += sum
    expect([...at(weights)]).toEqual(Array<number>(count).fill(weight))
    expect([...at(sums)]).toEqual(Array<number>(count).fill(sum))
  }
  await threads.close()
})

test('a thread that does not come is given up once it has done nothing for as long as it may take', async () => {
  const { threads } = await two(500)
  // Slow, but it gets on: each call takes less than that, all of them more.
  run(threads, Array<Call>(200).fill(dawdle(1, 5)))
  const lost = { code: 'thread-lost', message: /^a thread did not answer for 0.5 s: train with one thread/ }
  expect(() => run(threads, [dawdle(1, 2000)])).toThrow(expect.objectContaining({ code: lost.code }) as Error)
  expect(() => run(threads, [dawdle(1, 0)]), 'nor is it asked again').toThrow(lost.message)
  await threads.close()
})

test("a page's threads, which go on for a while when they are terminated, touch nothing once their memory is given back", async () => {
  const spawned: Worker[] = []
  /** A Worker as a page has them: of `terminate` nothing is seen for long. */
  class PageWorker {
    readonly #worker: Worker
    constructor(url: string) {
      const [, code = ''] = /^data:,(.*)$/s.exec(url) ?? []
      this.#worker = new Worker(
        `process.getBuiltinModule = () => undefined;
        const port = require('node:worker_threads').parentPort;
        globalThis.postMessage = (message) => port.postMessage(message);
        port.on('message', (data) => globalThis.onmessage({ data }));
        ${decodeURIComponent(code)}`,
        { eval: true },
      )
      spawned.push(this.#worker)
    }
    postMessage(message: unknown) {
      this.#worker.postMessage(message)
    }
    addEventListener(type: string, listener: (event: unknown) => void) {
      if (type === 'message') this.#worker.on('message', (data: unknown) => listener({ data }))
    }
    terminate() {}
  }
  vi.stubGlobal('Worker', PageWorker)
  vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
  vi.spyOn(URL, 'createObjectURL').mockImplementation((blob) => `data:,${texts.get(blob as Blob) ?? ''}`)
  const texts = new Map<Blob, string>()
  vi.stubGlobal(
    'Blob',
    class {
      constructor([text = '']: readonly string[]) {
        texts.set(this as unknown as Blob, encodeURIComponent(text))
      }
    },
  )
  try {
    let given = 0
    const { memory, threads } = await two(undefined, () => given++)
    run(threads, [call('add', count, weights, weights, weights, 0)])
    await threads.close()
    expect(given).toBe(1)
    const block = new Uint8Array(memory.buffer, 65536, 65536)
    block.fill(0)
    await new Promise((resolve) => setTimeout(resolve, 400)) // they sleep after 0.1 ms, and look again each 100
    expect(block.findIndex((byte) => byte !== 0)).toBe(-1)
  } finally {
    vi.unstubAllGlobals()
    vi.restoreAllMocks()
    await Promise.all(spawned.map((worker) => worker.terminate()))
  }
})
