// A GPU at work: its memory, its one stream, kernels launched by name, values read back without waiting for them.
import { DriverError } from './driver-error'
import { call, failure, handleFrom, type Driver, type DriverFunction } from './driver'
import { asInt32 } from './kernel'
import { createBranch } from './graph-branch'
import { createMemoryPool, type MemoryPool } from './memory-pool'
import type { Gpu } from './probe'
import { ptxNames, readPtx, type KernelLayout, type PtxName } from './ptx'
import { createStaging } from './staging'

/** Stands for the address of a recording's variables: null where a kernel is launched by itself. */
export const variables = Symbol('variables')

/** An address or a number, by the kernel's parameter; the bytes of a struct. */
export type KernelArgument = number | ArrayBuffer | typeof variables

export interface Launch {
  readonly kernel: string
  /** Blocks: x, y, z. Nothing is launched where one is 0. */
  readonly blocks: readonly [number, number?, number?]
  readonly threads: number
  /** Bytes of shared memory beside what the kernel's source declares. */
  readonly shared?: number
  readonly arguments: readonly KernelArgument[]
  /** In a graph it runs beside all launches before it, of which it reads and writes nothing; the next one waits for it. */
  readonly aside?: boolean
}

/** A launch as it was made: what can be launched again. */
export interface Launched {
  readonly launch: Launch
  readonly parameters: Uint8Array
  /** Where the address of the variables goes; -1 where the kernel takes none. */
  readonly variablesAt: number
}

/** Values on their way from the GPU. */
export type Pending = () => Promise<ArrayBuffer>

export interface Device {
  readonly gpu: Gpu
  readonly memory: MemoryPool
  /** Has the driver compile the kernels now, which takes a while the first time, and not at the first launch. */
  prepare(): void
  launch(launch: Launch): void
  /** Launches once more what was launched, with variables at an address (0 for none). */
  relaunch(launched: Launched, variablesAddress: number): void
  /** Gets every launch while it is set. */
  listener: ((launched: Launched) => void) | undefined
  upload(address: number, values: ArrayBufferView): void
  /** Begins to copy values to the host, behind all that was launched. */
  read(address: number, bytes: number): Pending
  /** Waits for the values. */
  readNow(address: number, bytes: number): ArrayBuffer
  /** What `run` launches becomes a graph instead of being run. */
  capture(run: () => void): Graph
  /** Waits for all that was launched. */
  synchronize(): void
  dispose(): void
}

interface Graph {
  launch(): void
  dispose(): void
}

export interface DeviceOptions {
  /** Waits for each kernel, so that an error names the one that made it. */
  readonly synchronous?: boolean
  /** The size of the block of memory for a number of bytes; tests ask for no more than is used. */
  readonly blockSize?: (bytes: number) => number
}

/** Flags and modes, by their numbers in the driver. */
const driver = {
  streamNonBlocking: 1,
  eventWithoutTiming: 2,
  captureThread: 1,
  bufferPointer: 1n,
  bufferSize: 2n,
} as const
const notReady = 600
const outOfMemory = 2

/** The most that a kernel's parameters may take, in bytes. */
const parameterRoom = 4096
/** Up to so many bytes are copied to the GPU by way of memory that it can reach by itself. */
const mostStaged = 64 * 1024
/** How long an answer is polled for at every turn of the event loop, in milliseconds; after it, every millisecond. */
const eager = 5

/** Starts work on a GPU. */
export const openDevice = (api: Driver, gpu: Gpu, options: DeviceOptions = {}): Device => {
  /** Kernels launched last, for an error that the driver tells late. */
  const recent: string[] = []
  const fail = (code: number, name: DriverFunction, kernel?: string) =>
    failure(api, code, name, kernel ?? (recent.length > 0 ? `after the kernels ${recent.join(', ')}` : undefined))

  const context = handleFrom(api, 'cuDevicePrimaryCtxRetain', gpu.handle)
  call(api, 'cuCtxSetCurrent', context)
  const stream = handleFrom(api, 'cuStreamCreate', driver.streamNonBlocking)
  /** Every entry from outside: another device of this process may have been the thread's last. */
  const enter = () => {
    const code = api.cuCtxSetCurrent(context)
    if (code !== 0) throw fail(code, 'cuCtxSetCurrent') // what a kernel did before is told by the next call, whichever it is
  }

  const memory = createMemoryPool(
    {
      allocate(bytes) {
        enter()
        return Number(handleFrom(api, 'cuMemAlloc', bytes))
      },
      free(address) {
        enter()
        call(api, 'cuMemFree', address)
      },
      isOutOfMemory: (error) => error instanceof DriverError && error.code === outOfMemory,
    },
    options.blockSize,
  )

  // Kernels are found by name in the one text that has them; the driver compiles a text when its first kernel is wanted.
  const modules = new Map<PtxName, bigint>()
  const moduleOf = (name: PtxName): bigint => {
    const known = modules.get(name)
    if (known !== undefined) return known
    const module = handleFrom(
      api,
      'cuModuleLoadDataEx',
      new TextEncoder().encode(`${readPtx(name).text}\0`),
      0,
      null,
      null,
    )
    modules.set(name, module)
    return module
  }
  const functions = new Map<string, { handle: bigint; layout: KernelLayout }>()
  const functionOf = (kernel: string) => {
    const known = functions.get(kernel)
    if (known) return known
    const ptx = ptxNames.find((name) => readPtx(name).kernels.has(kernel))
    const layout = ptx && readPtx(ptx).kernels.get(kernel)
    if (!layout) throw new Error(`there is no kernel ${kernel} in the compiled ones: run scripts/compile-kernels.mjs`)
    const handle = handleFrom(api, 'cuModuleGetFunction', moduleOf(ptx), new TextEncoder().encode(`${kernel}\0`))
    const made = { handle, layout }
    functions.set(kernel, made)
    return made
  }

  // A launch hands its parameters over as one block of memory, whose address and size are in a list.
  const block = api.host.allocate(parameterRoom + 64)
  const parameters = new Uint8Array(api.host.view(block, parameterRoom))
  const fields = new DataView(parameters.buffer)
  const list = new BigUint64Array(api.host.view(block + BigInt(parameterRoom), 64))
  list.set([driver.bufferPointer, block, driver.bufferSize, block + BigInt(parameterRoom + 48), 0n])
  const extra = block + BigInt(parameterRoom)
  const setAddress = (offset: number, address: number) => {
    fields.setUint32(offset, address % 2 ** 32, true)
    fields.setUint32(offset + 4, Math.floor(address / 2 ** 32), true)
  }

  let capturing = false
  const beside = createBranch(api, stream)
  const submit = (
    { kernel, blocks: [x, y = 1, z = 1], threads, shared = 0, aside = false }: Launch,
    size: number,
  ): void => {
    list[6] = BigInt(size)
    recent.push(kernel)
    if (recent.length > 4) recent.shift()
    if (capturing && !aside) beside.join()
    const to = capturing && aside ? beside.fork() : stream
    const code = api.cuLaunchKernel(functionOf(kernel).handle, x, y, z, threads, 1, 1, shared, to, null, extra)
    if (code !== 0) throw failure(api, code, 'cuLaunchKernel', `kernel ${kernel}`)
    if (!options.synchronous || capturing) return
    const finished = api.cuStreamSynchronize(stream)
    if (finished !== 0) throw failure(api, finished, 'cuStreamSynchronize', `kernel ${kernel}`)
  }

  const staging = createStaging(api, stream)

  const device: Device = {
    gpu,
    memory,
    listener: undefined,
    prepare() {
      enter()
      moduleOf('kernels')
    },
    launch(launch) {
      if (launch.blocks.includes(0)) return
      enter()
      const { layout } = functionOf(launch.kernel)
      if (layout.parameters.length !== launch.arguments.length)
        throw new Error(
          `the kernel ${launch.kernel} takes ${layout.parameters.length} parameters, it was given ${launch.arguments.length}`,
        )
      let variablesAt = -1
      for (const [i, { type, offset, size }] of layout.parameters.entries()) {
        const value = launch.arguments[i]
        if (value === variables) {
          variablesAt = offset
          setAddress(offset, 0)
        } else if (value instanceof ArrayBuffer) {
          if (value.byteLength !== size)
            throw new Error(`parameter ${i} of the kernel ${launch.kernel} has ${size} bytes, not ${value.byteLength}`)
          parameters.set(new Uint8Array(value), offset)
        } else if (type === 'u64') setAddress(offset, value as number)
        else if (type === 'f32') fields.setFloat32(offset, value as number, true)
        else if (type === 'f64') fields.setFloat64(offset, value as number, true)
        else fields.setInt32(offset, asInt32(value as number), true)
      }
      submit(launch, layout.size)
      device.listener?.({ launch, parameters: parameters.slice(0, layout.size), variablesAt })
    },
    relaunch(launched, variablesAddress) {
      enter()
      parameters.set(launched.parameters)
      if (launched.variablesAt >= 0) setAddress(launched.variablesAt, variablesAddress)
      submit(launched.launch, launched.parameters.length)
    },
    upload(address, values) {
      const bytes = values.byteLength
      if (bytes === 0) return
      enter()
      // The caller's memory is its own again when this returns. Little is copied to where the GPU takes it later; more is waited for.
      const place = bytes <= mostStaged ? staging.stage(values) : undefined
      const code = api.cuMemcpyHtoDAsync(address, place?.address ?? values, bytes, stream)
      if (code !== 0) throw fail(code, 'cuMemcpyHtoDAsync')
      if (place) staging.sent(place)
      else device.synchronize()
    },
    read(address, bytes) {
      if (bytes === 0) return async () => new ArrayBuffer(0)
      enter()
      const place = staging.take(bytes)
      const copied = api.cuMemcpyDtoHAsync(place.address, address, bytes, stream)
      if (copied !== 0) throw fail(copied, 'cuMemcpyDtoHAsync')
      const event = staging.mark()
      let arrived: Promise<ArrayBuffer> | undefined
      const wait = async (): Promise<ArrayBuffer> => {
        const from = performance.now()
        for (;;) {
          enter()
          const code = api.cuEventQuery(event)
          if (code === 0) break
          if (code !== notReady) throw fail(code, 'cuEventQuery')
          const soon = performance.now() - from < eager
          await new Promise<void>((resolve) => void (soon ? setImmediate(resolve) : setTimeout(resolve, 1)))
        }
        staging.unmark(event)
        return staging.arrived(place, bytes)
      }
      return () => (arrived ??= wait())
    },
    readNow(address, bytes) {
      if (bytes === 0) return new ArrayBuffer(0)
      enter()
      const place = staging.take(bytes)
      const copied = api.cuMemcpyDtoHAsync(place.address, address, bytes, stream)
      if (copied !== 0) throw fail(copied, 'cuMemcpyDtoHAsync')
      device.synchronize()
      return staging.arrived(place, bytes)
    },
    capture(run) {
      enter()
      beside.prepare()
      call(api, 'cuStreamBeginCapture', stream, driver.captureThread)
      capturing = true
      try {
        beside.begin()
        run()
        beside.join()
      } catch (error) {
        api.cuStreamEndCapture(stream, new BigUint64Array(1)) // what went wrong first is what is told
        throw error
      } finally {
        capturing = false
      }
      const captured = new BigUint64Array(1)
      call(api, 'cuStreamEndCapture', stream, captured)
      const graph = captured[0] ?? 0n
      let executable = handleFrom(api, 'cuGraphInstantiate', graph, 0)
      call(api, 'cuGraphDestroy', graph)
      return {
        launch() {
          enter()
          const code = api.cuGraphLaunch(executable, stream)
          if (code !== 0) throw fail(code, 'cuGraphLaunch')
        },
        dispose() {
          if (executable === 0n) return
          enter()
          call(api, 'cuGraphExecDestroy', executable)
          executable = 0n
        },
      }
    },
    synchronize() {
      enter()
      const code = api.cuStreamSynchronize(stream)
      if (code !== 0) throw fail(code, 'cuStreamSynchronize')
    },
    dispose() {
      device.synchronize()
      memory.dispose()
      staging.dispose()
      beside.dispose()
      for (const module of modules.values()) call(api, 'cuModuleUnload', module)
      call(api, 'cuStreamDestroy', stream)
      api.host.free(block)
      call(api, 'cuDevicePrimaryCtxRelease', gpu.handle)
    },
  }
  return device
}
