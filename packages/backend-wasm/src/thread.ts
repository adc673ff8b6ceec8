// What every other thread does: it makes its part of each call of a program, again and again, in step with the rest.
import type { callPart, Claims } from './calls'

/** Where things are in the memory that threads share, in bytes from the control block's beginning; lines of 64 bytes. */
export const places = {
  /** Three lines: `assembly/barrier.ts`; the third counts those who sleep. */
  barrier: 0,
  /** int32: the program's id, how many threads take part, whether one has failed, whether all are to end. */
  program: 192,
  /** int32 for each thread, a line each: counts the programs that it was to run; whether it sleeps; counts what it has done. */
  starts: 256,
  /** int32 for each thread, for each of the first uneven calls of a program (`Claims`). */
  claims: 256 + 64 * 64,
  /** float64: calls, and for each its kernel, items, grain, stride, waits, uneven, its place among claims, varies, count of parameters, parameters. */
  calls: 256 + 64 * 64 + 4 * 64 * 64,
} as const

/** What a thread is told first. */
export interface ThreadBegin {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly control: number
  readonly thread: number
  /** The kernels by their numbers. */
  readonly names: readonly string[]
  readonly places: typeof places
  /** How often to look before sleeping: at a barrier, at first and then on, and between programs. */
  readonly looks: readonly [first: number, on: number, start: number]
  /** How long to sleep before looking again, in milliseconds: the same two. */
  readonly naps: readonly [barrier: number, start: number]
}

/** What a thread answers: an empty object once it is ready, and when it has ended, and touches the memory no more. */
export interface ThreadAnswer {
  readonly failed?: string
  readonly ended?: true
}

interface Port {
  onmessage: ((event: { readonly data: unknown }) => void) | null
  postMessage(message: unknown): void
}

/**
 * Whether a thread that has looked at a barrier for a short while looks on, for some 100 us, before it sleeps. Waking up costs some 50 us and more,
 * and uneven parts of a call differ by as much, so it is worth it where the others mostly come meanwhile: six times for each time in vain. Where
 * they do not, as where they have to wait for a processor, it is tried now and then. Needs nothing but itself, as it is sent to other threads as text.
 */
export const patienceAtBarriers = () => {
  let [credit, sleeps] = [8, 0]
  return {
    looksOn: (): boolean => sleeps === 0 || --sleeps === 0,
    /** @param came whether the others did */
    looked: (came: boolean): void => {
      credit = came ? Math.min(credit + 1, 16) : credit - 6
      if (credit < 0) [credit, sleeps] = [0, 256]
    },
  }
}

/**
 * The whole of another thread. It is sent there as text, and so refers to nothing but its parameters.
 *
 * @param part {@link callPart}
 * @param patience {@link patienceAtBarriers}
 */
export const threadMain = (part: typeof callPart, patience: typeof patienceAtBarriers): void => {
  type Kernel = (...parameters: number[]) => number
  const { process } = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } }
  const threads = process?.getBuiltinModule?.('node:worker_threads') as { parentPort?: Port | null } | undefined
  const port = threads?.parentPort ?? (globalThis as unknown as Port)
  port.onmessage = ({ data }) => {
    const { module, memory, control, thread, names, places, looks, naps } = data as ThreadBegin
    const answer = (message: ThreadAnswer) => port.postMessage(message)
    const shared = new Int32Array(memory.buffer, control + places.program, 4)
    try {
      const exports = new WebAssembly.Instance(module, { env: { memory } }).exports as Record<string, Kernel>
      const kernels = names.map((name) => exports[name] as Kernel)
      const { barrier, watch } = exports as { barrier: Kernel; watch: Kernel }
      const values = new Float64Array(memory.buffer, control + places.calls, 16384)
      const start = control + places.starts + 64 * thread
      const own = new Int32Array(memory.buffer, start, 3)
      const gate = new Int32Array(memory.buffer, control + places.barrier, 33)
      const claimed = new Int32Array(memory.buffer, control + places.claims, (places.calls - places.claims) / 4)
      const { looksOn, looked } = patience()
      let [seen, loaded] = [0, 0]
      let calls: Parameters<typeof callPart>[1][] = []
      let parts: Kernel[] = []
      let waits: boolean[] = []
      let claims: (Claims | undefined)[] = []
      /** Where the parameters are of calls that vary. */
      let varying: { readonly parameters: number[]; readonly at: number }[] = []
      const load = () => {
        calls = []
        parts = []
        waits = []
        claims = []
        varying = []
        let at = 0
        const next = () => values[at++] as number
        for (let left = next(); left > 0; left--) {
          parts.push(kernels[next()] as Kernel)
          const [items, grain, stride] = [next(), next(), next()]
          waits.push(next() === 1)
          const [uneven, place] = [next(), next()]
          claims.push(place < 0 ? undefined : { words: claimed, at: place })
          const varies = next() === 1
          const count = next()
          const parameters = Array.from(values.subarray(at, at + count))
          if (varies) varying.push({ parameters, at })
          calls.push({ parameters, items, grain, stride, uneven })
          at += count
        }
      }
      answer({})
      for (;;) {
        let count = watch(start, seen, looks[2])
        if (count === seen) {
          Atomics.store(own, 1, 1)
          while (count === seen) {
            Atomics.wait(own, 0, seen, naps[1])
            count = Atomics.load(own, 0)
          }
          Atomics.store(own, 1, 0)
        }
        seen = count
        if (shared[3] !== 0) return answer({ ended: true })
        const [id = 0, taking = 1] = shared
        if (id !== loaded) {
          load()
          loaded = id
        } else
          for (const { parameters, at } of varying)
            for (let i = 0; i < parameters.length; i++) parameters[i] = values[at + i] as number
        const rounds = taking > 2 ? 2 : 1
        for (let i = 0; i < calls.length; i++) {
          own[2] = ((own[2] as number) + 1) | 0
          part(parts[i] as Kernel, calls[i] as (typeof calls)[number], thread, taking, rounds, claims[i])
          if (!waits[i]) continue
          let generation = barrier(control, taking, looks[0], -1)
          if (generation >= 0 && looksOn()) {
            generation = barrier(control, taking, looks[1], generation)
            looked(generation < 0)
          }
          while (generation >= 0) {
            Atomics.add(gate, 32, 1)
            Atomics.wait(gate, 0, generation, naps[0])
            Atomics.sub(gate, 32, 1)
            generation = barrier(control, taking, looks[0], generation)
          }
        }
      }
    } catch (error) {
      Atomics.store(shared, 2, 1)
      answer({ failed: error instanceof Error ? error.message : String(error) })
    }
  }
}
