// The NVIDIA driver's own library, called through koffi: what a machine with a driver surely has.
import type { LibraryHandle } from 'koffi'
import { DriverError } from './driver-error'

/** A device address, a number of bytes or a plain number; a handle of the driver's; memory of the host to read or write. */
export type Argument = number | bigint | ArrayBufferView | null

/** The functions used: their names in the library and their parameters. All answer a CUresult. */
const signatures = {
  cuInit: ['cuInit', ['uint']],
  cuDriverGetVersion: ['cuDriverGetVersion', ['void *']],
  cuDeviceGetCount: ['cuDeviceGetCount', ['void *']],
  cuDeviceGet: ['cuDeviceGet', ['void *', 'int']],
  cuDeviceGetName: ['cuDeviceGetName', ['void *', 'int', 'int']],
  cuDeviceGetAttribute: ['cuDeviceGetAttribute', ['void *', 'int', 'int']],
  cuDevicePrimaryCtxRetain: ['cuDevicePrimaryCtxRetain', ['void *', 'int']],
  cuDevicePrimaryCtxRelease: ['cuDevicePrimaryCtxRelease_v2', ['int']],
  cuCtxSetCurrent: ['cuCtxSetCurrent', ['void *']],
  cuModuleLoadDataEx: ['cuModuleLoadDataEx', ['void *', 'void *', 'uint', 'void *', 'void *']],
  cuModuleGetFunction: ['cuModuleGetFunction', ['void *', 'void *', 'void *']],
  cuModuleUnload: ['cuModuleUnload', ['void *']],
  cuLaunchKernel: [
    'cuLaunchKernel',
    ['void *', 'uint', 'uint', 'uint', 'uint', 'uint', 'uint', 'uint', 'void *', 'void *', 'void *'],
  ],
  cuMemAlloc: ['cuMemAlloc_v2', ['void *', 'size_t']],
  cuMemFree: ['cuMemFree_v2', ['uint64']],
  cuMemAllocHost: ['cuMemAllocHost_v2', ['void *', 'size_t']],
  cuMemFreeHost: ['cuMemFreeHost', ['void *']],
  cuMemcpyHtoDAsync: ['cuMemcpyHtoDAsync_v2', ['uint64', 'void *', 'size_t', 'void *']],
  cuMemcpyDtoHAsync: ['cuMemcpyDtoHAsync_v2', ['void *', 'uint64', 'size_t', 'void *']],
  cuStreamCreate: ['cuStreamCreate', ['void *', 'uint']],
  cuStreamSynchronize: ['cuStreamSynchronize', ['void *']],
  cuStreamDestroy: ['cuStreamDestroy_v2', ['void *']],
  cuStreamWaitEvent: ['cuStreamWaitEvent', ['void *', 'void *', 'uint']],
  cuStreamBeginCapture: ['cuStreamBeginCapture_v2', ['void *', 'int']],
  cuStreamEndCapture: ['cuStreamEndCapture', ['void *', 'void *']],
  cuGraphInstantiate: ['cuGraphInstantiateWithFlags', ['void *', 'void *', 'uint64']],
  cuGraphLaunch: ['cuGraphLaunch', ['void *', 'void *']],
  cuGraphExecDestroy: ['cuGraphExecDestroy', ['void *']],
  cuGraphDestroy: ['cuGraphDestroy', ['void *']],
  cuEventCreate: ['cuEventCreate', ['void *', 'uint']],
  cuEventRecord: ['cuEventRecord', ['void *', 'void *']],
  cuEventQuery: ['cuEventQuery', ['void *']],
  cuEventDestroy: ['cuEventDestroy_v2', ['void *']],
} as const satisfies Record<string, readonly [string, readonly string[]]>

export type DriverFunction = keyof typeof signatures

/** The driver's functions, by their names without version; each answers its CUresult. */
export type Driver = Readonly<Record<DriverFunction, (...values: readonly Argument[]) => number>> & {
  /** The name of a CUresult. */
  readonly resultName: (code: number) => string
  /** As cuDriverGetVersion tells it: 12040 for CUDA 12.4. */
  readonly version: number
  /** Memory of the host at an address that stays, and buffers on such memory. */
  readonly host: {
    readonly allocate: (bytes: number) => bigint
    readonly free: (address: bigint) => void
    readonly view: (address: bigint, bytes: number) => ArrayBuffer
  }
}

/**
 * The oldest driver that will do: CUDA 11.4, driver 470, brought `cuGraphInstantiateWithFlags`. The kernels' PTX is of version
 * 7.0, which CUDA 11.0 knows already.
 */
export const oldestDriver = { version: 11040, cuda: '11.4', driver: '470' } as const

/** '12.4' for 12040. */
export const cudaVersion = (version: number): string =>
  `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`

/** Why there is no driver to call. */
export class NoDriver extends Error {
  override name = 'NoDriver'
  constructor(
    readonly reason: string,
    readonly remedy: string,
    options?: ErrorOptions,
  ) {
    super(`${reason}; ${remedy}`, options)
  }
}

/** The library's name on this system; undefined where NVIDIA has no driver for it. */
export const libraryName = (platform: string): string | undefined =>
  ({ linux: 'libcuda.so.1', win32: 'nvcuda.dll' })[platform]

const install = `install the NVIDIA driver ${oldestDriver.driver} or later from your system or nvidia.com; in a container, start it with the GPU (--gpus all)`

/**
 * Loads the driver's library. Calls nothing that starts it.
 *
 * @param path its file name or path
 * @throws NoDriver if it is missing, too old, or can't be called here
 */
export const loadDriver = async (path: string): Promise<Driver> => {
  const koffi = await import('koffi')
    .then((module) => module.default)
    .catch((cause: unknown) => {
      throw new NoDriver(
        `koffi, which calls the driver, has no binary for ${process.platform} ${process.arch}`,
        'install the packages again with optional dependencies, or use another backend',
        { cause },
      )
    })
  let library: LibraryHandle
  try {
    library = koffi.load(path)
  } catch (cause) {
    throw new NoDriver(`the NVIDIA driver's library ${path} cannot be loaded here`, install, { cause })
  }
  let getVersion: (version: Int32Array) => number
  try {
    getVersion = library.func('cuDriverGetVersion', 'int', ['void *']) as typeof getVersion
  } catch (cause) {
    throw new NoDriver(`the library ${path} is not an NVIDIA driver (${(cause as Error).message})`, install, { cause })
  }
  const version = new Int32Array(1)
  const failed = getVersion(version)
  const [found = 0] = version
  if (failed === 0 && found < oldestDriver.version)
    throw new NoDriver(
      `the NVIDIA driver is for CUDA ${cudaVersion(found)}, and CUDA ${oldestDriver.cuda} (driver ${oldestDriver.driver}) is the oldest that will do`,
      'install a newer NVIDIA driver',
    )
  try {
    const functions = Object.entries(signatures).map(([name, [symbol, parameters]]) => [
      name,
      library.func(symbol, 'int', [...parameters]),
    ])
    const getName = library.func('cuGetErrorName', 'int', ['int', koffi.out(koffi.pointer('char', 2))]) as (
      code: number,
      name: (string | null)[],
    ) => number
    const resultName = (code: number): string => {
      const name: (string | null)[] = [null]
      return getName(code, name) === 0 && typeof name[0] === 'string' ? name[0] : 'an unknown CUresult'
    }
    return {
      ...(Object.fromEntries(functions) as Record<DriverFunction, () => number>),
      resultName,
      version: found,
      host: {
        allocate: (bytes) => koffi.address(koffi.alloc('uint8', bytes)),
        free: (address) => void koffi.free(address),
        view: (address, bytes) => koffi.view(address, bytes),
      },
    }
  } catch (cause) {
    throw new NoDriver(
      `the NVIDIA driver lacks a function that is needed (${(cause as Error).message})`,
      'install a newer NVIDIA driver',
      { cause },
    )
  }
}

/**
 * Calls a function of the driver.
 *
 * @throws DriverError where it answers anything but success
 */
export const call = (driver: Driver, name: DriverFunction, ...values: readonly Argument[]): void => {
  const code = driver[name](...values)
  if (code !== 0) throw failure(driver, code, name)
}

export const failure = (driver: Driver, code: number, name: DriverFunction, kernel?: string): DriverError =>
  new DriverError(code, driver.resultName(code), name, kernel)

/** Calls a function of the driver that answers a handle or an address in its first parameter. */
export const handleFrom = (driver: Driver, name: DriverFunction, ...values: readonly Argument[]): bigint => {
  const handle = new BigUint64Array(1)
  call(driver, name, handle, ...values)
  return handle[0] ?? 0n
}
