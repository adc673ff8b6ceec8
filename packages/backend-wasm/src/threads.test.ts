// Threads share the elements of every kernel's result: each number of them gives the same bits.
import {
  adamStep,
  batchSource,
  convReluPool,
  convReluPoolGrad,
  dense,
  denseGrad,
  sgdStep,
  softmaxCrossEntropy,
} from '@digitlab/ops'
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import {
  backend,
  env,
  memory,
  reshape,
  tensor,
  tidy,
  zeros,
  type Rank,
  type Tensor,
  type Tensor1D,
} from '@tensorflow/tfjs-core'
import type { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { wasmBackend } from './index'
import { withSharing } from './sharing'
import { createTuner } from './tuner'

const wasm = wasmBackend()
const record = wasm.record as NonNullable<typeof wasm.record>
const useThreads = wasm.useThreads as NonNullable<typeof wasm.useThreads>

beforeAll(async () => {
  env().set('IS_TEST', true)
  await wasm.start()
})
afterEach(async () => void (await useThreads(1)))

const side = 13 // rows of 169 pixels are no whole blocks
const count = 90
const images = Uint8Array.from({ length: count * side * side }, (_, i) => (i % 7 < 2 ? (i * 31) % 256 : 0))
const labels = Uint8Array.from({ length: count }, (_, i) => i % 10)

const values = (shape: readonly number[], seed: number) => {
  const size = shape.reduce((product, length) => product * length, 1)
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898 + seed) / 5),
    [...shape],
  )
}

/** Two convolutions, three dense layers, of which two are wide, and no size that is a multiple of anything. */
const shapes = [[3, 3, 1, 8], [8], [3, 3, 8, 10], [10], [90, 33], [33], [33, 50], [50], [50, 10], [10]]

const steps = async (batchSize: number, adam: boolean, many = 5) => {
  const weights = shapes.map((shape, i) => values(shape, i))
  const moments = [0, 1].map(() => shapes.map((shape) => zeros(shape)))
  const source = batchSource(images, labels, [side, side])
  const step = (start: number, n: number): Tensor[] => {
    const [f1, c1, f2, c2, w1, b1, w2, b2, w3, b3] = weights as unknown as [
      ...[Tensor4D, Tensor1D, Tensor4D, Tensor1D, Tensor2D, Tensor1D, Tensor2D, Tensor1D, Tensor2D, Tensor1D],
    ]
    const batch = source.batch(start, batchSize)
    const first = convReluPool(batch.images, f1, c1, 1) // [batch, 6, 6, 8]
    const second = convReluPool(first.y, f2, c2, 1) // [batch, 3, 3, 10]
    const flat = reshape<Rank.R2>(second.y, [batchSize, 90])
    const h1 = dense(flat, w1, b1, 'relu')
    const h2 = dense(h1, w2, b2, 'relu')
    const logits = dense(h2, w3, b3, 'identity')
    const { summary, dLogits } = softmaxCrossEntropy(logits, batch.labels, 1 / batchSize)
    const g3 = denseGrad(dLogits, h2, w3, logits, 'identity', true)
    const g2 = denseGrad(g3.dx as Tensor2D, h1, w2, h2, 'relu', true)
    const g1 = denseGrad(g2.dx as Tensor2D, flat, w1, h1, 'relu', true)
    const dSecond = reshape<Rank.R4>(g1.dx as Tensor2D, second.y.shape)
    const k2 = convReluPoolGrad(dSecond, first.y, f2, second, 1, true)
    const k1 = convReluPoolGrad(k2.dx as Tensor4D, batch.images, f1, first, 1, false)
    const gradients = [...[k1, k2].flatMap(({ dFilter, dBias }) => [dFilter, dBias] as Tensor[])]
    gradients.push(...[g1, g2, g3].flatMap(({ dWeight, dBias }) => [dWeight, dBias]))
    if (adam)
      adamStep(weights, gradients, moments[0] as Tensor[], moments[1] as Tensor[], n, {
        ...{ learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
      })
    else sgdStep(weights, gradients, moments[0] as Tensor[], n, { learningRate: 0.1, momentum: 0.9, weightDecay: 0 })
    return [summary]
  }
  const found: Float32Array[] = []
  let held: ReturnType<typeof record<Tensor[]>> | undefined
  const letGo = () => {
    held?.result.forEach((each) => each.dispose())
    held?.recording?.dispose()
  }
  let replays = 0
  for (let n = 1; n <= many; n++) {
    const start = (n * 7) % (count - batchSize)
    if (held?.recording?.replay({ start, step: n })) replays++
    else {
      letGo()
      held = record(() => tidy(() => step(start, n)))
    }
    found.push(new Float32Array(held?.result[0]?.dataSync() as Float32Array))
  }
  letGo()
  found.push(...weights.map((weight) => new Float32Array(weight.dataSync() as Float32Array)))
  for (const each of [...weights, ...moments.flat()]) each.dispose()
  source.dispose()
  return { found, replays }
}

describe.each([false, true])('adam: %s', (adam) => {
  test.each([1, 3, 30, 64])('batches of %i', async (batchSize) => {
    await steps(batchSize, adam, 2) // scratch memory has its size then
    const alone = await steps(batchSize, adam)
    expect(alone.replays).toBeGreaterThan(2)
    expect(alone.found.every((one) => one.every(Number.isFinite))).toBe(true)
    for (const threads of [2, 3, 5, 8]) {
      expect(await useThreads(threads)).toBe(threads)
      await steps(batchSize, adam, 2)
      const shared = await steps(batchSize, adam)
      expect(shared.replays).toBe(4)
      expect(shared.found, `${threads} threads`).toEqual(alone.found)
    }
  })
})

test('fewer threads may take a step where that is faster, and nothing is lost', async () => {
  await useThreads(4, { fewer: true })
  const [tensors, ids] = [memory().numTensors, (backend() as BackendWasm).numDataIds()]
  const tuned = await steps(8, false, 60)
  await useThreads(1)
  expect(tuned.found).toEqual((await steps(8, false, 60)).found)
  expect([memory().numTensors, (backend() as BackendWasm).numDataIds()]).toEqual([tensors, ids])
})

test('memory may grow beneath the threads', async () => {
  await useThreads(2)
  await steps(8, false)
  const big = tensor(new Float32Array(20_000_000))
  const grown = await steps(8, false)
  big.dispose()
  await useThreads(1)
  expect((await steps(8, false)).found).toEqual(grown.found)
})

describe('how many threads take a step', () => {
  const settle = (time: (threads: number) => number, count = 8) => {
    const tuner = createTuner(count)
    for (let i = 0; i < 400; i++) tuner.took(time(tuner.next()))
    return tuner.next()
  }
  test('is what was fastest', () => {
    expect(settle((threads) => 100 / threads)).toBe(8)
    expect(settle((threads) => 100 + threads)).toBe(1)
    expect(settle((threads) => Math.abs(threads - 4) + 1)).toBe(4)
    expect(settle((threads) => 10 / threads, 2)).toBe(2)
  })
  test('is looked at again after a while', () => {
    const tuner = createTuner(2)
    for (let i = 0; i < 100; i++) tuner.took(10 / tuner.next())
    expect(tuner.next()).toBe(2)
    for (let i = 0; i < 200; i++) tuner.took(10 * tuner.next())
    expect(tuner.next()).toBe(1)
  })
})

test('the bit that shares a memory is set where it is imported and where it is declared, and in no other module', () => {
  const header = [0, 97, 115, 109, 1, 0, 0, 0]
  const importing = Uint8Array.from([...header, 2, 11, 1, 1, 101, 1, 109, 2, 1, 0, 128, 128, 4])
  const declaring = Uint8Array.from([...header, 5, 4, 1, 1, 1, 16])
  for (const [module, at] of [
    [importing, 16],
    [declaring, 11],
  ] as const) {
    const shared = withSharing(module, true) as Uint8Array
    expect(shared[at]).toBe(3)
    expect(WebAssembly.validate(shared as Uint8Array<ArrayBuffer>)).toBe(true)
    expect(withSharing(shared, false)).toEqual(module)
  }
  expect(withSharing(Uint8Array.from(header), true)).toBeUndefined()
  expect(withSharing(Uint8Array.from([...header, 5, 3, 1, 0, 1]), true)).toBeUndefined() // without a largest size
})
