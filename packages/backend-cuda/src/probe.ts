import { accessSync, constants, existsSync } from 'node:fs'
import type { Probe } from '@digitlab/backends'
import { DriverError, remedyFor } from './driver-error'
import { call, NoDriver, type Driver } from './driver'

/** The oldest GPU that the kernels' PTX is for: Pascal. */
const oldestCapability = 60

/** Attributes of a device, by their numbers in the driver. */
const attribute = { capabilityMajor: 75, capabilityMinor: 76 } as const

/** A GPU as the driver tells of it. */
export interface Gpu {
  readonly handle: number
  readonly name: string
  /** 90 for compute capability 9.0 */
  readonly capability: number
}

const numberFrom = (read: (target: Int32Array) => void): number => {
  const value = new Int32Array(1)
  read(value)
  return value[0] ?? 0
}

const textFrom = (read: (target: Uint8Array) => void): string => {
  const bytes = new Uint8Array(256)
  read(bytes)
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)))
}

/**
 * The GPUs of a machine, in the driver's order. Starts the driver.
 *
 * @throws DriverError where it does not start
 */
export const listGpus = (driver: Driver): Gpu[] => {
  call(driver, 'cuInit', 0)
  const count = numberFrom((target) => call(driver, 'cuDeviceGetCount', target))
  return Array.from({ length: count }, (_, ordinal) => {
    const handle = numberFrom((target) => call(driver, 'cuDeviceGet', target, ordinal))
    const read = (what: number) => numberFrom((target) => call(driver, 'cuDeviceGetAttribute', target, what, handle))
    return {
      handle,
      name: textFrom((target) => call(driver, 'cuDeviceGetName', target, target.length, handle)),
      capability: 10 * read(attribute.capabilityMajor) + read(attribute.capabilityMinor),
    }
  })
}

/** Where Linux keeps the driver's devices: a user who may not open them is told by the driver that there is none. */
const deviceFiles = ['/dev/nvidiactl', '/dev/nvidia0', '/dev/nvidia-uvm']

/** The first of the driver's device files that is there and may not be opened. */
export const closedDeviceFile = (files: readonly string[] = deviceFiles): string | undefined =>
  files
    .filter((file) => existsSync(file))
    .find((file) => {
      try {
        accessSync(file, constants.R_OK | constants.W_OK)
        return false
      } catch {
        return true
      }
    })

type Refusal = Extract<Probe, { usable: false }>

/** Why a GPU can't be had, for a person: what the driver said, and what to do. */
export const refusal = (
  error: unknown,
  closed = closedDeviceFile(),
  visible = process.env['CUDA_VISIBLE_DEVICES'],
): Refusal => {
  if (error instanceof NoDriver) return { usable: false, reason: error.reason, remedy: error.remedy }
  if (!(error instanceof DriverError)) throw error
  const said = `${error.result} (${error.code}) from ${error.call}`
  if (closed !== undefined)
    return {
      usable: false,
      reason: `this user may not open ${closed}, and the NVIDIA driver answers ${said}`,
      remedy: 'add the user to the group that owns it (ls -l shows it; often video or render), or mend its permissions',
    }
  if (error.code === 100 && visible !== undefined)
    return {
      usable: false,
      reason: `CUDA_VISIBLE_DEVICES is "${visible}", and the NVIDIA driver shows no GPU (${said})`,
      remedy: 'unset CUDA_VISIBLE_DEVICES, or set it to a GPU that nvidia-smi lists',
    }
  const what = error.code === 100 ? 'the NVIDIA driver finds no GPU' : 'the NVIDIA driver does not start'
  const remedy = remedyFor(error.code) ?? 'see with nvidia-smi whether the driver works'
  return { usable: false, reason: `${what} (${said})`, remedy }
}

/** Whether the GPU of that number can be used, or why not. */
export const chooseGpu = (gpus: readonly Gpu[], ordinal: number): { gpu: Gpu } | Refusal => {
  const gpu = gpus[ordinal]
  const list = gpus.map(({ name }, i) => `${i}: ${name}`).join(', ')
  if (!gpu)
    return gpus.length === 0
      ? refusalOf('the NVIDIA driver finds no GPU', remedyFor(100) ?? '')
      : refusalOf(`there is no GPU ${ordinal}, this machine has ${gpus.length} (${list})`, 'name one of them')
  if (gpu.capability < oldestCapability)
    return refusalOf(
      `the GPU ${gpu.name} has compute capability ${shown(gpu.capability)}, and ${shown(oldestCapability)} is the oldest that will do`,
      'use a newer GPU (GTX 10 series, Pascal, or later), or another backend',
    )
  return { gpu }
}

/** What there is to choose from, behind a GPU's name; nothing where it is the only one. */
export const choice = (gpus: readonly Gpu[]): string => {
  if (gpus.length <= 1) return ''
  const names = new Set(gpus.map(({ name }) => name))
  return names.size === 1
    ? `, one of ${gpus.length} (device 0 to ${gpus.length - 1})`
    : ` (device ${gpus.map(({ name }, i) => `${i}: ${name}`).join(', ')})`
}

const refusalOf = (reason: string, remedy: string): Refusal => ({ usable: false, reason, remedy })

/** '9.0' for 90. */
export const shown = (capability: number): string => `${Math.floor(capability / 10)}.${capability % 10}`
