import { BackendError, type StepVariables } from '@digitlab/backends'
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import { util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core'
import { callAlone, type Call } from './calls'
import { chooseSimd, compileKernels, kernelNames, type KernelExport, type KernelExports, type Simd } from './module'
import { prepare, type Prepared } from './prepare'
import { mostThreads, startThreads, type Threads } from './threads'
import { createTuner, type Tuner } from './tuner'

/** How a call is split between threads: into ranges of whole elements of its result, so that no sum is split. */
export interface Split {
  /** Elements. */
  readonly items: number
  /** A range begins at a multiple of this: 1 by default. */
  readonly grain?: number
  /** Bytes of scratch memory that each range needs. */
  readonly room?: number
  /** False where the next call needs nothing of what this one writes, and does not write where this one reads. */
  readonly waits?: boolean
  /**
   * Where ranges of the same size take different times: the smallest one, in grains, that is worth a call of its own. Threads then take ranges as
   * they get on.
   */
  readonly uneven?: number
}

/**
 * Calls a kernel whose last three parameters are a range's room, `from` and `to`.
 *
 * @param parameters all but those three
 */
export type Share = (kernel: KernelExport, split: Split, ...parameters: readonly number[]) => void

/** Our kernels in the memory of one tfjs backend. */
export interface Instance {
  readonly simd: Simd
  readonly backend: BackendWasm
  /** Each computes all of its result, on one thread. */
  readonly kernels: KernelExports
  readonly share: Share
  /** Does something that depends on what changes between repetitions; it is done again with theirs, in its turn, by the calling thread. */
  readonly vary: (call: Varying, variables: StepVariables) => void
  /** The same for what is shared between threads. */
  readonly varyShared: (call: VaryingShared, variables: StepVariables) => void
  /** tfjs's own; its buffer is another one after it grew. */
  readonly memory: WebAssembly.Memory
  /** Where a tensor's values lie. */
  readonly address: (tensor: TensorInfo) => number
  /** A new tensor; its values are whatever lay there. */
  readonly output: (shape: readonly number[], dtype: DataType) => TensorInfo
  /** Sets a tensor to zero. */
  readonly clear: (tensor: TensorInfo) => void
  /**
   * At least `bytes` of memory for the kernel that runs now; the next call gives the same again, or more. What a later kernel must not
   * write over has an area of its own.
   */
  readonly scratch: (bytes: number, area?: string) => number
  /** How often scratch memory has moved. */
  readonly moves: () => number
  /** Notes every call of a kernel in `notes` while `compute` runs; `outputs` counts the tensors they made. */
  readonly noting: <T>(notes: Note[], compute: () => T) => { result: T; outputs: number }
  /** Repeats what was noted. */
  readonly repeater: (notes: readonly Note[]) => (variables: StepVariables) => void
  /** Computes on so many threads from now on, or on fewer of them where that is faster. @returns how many there are */
  readonly useThreads: (count: number, fewer: boolean) => Promise<number>
  /** Notes that an operation took a path, for {@link takenPaths}. */
  readonly took: (path: string) => void
}

export type Varying = (kernels: KernelExports, variables: StepVariables) => void
export type VaryingShared = (share: Share, variables: StepVariables) => void

/** What was noted of a computation. */
export type Note = Call | { readonly varying: Varying } | { readonly shared: VaryingShared }

interface Compiled {
  readonly simd: Simd
  readonly module: (shared: boolean) => WebAssembly.Module
  readonly instances: WeakMap<BackendWasm, Instance>
}

let compiled: Compiled | undefined
const taken = new Map<string, number>()

/** How often each path of each operation was taken since the start: `{ 'convReluPool direct': 938 }`. */
export const takenPaths = (): Readonly<Record<string, number>> => Object.fromEntries(taken)

/** Makes the kernels of a flavour the ones that run, compiling them unless they are already. */
export const prepareKernels = async (wish: Simd | 'auto'): Promise<Simd> => {
  const simd = chooseSimd(wish)
  if (compiled?.simd !== simd)
    compiled = { ...(await compileKernels(simd)), instances: new WeakMap<BackendWasm, Instance>() }
  return simd
}

/**
 * Our kernels in a backend's memory; instantiated at the first call.
 *
 * @throws BackendError if the backend hides its memory, as tfjs's threaded build does
 */
export const instanceOf = (backend: BackendWasm): Instance => {
  if (!compiled) throw new BackendError('the wasm kernels are not registered: await registerWasmKernels() first')
  const known = compiled.instances.get(backend)
  if (known) return known
  const made = instantiate(compiled, backend)
  compiled.instances.set(backend, made)
  return made
}

/** Scratch memory grows in steps of this, so that a few odd sizes do not each move it. */
const scratchStep = 64 * 1024

/** What tfjs's Emscripten module has and its types do not tell. */
interface Emscripten {
  readonly asm?: { readonly memory?: WebAssembly.Memory; readonly malloc?: (bytes: number) => number }
  _malloc(bytes: number): number
  _free(address: number): void
}

/** Where threads share an area of scratch memory, one's room begins at a multiple of this, a line of the processor's cache. */
const line = 64

const instantiate = ({ simd, module: moduleFor }: Compiled, backend: BackendWasm): Instance => {
  const emscripten = backend.wasm as unknown as Emscripten
  const memory = emscripten.asm?.memory
  if (!(memory instanceof WebAssembly.Memory))
    throw new BackendError(
      'tfjs-backend-wasm hides its memory in this build: use version 4.22 of it, and set env().set("WASM_HAS_MULTITHREAD_SUPPORT", false) before setBackend("wasm")',
    )
  guardMemory(backend)
  const shared = !(memory.buffer instanceof ArrayBuffer)
  const module = moduleFor(shared)
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  const kernels = exports as unknown as KernelExports // index.ts of assembly/ exports those names, all functions of numbers
  const areas = new Map<string, { readonly address: number; readonly bytes: number }>()
  let moves = 0
  let outputs = 0
  let threads: Threads | undefined
  let tuner: Tuner | undefined

  const scratch = (bytes: number, area = 'kernel'): number => {
    const known = areas.get(area)
    if (known && bytes <= known.bytes) return known.address
    if (known) emscripten._free(known.address)
    moves++
    areas.delete(area) // what stays where there is no memory left
    const wanted = Math.ceil(bytes / scratchStep) * scratchStep
    // `>>> 0` for addresses above 2 GiB, which _malloc returns as negative numbers.
    const address = emscripten._malloc(wanted) >>> 0
    areas.set(area, { address, bytes: wanted })
    return address
  }
  /** Where calls go: undefined where they are made at once. */
  let noted: Note[] | undefined
  let collected: Call[] | undefined
  const make = (call: Call): void => {
    if (collected) return void collected.push(call)
    noted?.push(call)
    callAlone(kernels, call)
  }
  const share: Share = (kernel, { items, grain = 1, room = 0, waits = true, uneven = 0 }, ...parameters) => {
    const stride = Math.ceil(room / line) * line
    const rooms = stride === 0 ? 0 : scratch(stride * (threads?.count ?? 1), 'rooms')
    make({ kernel, parameters: [...parameters, rooms, 0, items], items, grain, stride, waits, uneven })
  }
  const wholeCall = (kernel: KernelExport, parameters: readonly number[]): Call => ({
    ...{ kernel, parameters: [...parameters], items: 0, grain: 1, stride: 0, waits: true },
  })
  const heldKernels = Object.fromEntries(
    kernelNames.map((name) => [
      name,
      name.endsWith('Scratch') || name.endsWith('Room') || name.endsWith('Bytes') // only says how much is needed
        ? kernels[name]
        : (...parameters: readonly number[]) => make(wholeCall(name, parameters)),
    ]),
  ) as unknown as KernelExports

  /** The calls of what varies, which are not made. */
  const callsOf = (note: VaryingShared, variables: StepVariables): readonly Call[] => {
    const calls: Call[] = []
    collected = calls
    try {
      note(share, variables)
    } finally {
      collected = undefined
    }
    return calls
  }
  const addressOf = ({ dataId }: TensorInfo) => backend.dataIdMap.get(dataId).memoryOffset
  const unnoted = (compute: () => void): void => {
    const before = noted
    noted = undefined
    try {
      compute()
    } finally {
      noted = before
    }
  }
  const held = () => (noted || collected ? heldKernels : kernels)
  return {
    simd,
    backend,
    memory,
    get kernels() {
      return held()
    },
    share,
    vary(call, variables) {
      noted?.push({ varying: call })
      call(kernels, variables)
    },
    varyShared(call, variables) {
      noted?.push({ shared: call })
      unnoted(() => call(share, variables))
    },
    address: addressOf,
    output(shape, dtype) {
      outputs++
      return backend.makeOutput([...shape], dtype)
    },
    clear(tensor) {
      held().clearMemory(addressOf(tensor), util.sizeFromShape(tensor.shape) * util.bytesPerElement(tensor.dtype))
    },
    scratch,
    moves: () => moves,
    noting(notes, compute) {
      noted = notes
      outputs = 0
      try {
        return { result: compute(), outputs }
      } finally {
        noted = undefined
      }
    },
    repeater(notes) {
      let prepared: Prepared | undefined
      return (variables) => {
        const taking = threads ? (tuner?.next() ?? threads.count) : 1
        const from = tuner ? performance.now() : 0
        if (!prepared?.renew(variables)) prepared = prepare(notes, callsOf, variables)
        const using = taking > 1 && prepared.shareable ? threads : undefined
        for (const part of prepared.parts)
          if (typeof part === 'function') part(kernels, variables)
          else if (using) using.run(part, taking)
          else for (const call of part.calls) callAlone(kernels, call)
        tuner?.took(performance.now() - from)
      }
    },
    async useThreads(count, fewer) {
      const before = threads
      threads = tuner = undefined
      await before?.close()
      const wanted = Math.min(count, mostThreads)
      if (!shared || wanted < 2) return 1
      threads = await startThreads(
        {
          ...{ memory, module, kernels, names: kernelNames, free: (address) => emscripten._free(address) },
          allocate: (bytes) => emscripten._malloc(bytes) >>> 0,
        },
        wanted,
      )
      moves++ // there are rooms for more threads now
      if (fewer) tuner = createTuner(wanted)
      return wanted
    },
    took: (path) => void taken.set(path, (taken.get(path) ?? 0) + 1),
  }
}

/** Bytes of tfjs's memory: 65,536 pages of 64 KiB, the most that its module declares and that 32 bits address. */
export const mostBytes = 2 ** 32

const guarded = new WeakSet<BackendWasm>()

/**
 * tfjs asks for tensors' memory by their bytes modulo 2^32, and writes to address 0 where it gets none. After this, either is an error
 * that says so, for its own kernels as for ours.
 */
export const guardMemory = (backend: BackendWasm): void => {
  const emscripten = backend.wasm as unknown as Emscripten
  const malloc = emscripten.asm?.malloc
  if (guarded.has(backend) || malloc === undefined) return
  guarded.add(backend)
  const checked = (bytes: number): number => {
    const address = bytes < mostBytes ? malloc(bytes) : 0
    if (address === 0)
      throw new BackendError(
        `WebAssembly has no memory left for ${bytes} bytes (it holds at most ${mostBytes}): use a smaller batch, or another backend`,
      )
    return address
  }
  // Emscripten puts its own back the first time that it needs one.
  Object.defineProperty(emscripten, '_malloc', { get: () => checked, set: () => {} })
}
