// What a machine without a driver, with one that is too old, and without permission is told.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { noStandin, needStandin } from '../standin/backend'
import { buildStandin } from '../standin/build'
import { cudaBackendOn, type CudaOptions } from './cuda-backend'
import { DriverError } from './driver-error'
import { libraryName, loadDriver, NoDriver } from './driver'
import { choice, chooseGpu, closedDeviceFile, refusal } from './probe'

const probe = async (options: CudaOptions = {}, path = buildStandin()) =>
  cudaBackendOn(options, { driver: async () => loadDriver(path) }).probe()

describe('without a driver', () => {
  test('the library that is missing is named', async () => {
    const answer = await probe({}, 'libcuda-that-is-not-there.so.1')
    expect(answer).toMatchObject({
      usable: false,
      reason: "the NVIDIA driver's library libcuda-that-is-not-there.so.1 cannot be loaded here",
      remedy: expect.stringContaining('install the NVIDIA driver 470 or later') as string,
    })
  })
  test('starting says the same and is an error that a user can mend', async () => {
    const backend = cudaBackendOn({}, { driver: async () => loadDriver('not-there.so') })
    await expect(backend.start()).rejects.toMatchObject({ name: 'BackendError', mendable: true })
    await expect(backend.start()).rejects.toThrow('the backend "cuda" cannot start: the NVIDIA driver\'s library')
  })
  test('a system that NVIDIA has no driver for has no library', () => {
    expect(['linux', 'win32', 'darwin'].map(libraryName)).toEqual(['libcuda.so.1', 'nvcuda.dll', undefined])
  })
  test('a library that is no driver is too old or foreign, and says which function it lacks', async (context) => {
    if (process.platform !== 'linux') return context.skip('libm.so.6 is the library to try, on Linux')
    await expect(loadDriver('libm.so.6')).rejects.toThrow(NoDriver)
    await expect(loadDriver('libm.so.6')).rejects.toThrow('cuDriverGetVersion')
  })
})

describe('with a driver (the stand-in)', () => {
  needStandin()
  const variables = ['CUDA_STANDIN_VERSION', 'CUDA_STANDIN_DEVICES', 'CUDA_STANDIN_CAPABILITY', 'CUDA_VISIBLE_DEVICES']
  let fail: (calls: string) => number
  beforeEach(async () => {
    if (noStandin !== undefined) return
    fail = (await import('../standin/control')).failCalls
  })
  afterEach(() => {
    if (noStandin !== undefined) return
    fail('')
    for (const variable of variables) Reflect.deleteProperty(process.env, variable)
  })

  test('a GPU that can be used is named', async () => {
    expect(await probe()).toEqual({ usable: true, device: 'host stand-in 0 for tests, not a GPU' })
  })

  test.each([
    ['11030', '11.3'],
    ['10010', '10.1'],
  ])('a driver of version %s is too old', async (version, shown) => {
    process.env['CUDA_STANDIN_VERSION'] = version
    expect(await probe()).toEqual({
      usable: false,
      reason: `the NVIDIA driver is for CUDA ${shown}, and CUDA 11.4 (driver 470) is the oldest that will do`,
      remedy: 'install a newer NVIDIA driver',
    })
  })

  const results = [1, 2, 3, 34, 46, 100, 101, 214, 221, 222, 304, 702, 719, 800, 802, 803, 804, 999, 12345]
  test.each(results)('CUresult %i from cuInit is told with its name and a remedy', async (code) => {
    fail(`cuInit=${code}`)
    const answer = await probe()
    if (answer.usable) throw new Error('a driver that does not start was found usable')
    expect(answer.reason).toMatch(
      new RegExp(`\\((CUDA_ERROR_[A-Z_]+|an unknown CUresult) \\(${code}\\) from cuInit\\)$`),
    )
    expect(answer.remedy.length).toBeGreaterThan(10)
  })

  test.each(['cuDeviceGetCount', 'cuDeviceGet', 'cuDeviceGetName', 'cuDeviceGetAttribute'])(
    'a failure of %s is told too',
    async (call) => {
      fail(`${call}=999`)
      expect(await probe()).toMatchObject({
        usable: false,
        reason: expect.stringContaining(`CUDA_ERROR_UNKNOWN (999) from ${call}`) as string,
      })
    },
  )

  test('no GPU at all, and a number that no GPU has', async () => {
    process.env['CUDA_STANDIN_DEVICES'] = '0'
    expect(await probe()).toMatchObject({ usable: false, reason: 'the NVIDIA driver finds no GPU' })
    process.env['CUDA_STANDIN_DEVICES'] = '2'
    expect(await probe({ device: 1 })).toEqual({
      usable: true,
      device:
        'host stand-in 1 for tests, not a GPU (device 0: host stand-in 0 for tests, not a GPU, 1: host stand-in 1 for tests, not a GPU)',
    })
    expect(await probe({ device: 2 })).toMatchObject({
      reason:
        'there is no GPU 2, this machine has 2 (0: host stand-in 0 for tests, not a GPU, 1: host stand-in 1 for tests, not a GPU)',
    })
  })

  test('a GPU that is too old, and one without TF32', async () => {
    process.env['CUDA_STANDIN_CAPABILITY'] = '52'
    expect(await probe()).toMatchObject({
      usable: false,
      reason: expect.stringContaining('has compute capability 5.2, and 6.0 is the oldest that will do') as string,
    })
    process.env['CUDA_STANDIN_CAPABILITY'] = '75'
    expect(await probe()).toMatchObject({ usable: true })
    expect(await probe({ precision: 'tf32' })).toMatchObject({
      usable: false,
      reason: expect.stringContaining('of compute capability 7.5 has none') as string,
    })
  })

  test('CUDA_VISIBLE_DEVICES that hides every GPU is named', async () => {
    process.env['CUDA_VISIBLE_DEVICES'] = '7'
    fail('cuInit=100')
    expect(await probe()).toMatchObject({ reason: expect.stringContaining('CUDA_VISIBLE_DEVICES is "7"') as string })
  })
})

describe('without permission', () => {
  test('a device file that may not be opened is named, whatever the driver answers', () => {
    for (const code of [100, 999, 304]) {
      const error = new DriverError(code, 'CUDA_ERROR_SOMETHING', 'cuInit')
      expect(refusal(error, '/dev/nvidia0')).toEqual({
        usable: false,
        reason: `this user may not open /dev/nvidia0, and the NVIDIA driver answers CUDA_ERROR_SOMETHING (${code}) from cuInit`,
        remedy:
          'add the user to the group that owns it (ls -l shows it; often video or render), or mend its permissions',
      })
    }
  })
  test('such a file is found where there is one', (context) => {
    if (process.getuid?.() === 0) return context.skip('root may open every file')
    const folder = mkdtempSync(join(tmpdir(), 'digitlab-cuda-'))
    const [open, closed] = [join(folder, 'open'), join(folder, 'closed')]
    writeFileSync(open, '')
    writeFileSync(closed, '', { mode: 0o000 })
    expect(closedDeviceFile([join(folder, 'missing'), open])).toBeUndefined()
    expect(closedDeviceFile([open, closed])).toBe(closed)
    rmSync(folder, { recursive: true })
  })
  test('what is no error of the driver is not explained away', () => {
    expect(() => refusal(new TypeError('a bug'))).toThrow('a bug')
  })
})

test('GPUs are chosen in the driver’s order', () => {
  const gpus = [
    { handle: 0, name: 'A', capability: 90 },
    { handle: 1, name: 'B', capability: 61 },
  ]
  expect(chooseGpu(gpus, 1)).toEqual({ gpu: gpus[1] })
})

test('of several GPUs it is said how each is chosen', () => {
  const gpus = (...names: string[]) => names.map((name, handle) => ({ handle, name, capability: 90 }))
  expect(choice(gpus('A'))).toBe('')
  expect(choice(gpus('A', 'A', 'A'))).toBe(', one of 3 (device 0 to 2)')
  expect(choice(gpus('A', 'B'))).toBe(' (device 0: A, 1: B)')
})
