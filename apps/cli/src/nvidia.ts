// Whether somebody may have meant to compute on an NVIDIA GPU, so that it is worth a line that none is available.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GpuFlags } from './backends'

/** As the PCI bus knows NVIDIA. */
const vendor = '0x10de'

/** Where Linux tells of an NVIDIA driver, and under Windows on Linux. */
const driverFiles = ['/dev/nvidiactl', '/proc/driver/nvidia', '/usr/lib/wsl/lib/libcuda.so.1']

/** Whether the options, the environment or the machine speak of an NVIDIA GPU. On Windows none can be ruled out. */
export const mayHaveNvidiaGpu = (
  { device, tf32 }: GpuFlags,
  {
    env = process.env,
    platform = process.platform,
    bus = '/sys/bus/pci/devices',
    files = driverFiles,
  }: { env?: NodeJS.ProcessEnv; platform?: string; bus?: string; files?: readonly string[] } = {},
): boolean =>
  device !== undefined ||
  tf32 === true ||
  env['CUDA_VISIBLE_DEVICES'] !== undefined ||
  platform === 'win32' ||
  files.some((file) => existsSync(file)) ||
  isOnBus(bus)

const isOnBus = (bus: string): boolean => {
  try {
    return readdirSync(bus).some((device) => readFileSync(join(bus, device, 'vendor'), 'utf8').trim() === vendor)
  } catch {
    return false // another platform, or a sandbox
  }
}
