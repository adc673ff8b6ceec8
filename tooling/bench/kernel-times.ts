// How long each kernel call of a recorded step takes, on one thread and on several.
import { callAlone, type Call } from '../../packages/backend-wasm/src/calls'
import { compileKernels, kernelNames, type KernelExports } from '../../packages/backend-wasm/src/module'
import { startThreads, type Program, type Threads } from '../../packages/backend-wasm/src/threads'
import { costOf, type Cost } from './kernel-costs'
import { spread, type Spread } from './measure'
import type { Part, RecordedStep } from './recorded-step'

/** A call: microseconds of each repetition. */
export interface TimedCall extends Cost {
  readonly kernel: string
  /** Threads that can have a part in it. */
  readonly most: number
  /** Whether all threads meet after it. */
  readonly waits: boolean
  readonly alone: Spread
  readonly shared: Spread
}

export interface TimedStep {
  readonly calls: readonly TimedCall[]
  readonly alone: Spread
  readonly shared: Spread
  /** Where all threads meet, without anything done between. */
  readonly barrier: Spread
}

/** A turn calls a kernel so often that it takes this many microseconds, or this often where it is a short one. */
const [leastTurn, mostCalls] = [300, 200]
/** Turns that do not count: V8 compiles meanwhile. */
const ignored = 3

const microseconds = (compute: () => void): number => {
  const from = performance.now()
  compute()
  return 1000 * (performance.now() - from)
}

const programOf = (calls: readonly Call[]): Program => ({
  calls: calls.map((call, i) => (i === calls.length - 1 ? { ...call, waits: true } : call)),
  varying: new Set(),
})

/** What the calls and the rest of a step are on several threads: programs, with what is done between them. */
const programsOf = (parts: readonly Part[]): (Program | (() => void))[] => {
  const programs: (Program | (() => void))[] = []
  let calls: Call[] = []
  const flush = () => {
    if (calls.length > 0) programs.push(programOf(calls))
    calls = []
  }
  for (const part of parts)
    if ('call' in part) calls.push(part.call)
    else {
      flush()
      programs.push(part.run)
    }
  flush()
  return programs
}

/** Puts weights back that a call has changed, so that a repetition finds what the first time did. */
const restoring = (memory: WebAssembly.Memory, part: Part): (() => void) => {
  if (!('call' in part) || !/Step(Wide)?$|^averageWeights$/.test(part.call.kernel)) return () => {}
  const { kernel, parameters, items } = part.call
  const [at, size] =
    kernel === 'weightStepWide' ? [parameters[5], items * (parameters[4] ?? 0)] : [parameters[0], items]
  const values = () => new Float32Array(memory.buffer, at, size)
  const before = values().slice()
  return () => values().set(before)
}

/** One part, again and again. */
const partTimer = (part: Part, kernels: KernelExports, pool: Threads | undefined, restore: () => void) => {
  const once = 'call' in part ? () => callAlone(kernels, part.call) : part.run
  once()
  const times = Math.min(mostCalls, Math.ceil(leastTurn / Math.max(0.1, microseconds(once))))
  const often = () => {
    for (let i = 0; i < times; i++) once()
  }
  const program =
    pool && 'call' in part && programOf(Array.from({ length: times }, () => ({ ...part.call, waits: true })))
  const together = program ? () => pool.run(program, pool.count) : often
  restore()
  return () => {
    const alone = microseconds(often) / times
    if (program) together() // the other threads read the program, and are awake
    const shared = microseconds(together) / times
    restore()
    return { alone, shared }
  }
}

/** Runs a step's parts in their order, each as often as is needed to time it, `repetitions` times. */
export const timeStep = async (
  { instance, parts }: RecordedStep,
  { threads, repetitions }: { readonly threads: number; readonly repetitions: number },
): Promise<TimedStep> => {
  const { memory, simd, backend } = instance
  // One module for all threads, so that V8 has optimized the same for each.
  const module = (await compileKernels(simd)).module(true)
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports
  const heap = backend.wasm as unknown as { _malloc(bytes: number): number; _free(address: number): void }
  const pool =
    threads < 2
      ? undefined
      : await startThreads(
          {
            ...{ memory, module, kernels, names: kernelNames, free: (address) => heap._free(address) },
            allocate: (bytes) => heap._malloc(bytes) >>> 0,
          },
          threads,
        )
  try {
    const restores = parts.map((part) => restoring(memory, part))
    const timed = parts.map((part, i) => {
      const used = 'call' in part ? [part.call] : part.uses
      const costs = used.map((call) => costOf(call, memory))
      const [first] = used
      const cost = {
        kernel: first?.kernel ?? 'between calls',
        shape: costs[0]?.shape ?? '',
        flops: costs.reduce((sum, { flops }) => sum + flops, 0),
        bytes: costs.reduce((sum, { bytes }) => sum + bytes, 0),
        most: 'call' in part && part.call.items > 0 ? Math.ceil(part.call.items / part.call.grain) : 1,
        waits: 'call' in part && part.call.waits,
      }
      const turn = partTimer(part, kernels, pool, restores[i] as () => void)
      return { cost, turn, alone: [] as number[], shared: [] as number[] }
    })
    const programs = programsOf(parts)
    const stepAlone = () => {
      for (const part of parts)
        if ('call' in part) callAlone(kernels, part.call)
        else part.run()
    }
    const stepShared = () => {
      for (const program of programs)
        if (typeof program === 'function') program()
        else pool?.run(program, threads)
    }
    const restoreAll = () => restores.forEach((restore) => restore())
    // It computes a few numbers, on one thread; the others have nothing to do but to meet it.
    const nothing: Call = {
      ...{ kernel: 'columnPartialsBytes', parameters: [1, 1], items: 0, grain: 1, stride: 0, waits: true },
    }
    const meetings = programOf(Array.from({ length: mostCalls }, () => nothing))
    const [alone, shared, barrier] = [[] as number[], [] as number[], [] as number[]]
    for (let turn = -ignored; turn < repetitions; turn++) {
      for (const part of timed) {
        const took = part.turn()
        if (turn < 0) continue
        part.alone.push(took.alone)
        part.shared.push(took.shared)
      }
      const [one, all] = [[stepAlone, stepAlone], pool ? [stepShared, stepShared] : [stepAlone]].map((runs) => {
        const took = runs.map((run) => microseconds(run)) // the first finds the caches as something else left them
        restoreAll()
        return took.at(-1) as number
      }) as [number, number]
      pool?.run(meetings, threads)
      const met = pool ? microseconds(() => pool.run(meetings, threads)) / mostCalls : 0
      if (turn < 0) continue
      alone.push(one)
      shared.push(all)
      barrier.push(met)
    }
    return {
      calls: timed.map((part) => ({ ...part.cost, alone: spread(part.alone), shared: spread(part.shared) })),
      ...{ alone: spread(alone), shared: spread(shared), barrier: spread(barrier) },
    }
  } finally {
    await pool?.close()
  }
}
