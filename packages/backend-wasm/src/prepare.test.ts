import { batchSource, dense, denseGrad, sgdStep, softmaxCrossEntropy } from '@digitlab/ops'
import { env, reshape, tensor, tidy, type Rank, type Tensor, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Call } from './calls'
import { wasmBackend } from './index'
import type { Note, VaryingShared } from './instance'
import type { KernelExport } from './module'
import { prepare } from './prepare'

describe('plain sgd’s step on a wide layer', () => {
  const [x, dz, weight, gradient, other] = [1000, 2000, 3000, 4000, 5000]
  const call = (kernel: KernelExport, parameters: readonly number[], more: Partial<Call> = {}): Call => ({
    ...{ kernel, parameters: [...parameters, 0, 0, more.items ?? 8], items: 8, grain: 1, stride: 0, waits: true },
    ...more,
  })
  const sum = call('weightGradWide', [x, dz, 64, 30, 100, gradient], { items: 30 })
  const note = (kernel: KernelExport, ...parameters: number[]): Note => ({
    shared: (share, { step }) => share(kernel, { items: 3000 }, ...parameters, 0.1 / step),
  })
  const step = note('sgdStep', weight, gradient)
  const callsOf = (varying: VaryingShared, variables: { start: number; step: number }): readonly Call[] => {
    const calls: Call[] = []
    const share: Parameters<VaryingShared>[0] = (kernel, { items, waits = true }, ...parameters) =>
      void calls.push(call(kernel, parameters, { items, waits }))
    varying(share, variables)
    return calls
  }
  const prepared = (...notes: Note[]) => prepare(notes, callsOf, { start: 0, step: 1 })
  const kernels = (...notes: Note[]) =>
    prepared(...notes).parts.flatMap((part) =>
      typeof part === 'function' ? 'varying' : part.calls.map((c) => c.kernel),
    )

  test('is taken where its gradient is summed, each time with the learning rate that it has', () => {
    const { parts, renew } = prepared(call('denseWide', [x, weight, other]), sum, step, call('add', [x, dz, other]))
    const [part] = parts
    if (part === undefined || typeof part === 'function') throw new Error('there are calls')
    expect(part.calls.map(({ kernel }) => kernel)).toEqual(['denseWide', 'weightStepWide', 'add'])
    expect([...part.varying]).toEqual([1])
    expect(part.calls[1]?.parameters).toEqual([x, dz, 64, 30, 100, weight, 0.1, 0, 0, 30])
    expect(renew({ start: 0, step: 2 })).toBe(true)
    expect(part.calls[1]?.parameters[6]).toBe(0.05)
    expect(sum.kernel).toBe('weightGradWide') // what was noted stays as it was
  })

  test('is taken in its turn where anything else is given the gradient, or the weights before it', () => {
    expect(kernels(sum, call('add', [gradient, x, other]), step)).toContain('sgdStep')
    expect(kernels(sum, step, call('add', [gradient, x, other]))).toContain('sgdStep')
    expect(kernels(sum, call('denseTranspose', [weight, 30, 100, other]), step)).toContain('sgdStep')
    expect(kernels(sum, { varying: () => {} }, step)).toEqual(['weightGradWide', 'varying', 'sgdStep'])
    expect(kernels(sum, note('sgdMomentumStep', weight, gradient))).toEqual(['weightGradWide', 'sgdMomentumStep'])
    const reads = call('denseTranspose', [weight, 30, 100, other], { waits: false })
    expect(kernels(reads, sum, step)).toContain('sgdStep') // another thread may still be reading
    expect(kernels(reads, call('denseZ', [dz]), sum, step)).toEqual(['denseTranspose', 'denseZ', 'weightStepWide'])
  })

  test('what comes after it still waits for what was before', () => {
    const before = call('columnSums', [dz, 64, 100, other], { waits: false })
    const [part] = prepared(sum, before, step, call('add', [x, dz, other])).parts
    expect(typeof part === 'object' && part.calls.map(({ kernel, waits }) => [kernel, waits])).toEqual([
      ['weightStepWide', true],
      ['columnSums', true],
      ['add', true],
    ])
  })

  test('other calls than before are prepared anew', () => {
    const changing: Note = {
      shared: (share, { step }) => share(step < 3 ? 'sgdStep' : 'sgdMomentumStep', { items: 3000 }, weight, gradient),
    }
    expect(prepared(sum, changing).renew({ start: 0, step: 2 })).toBe(true)
    expect(prepared(sum, changing).renew({ start: 0, step: 3 })).toBe(false)
  })
})

const wasm = wasmBackend()
const record = wasm.record as NonNullable<typeof wasm.record>
const useThreads = wasm.useThreads as NonNullable<typeof wasm.useThreads>

beforeAll(async () => {
  env().set('IS_TEST', true)
  await wasm.start()
})
afterEach(async () => void (await useThreads(1)))

const [count, pixels, batchSize] = [64, 784, 16]

/** Weights after five steps of a hidden layer on images, repeated or not. */
const trained = (images: Uint8Array, hidden: number, repeated: boolean) => {
  const filled = (shape: readonly number[], seed: number) =>
    tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i * 12.9898 + seed) / 10),
      [...shape],
    )
  const weights = [[pixels, hidden], [hidden], [hidden, 10], [10]].map(filled)
  const [w1, b1, w2, b2] = weights as [Tensor2D, Tensor1D, Tensor2D, Tensor1D]
  const source = batchSource(
    images,
    Uint8Array.from({ length: count }, (_, i) => i % 10),
    [28, 28],
  )
  source.setOrder(Int32Array.from({ length: count }, (_, i) => (i * 5) % count))
  const rate = (n: number) => 0.3 / n
  const step = (n: number) =>
    tidy((): Tensor[] => {
      const batch = source.batch((n % 3) * batchSize, batchSize)
      const flat = reshape<Rank.R2>(batch.images, [batchSize, pixels])
      const h = dense(flat, w1, b1, 'relu')
      const logits = dense(h, w2, b2, 'identity')
      const { summary, dLogits } = softmaxCrossEntropy(logits, batch.labels, 1 / batchSize)
      const second = denseGrad(dLogits, h, w2, logits, 'identity', true)
      const first = denseGrad(second.dx as Tensor2D, flat, w1, h, 'relu', false)
      const gradients = [first.dWeight, first.dBias, second.dWeight, second.dBias]
      sgdStep(weights, gradients, [], n, { learningRate: rate(n), momentum: 0, weightDecay: 0 })
      return [summary]
    })
  let held: ReturnType<typeof record<Tensor[]>> | undefined
  const letGo = () => {
    held?.result.forEach((each) => each.dispose())
    held?.recording?.dispose()
  }
  let replays = 0
  for (let n = 1; n <= 5; n++) {
    const own = { start: (n % 3) * batchSize, step: n, values: { learningRate: rate(n) } }
    if (held?.recording?.replay(own)) replays++
    else {
      letGo()
      held = repeated ? record(() => step(n)) : { result: step(n), recording: undefined }
    }
  }
  letGo()
  const values = weights.map((weight) => new Uint32Array(weight.dataSync<'float32'>().slice().buffer))
  for (const weight of weights) weight.dispose()
  source.dispose()
  return { values, replays }
}

/** Columns: a multiple of eight, of four alone, of neither. */
test.each([32, 36, 100, 33])(
  'steps of a layer of %i have the bits of gradient and step one after the other',
  async (hidden) => {
    for (const every of [1, 5]) {
      // Of one in five pixels some are black in all images, and the others few.
      const images = Uint8Array.from({ length: count * pixels }, (_, i) => (i % every === 0 ? 1 + ((i * 31) % 255) : 0))
      trained(images, hidden, false) // the scratch memory has its size then
      const { values } = trained(images, hidden, false)
      for (const threads of [1, 3]) {
        await useThreads(threads)
        trained(images, hidden, false)
        const repeated = trained(images, hidden, true)
        expect(repeated.replays).toBe(4)
        expect(repeated.values, `${threads} threads`).toEqual(values)
      }
    }
  },
)
