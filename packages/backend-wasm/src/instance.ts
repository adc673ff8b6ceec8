import { BackendError, type StepVariables } from '@digitlab/backends'
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import { util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core'
import { chooseSimd, compileKernels, type KernelExports, type Simd } from './module'

/** Our kernels in the memory of one tfjs backend. */
export interface Instance {
  readonly simd: Simd
  readonly backend: BackendWasm
  readonly kernels: KernelExports
  /** Does something that depends on what changes between repetitions; it is done again with theirs. */
  readonly vary: (call: (kernels: KernelExports, variables: StepVariables) => void, variables: StepVariables) => void
  /** tfjs's own; its buffer is another one after it grew. */
  readonly memory: WebAssembly.Memory
  /** Where a tensor's values lie. */
  readonly address: (tensor: TensorInfo) => number
  /** A new tensor; its values are whatever lay there. */
  readonly output: (shape: readonly number[], dtype: DataType) => TensorInfo
  /** Sets a tensor to zero. */
  readonly clear: (tensor: TensorInfo) => void
  /** At least `bytes` of memory for the kernel that runs now; the next call gives the same again, or more. */
  readonly scratch: (bytes: number) => number
  /** How often the scratch memory has moved. */
  readonly moves: () => number
  /** Notes every call of a kernel in `calls` while `compute` runs; `outputs` counts the tensors they made. */
  readonly noting: <T>(calls: Call[], compute: () => T) => { result: T; outputs: number }
  /** Notes that an operation took a path, for {@link takenPaths}. */
  readonly took: (path: string) => void
}

/** A noted call of a kernel. */
export type Call = (variables: StepVariables) => void

interface Compiled {
  readonly simd: Simd
  readonly module: WebAssembly.Module
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
    compiled = { simd, module: await compileKernels(simd), instances: new WeakMap<BackendWasm, Instance>() }
  return simd
}

/**
 * Our kernels in a backend's memory; instantiated at the first call.
 *
 * @throws BackendError where the backend runs tfjs's threaded build, whose memory is shared
 */
export const instanceOf = (backend: BackendWasm): Instance => {
  if (!compiled) throw new BackendError('the wasm kernels are not registered: await registerWasmKernels() first')
  const known = compiled.instances.get(backend)
  if (known) return known
  const made = instantiate(compiled, backend)
  compiled.instances.set(backend, made)
  return made
}

/** Freed scratch memory is asked for anew in steps of this, so that a few odd sizes do not each move it. */
const scratchStep = 64 * 1024

/** What tfjs's Emscripten module has and its types do not tell. */
interface Emscripten {
  readonly asm?: { readonly memory?: WebAssembly.Memory; readonly malloc?: (bytes: number) => number }
  _malloc(bytes: number): number
  _free(address: number): void
}

const instantiate = ({ simd, module }: Compiled, backend: BackendWasm): Instance => {
  const emscripten = backend.wasm as unknown as Emscripten
  const memory = emscripten.asm?.memory
  if (!(memory instanceof WebAssembly.Memory))
    throw new BackendError('tfjs-backend-wasm hides its memory in this build: use version 4.22 of it')
  if (!(memory.buffer instanceof ArrayBuffer))
    throw new BackendError(
      'tfjs-backend-wasm runs its threaded build: set env().set("WASM_HAS_MULTITHREAD_SUPPORT", false) before setBackend("wasm")',
    )
  guardMemory(backend)
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  let [scratchAddress, scratchBytes, moves] = [0, 0, 0]
  const kernels = exports as unknown as KernelExports // index.ts of assembly/ exports those names, all functions of numbers
  let noted: Call[] | undefined
  let outputs = 0
  const notingKernels = Object.fromEntries(
    Object.entries(kernels).map(([name, kernel]) => [
      name,
      name.endsWith('Scratch') // only says how much is needed
        ? kernel
        : (...parameters: readonly number[]) => {
            noted?.push(() => void kernel(...parameters))
            return kernel(...parameters)
          },
    ]),
  ) as KernelExports
  const addressOf = ({ dataId }: TensorInfo) => backend.dataIdMap.get(dataId).memoryOffset
  return {
    simd,
    backend,
    memory,
    get kernels() {
      return noted ? notingKernels : kernels
    },
    vary(call, variables) {
      noted?.push((later) => call(kernels, later))
      call(kernels, variables)
    },
    address: addressOf,
    output(shape, dtype) {
      outputs++
      return backend.makeOutput([...shape], dtype)
    },
    clear(tensor) {
      const [address, bytes] = [
        addressOf(tensor),
        util.sizeFromShape(tensor.shape) * util.bytesPerElement(tensor.dtype),
      ]
      const run = () => void new Uint8Array(memory.buffer, address, bytes).fill(0)
      noted?.push(run)
      run()
    },
    scratch(bytes) {
      if (bytes > scratchBytes) {
        if (scratchAddress !== 0) emscripten._free(scratchAddress)
        moves++
        ;[scratchAddress, scratchBytes] = [0, 0] // what stays where there is no memory left
        const wanted = Math.ceil(bytes / scratchStep) * scratchStep
        // `>>> 0` for addresses above 2 GiB, which _malloc returns as negative numbers.
        scratchAddress = emscripten._malloc(wanted) >>> 0
        scratchBytes = wanted
      }
      return scratchAddress
    },
    moves: () => moves,
    noting(calls, compute) {
      noted = calls
      outputs = 0
      try {
        return { result: compute(), outputs }
      } finally {
        noted = undefined
      }
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
