// What compares a kernel with the plain reference in its own file, on the stand-in.
import { backend as currentBackend } from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, expect } from 'vitest'
import type { CudaTensors } from '../src/cuda-tensors'
import type { Device, KernelArgument, Launch } from '../src/device'
import { readPtx, type KernelLayout } from '../src/ptx'
import { needStandin, noStandin, standinBackend } from './backend'

/** References are not in the PTX, and take what their kernels take. */
const addReferences = (): void => {
  const kernels = readPtx('kernels').kernels as Map<string, KernelLayout>
  const like = (reference: string, kernel: string) => {
    const layout = kernels.get(kernel)
    if (!layout) throw new Error(`there is no kernel ${kernel}`)
    kernels.set(reference, layout)
  }
  like('denseReference', 'denseWide')
  like('denseGradReference', 'denseGrad')
  like('convReluPoolReference', 'convReluPool3')
  like('softmaxCrossEntropyReference', 'softmaxCrossEntropy')
  like('gatherBatchReference', 'gatherBatch')
  like('activationReference', 'activation')
  like('activationGradReference', 'activationGrad')
  like('batchNormReference', 'batchNorm')
  like('batchNormGradReference', 'batchNormGrad')
  const taking = (pointers: number, struct: number): KernelLayout => ({
    parameters: [
      ...Array.from({ length: pointers }, (_, i) => ({ type: 'u64', offset: 8 * i, size: 8 }) as const),
      { type: 'bytes', offset: 8 * pointers, size: struct },
    ],
    size: 8 * pointers + struct,
  })
  kernels.set('convReluPoolGradReference', taking(7, 40))
  kernels.set('convolutionReference', taking(4, 64))
  kernels.set('convolutionGradReference', taking(6, 64))
}

/** Small whole numbers, some of them 0: sums of their products are exact in float32, whatever their order. */
export const whole = (size: number, seed: number) => {
  let state = (seed * 2654435761 + 1) >>> 0
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (Math.floor(state / 2 ** 24) % 7) - 3
  })
}
export const fractions = (size: number, seed: number) => whole(size, seed).map((value, i) => value / 3 + Math.sin(i))

type Values = Float32Array | Int32Array | Uint8Array

/** A launch of one thread. */
export const plain = (kernel: string, values: readonly KernelArgument[]): Launch => ({
  kernel,
  blocks: [1],
  threads: 1,
  arguments: values,
})

/** What kernels are run with in a file of tests; without the stand-in they are skipped, or fail where it is required. */
export const referenceTests = () => {
  needStandin()
  let device: Device
  let setOrder: (order: number) => number
  beforeAll(async () => {
    if (noStandin !== undefined) return
    await standinBackend().start()
    ;({ device } = currentBackend() as CudaTensors)
    addReferences()
    ;({ setOrder } = await import('./control'))
  })
  afterEach(() => void (noStandin === undefined && setOrder(0)))

  /** Runs launches on inputs and outputs of their own; answers the outputs' bytes. */
  const run = (
    inputs: readonly Values[],
    outputs: readonly number[],
    launches: (at: number[], to: number[]) => Launch[],
  ) => {
    const at = inputs.map((values) => {
      const address = device.memory.take(values.byteLength)
      device.upload(address, values)
      return address
    })
    const to = outputs.map((size) => device.memory.take(4 * size))
    for (const launch of launches(at, to)) device.launch(launch)
    const results = outputs.map((size, i) => new Float32Array(device.readNow(to[i] ?? 0, 4 * size)))
    for (const address of [...at, ...to]) device.memory.give(address)
    return results
  }
  /** The reference runs on one thread. */
  const compareWithReference = (
    inputs: readonly Values[],
    outputs: readonly number[],
    launches: (at: number[], to: number[]) => Launch[],
    reference: (at: number[], to: number[]) => Launch,
  ) => {
    const want = run(inputs, outputs, (at, to) => [reference(at, to)])
    for (const order of [0, 1, 2]) {
      setOrder(order)
      expect(run(inputs, outputs, launches)).toEqual(want)
    }
  }
  /**
   * How far results are from those of the reference at most, in units of an output's largest value, or of what it is a difference
   * of; the same bits whatever the order.
   */
  const distances = (
    inputs: readonly Values[],
    outputs: readonly number[],
    launches: (at: number[], to: number[]) => Launch[],
    reference: (at: number[], to: number[]) => Launch[],
    scales: readonly number[] = [],
  ) => {
    const want = run(inputs, outputs, reference)
    const [got = [], ...others] = [0, 1, 2].map((order) => {
      setOrder(order)
      return run(inputs, outputs, launches)
    })
    for (const other of others) expect(other).toEqual(got)
    return want.map((values, i) => {
      const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), scales[i] ?? 1e-30)
      return values.reduce((most, value, j) => Math.max(most, Math.abs(value - (got[i]?.[j] ?? NaN)) / largest), 0)
    })
  }

  return { run, compareWithReference, distances, device: () => device, setOrder: (order: number) => setOrder(order) }
}
