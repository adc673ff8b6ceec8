// The TypeScript around the driver, on the stand-in: launches, memory, reading without waiting, and every error.
import {
  add,
  backend as currentBackend,
  dispose,
  env,
  memory,
  ones,
  tensor,
  tensor1d,
  zeros,
} from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { noStandin, standinBackend, needStandin } from '../standin/backend'
import type * as Control from '../standin/control'
import { buildStandin } from '../standin/build'
import type { CudaTensors } from './cuda-tensors'
import { cudaBackendOn } from './cuda-backend'
import { openDevice, type Device } from './device'
import { DriverError } from './driver-error'
import { loadDriver } from './driver'
import { listGpus } from './probe'

describe('on the stand-in', () => {
  needStandin()
  let control: typeof Control
  let tensors: CudaTensors
  beforeAll(async () => {
    if (noStandin !== undefined) return
    env().set('IS_TEST', true)
    control = await import('../standin/control')
    await standinBackend().start()
    tensors = currentBackend() as CudaTensors
  })
  afterEach(() => {
    if (noStandin !== undefined) return
    control.pause(false)
    control.failCalls('')
  })

  test('starting tells what computes', async () => {
    expect(await standinBackend().start()).toMatchObject({
      id: 'cuda',
      device: 'host stand-in 0 for tests, not a GPU',
      precision: 'float32',
      versions: { 'CUDA of the NVIDIA driver': '13.0', 'compute capability': '9.0' },
    })
  })

  test('data() leaves the event loop free until the values are there', async () => {
    control.pause(true)
    const sum = add(ones([1000]), ones([1000]))
    let arrived = false
    const values = sum.data().then((read) => {
      arrived = true
      return read
    })
    // Would it wait, this would be the end.
    for (let turns = 0; turns < 100; turns++) await new Promise<void>((resolve) => setImmediate(resolve))
    expect(arrived).toBe(false)
    control.pause(false)
    expect((await values).every((value) => value === 2)).toBe(true)
    dispose(sum)
  })

  test('what is read is what was there when reading began', async () => {
    const x = tensor1d([1, 2, 3])
    const before = x.data()
    tensors.device.upload(tensors.address(x), Float32Array.of(7, 8, 9))
    expect([...(await before)]).toEqual([1, 2, 3])
    expect([...x.dataSync()]).toEqual([7, 8, 9])
    dispose(x)
  })

  test('types, empty tensors and scalars go there and back', async () => {
    const values = [
      tensor([1.5, -2]),
      tensor([3, 4], [2], 'int32'),
      tensor([1, 0, 1], [3], 'bool'),
      tensor(5),
      zeros([0, 3]),
    ]
    expect(await Promise.all(values.map(async (value) => [...(await value.data())]))).toEqual([
      ...[[1.5, -2], [3, 4], [1, 0, 1], [5], []],
    ])
    dispose(values)
    expect(() => tensor(['text'])).toThrow('the cuda backend keeps float32, int32 and bool, not string')
  })

  test('memory is used again, and what is disposed of is counted out', () => {
    const step = () => dispose(add(ones([300]), ones([300])))
    const before = [memory().numTensors, tensors.device.memory.usedBytes]
    dispose(ones([300]))
    step()
    const calls = control.callsOf('cuMemAlloc')
    const held = memory().numTensors
    for (let i = 0; i < 5; i++) step()
    expect(control.callsOf('cuMemAlloc')).toBe(calls + 2 * 5) // the two operands that nobody disposes of
    expect(memory().numTensors).toBe(held + 2 * 5)
    expect(before[1]).toBeLessThan(tensors.device.memory.usedBytes)
  })

  test('memory that runs out is taken from what is free, then an error says what to do', async () => {
    dispose(ones([5000]))
    control.failCalls('cuMemAlloc=2@1')
    dispose(ones([6000])) // the second try succeeds
    control.failCalls('cuMemAlloc=2')
    const failing = () => ones([7000])
    expect(failing).toThrow(DriverError)
    expect(failing).toThrow(
      'CUDA_ERROR_OUT_OF_MEMORY (2) from cuMemAlloc: use a smaller batch, another GPU, or end what else holds its memory',
    )
    control.failCalls('')
    expect([...(await ones([2]).data())]).toEqual([1, 1]) // the backend goes on
  })

  const codes = [1, 2, 46, 201, 214, 218, 400, 700, 701, 702, 719, 800, 999, 4242]
  test.each(codes)('CUresult %i is told with its name, the call and the kernel', async (code) => {
    const x = ones([4])
    const named = (call: string) => new RegExp(`^(CUDA_ERROR_[A-Z_]+|an unknown CUresult) \\(${code}\\) from ${call}`)
    control.failCalls(`cuLaunchKernel=${code}`)
    expect(() => add(x, x)).toThrow(named('cuLaunchKernel, kernel binary'))
    control.failCalls(`cuMemcpyHtoDAsync=${code}`)
    expect(() => tensor1d([1])).toThrow(named('cuMemcpyHtoDAsync'))
    control.failCalls(`cuMemcpyDtoHAsync=${code}`)
    expect(() => x.dataSync()).toThrow(named('cuMemcpyDtoHAsync, after the kernels .*binary'))
    control.failCalls(`cuStreamSynchronize=${code}`)
    expect(() => x.dataSync()).toThrow(named('cuStreamSynchronize, after the kernels'))
    control.failCalls(`cuEventQuery=${code}`)
    await expect(x.data()).rejects.toThrow(named('cuEventQuery, after the kernels'))
    control.failCalls('')
    expect([...(await x.data())]).toEqual([1, 1, 1, 1])
  })

  test('a lost GPU fails every later call, and never gives wrong values', async () => {
    const x = ones([4])
    const wrong = tensors.device.memory.take(4)
    tensors.device.launch({ kernel: 'fill', blocks: [4], threads: 256, arguments: [wrong, 1000, 0, 1] })
    await expect(x.data()).rejects.toMatchObject({ name: 'DriverError', code: 700 })
    expect(() => add(x, x)).toThrow('CUDA_ERROR_ILLEGAL_ADDRESS')
    control.failCalls('')
    tensors.device.memory.give(wrong)
  })

  test.each(['cuDevicePrimaryCtxRetain', 'cuCtxSetCurrent', 'cuStreamCreate', 'cuModuleLoadDataEx'])(
    'a start that fails at %s says so',
    async (call) => {
      const driver = await loadDriver(buildStandin())
      const [gpu] = listGpus(driver)
      if (!gpu) throw new Error('the stand-in has no GPU')
      control.failCalls(`${call}=999`)
      const start = () => openDevice(driver, gpu).prepare()
      expect(start).toThrow(`CUDA_ERROR_UNKNOWN (999) from ${call}: see with nvidia-smi`)
    },
  )

  test('synchronous launches name the kernel that failed', async () => {
    const driver = await loadDriver(buildStandin())
    const gpu = listGpus(driver)[0] as Parameters<typeof openDevice>[1]
    const device = openDevice(driver, gpu, { synchronous: true, blockSize: (bytes) => bytes })
    const short = device.memory.take(4)
    const launch = () => device.launch({ kernel: 'fill', blocks: [4], threads: 256, arguments: [short, 1000, 0, 1] })
    expect(launch).toThrow('CUDA_ERROR_ILLEGAL_ADDRESS (700) from cuStreamSynchronize, kernel fill')
    control.failCalls('')
    device.memory.give(short)
    device.dispose()
  })

  test('a launch with wrong parameters is refused before it is made', () => {
    const { device } = tensors
    expect(() => device.launch({ kernel: 'fill', blocks: [1], threads: 32, arguments: [1] })).toThrow(
      'the kernel fill takes 4 parameters, it was given 1',
    )
    expect(() => device.launch({ kernel: 'nothing', blocks: [1], threads: 32, arguments: [] })).toThrow(
      'there is no kernel nothing',
    )
    const broadcast = { kernel: 'binary', blocks: [1] as const, threads: 32 }
    expect(() => device.launch({ ...broadcast, arguments: [1, 1, 1, 1, 0, 0, 0, 0, new ArrayBuffer(4)] })).toThrow(
      'parameter 8 of the kernel binary has 76 bytes, not 4',
    )
  })

  test('a device gives back what it took', async () => {
    const driver = await loadDriver(buildStandin())
    const gpu = listGpus(driver)[0] as Parameters<typeof openDevice>[1]
    const before = control.allocatedBytes()
    const device: Device = openDevice(driver, gpu)
    const block = device.memory.take(1000)
    expect(control.allocatedBytes()).toBe(before + 1024)
    await device.read(block, 1000)()
    device.memory.give(block)
    device.dispose()
    expect(control.allocatedBytes()).toBe(before)
  })

  test('two GPUs compute side by side', async () => {
    process.env['CUDA_STANDIN_DEVICES'] = '2'
    const driver = async () => loadDriver(buildStandin())
    const first = ones([3])
    const info = await cudaBackendOn({ device: 1 }, { driver }).start()
    expect(info.device).toBe('host stand-in 1 for tests, not a GPU')
    const second = add(ones([3]), 1)
    expect((currentBackend() as CudaTensors).device).not.toBe(tensors.device)
    expect([...(await second.data()), ...(await first.data())]).toEqual([2, 2, 2, 1, 1, 1])
    await standinBackend().start()
    expect(currentBackend()).toBe(tensors)
    Reflect.deleteProperty(process.env, 'CUDA_STANDIN_DEVICES')
  })
})
