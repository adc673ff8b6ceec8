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
  sub,
  tensor,
  tensor1d,
  tidy,
  type Rank,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
} from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'
import { wasmBackend } from './index'

const wasm = wasmBackend()
const record = wasm.record as NonNullable<typeof wasm.record>

beforeAll(async () => {
  env().set('IS_TEST', true)
  await wasm.start()
})

const count = 64
const images = Uint8Array.from({ length: count * 784 }, (_, i) => (i % 5 === 0 ? (i * 31) % 256 : 0))
const labels = Uint8Array.from({ length: count }, (_, i) => i % 10)
const dataIds = () => (backend() as BackendWasm).numDataIds()

const small = (shape: number[], seed: number) => {
  const size = shape.reduce((product, side) => product * side, 1)
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898 + seed) / 10),
    shape,
  )
}

/** One step of a convolution, a hidden layer and a classifier, on a batch of 8. */
const stepOn = (weights: readonly Tensor[], source: ReturnType<typeof batchSource>, rule: Rule) => {
  const [filter, bias, w1, b1, w2, b2] = weights as [Tensor4D, Tensor1D, Tensor2D, Tensor1D, Tensor2D, Tensor1D]
  return (start: number, step: number) =>
    tidy((): Tensor[] => {
      const batch = source.batch(start, 8)
      const pooled = convReluPool(batch.images, filter, bias, 1)
      const flat = reshape<Rank.R2>(pooled.y, [8, -1])
      const hidden = dense(flat, w1, b1, 'relu')
      const logits = dense(hidden, w2, b2, 'identity')
      const { summary, dLogits } = softmaxCrossEntropy(logits, batch.labels, 1 / 8)
      const second = denseGrad(dLogits, hidden, w2, logits, 'identity', true)
      const first = denseGrad(second.dx as Tensor2D, flat, w1, hidden, 'relu', true)
      const dPooled = reshape<Rank.R4>(first.dx as Tensor2D, pooled.y.shape)
      const conv = convReluPoolGrad(dPooled, batch.images, filter, pooled, 1, false)
      const gradients = [conv.dFilter, conv.dBias, first.dWeight, first.dBias, second.dWeight, second.dBias]
      rule(weights, gradients, step)
      return [summary]
    })
}
type Rule = (weights: readonly Tensor[], gradients: readonly Tensor[], step: number) => void

const shapes = [[3, 3, 1, 4], [4], [14 * 14 * 4, 30], [30], [30, 10], [10]]
/** Of a step: those of all steps, or the step's own. */
type Options = <Kept extends Record<string, number>>(
  step: number,
  learningRate: number,
  kept?: Kept,
) => Kept & { learningRate: number }
const steady: Options = (_, learningRate, kept) => ({ ...(kept as NonNullable<typeof kept>), learningRate })
/** As a schedule has it that changes the learning rate, and momentum or beta1 with it, at every step. */
const scheduled: Options = (step, learningRate, kept) => ({
  ...(Object.fromEntries(Object.keys(kept ?? {}).map((name) => [name, 0.95 - step / 64])) as NonNullable<typeof kept>),
  learningRate: (learningRate * step) / 7,
})
let options = steady

const rules: Record<string, (kept: readonly (readonly Tensor[])[]) => Rule> = {
  sgd: () => (weights, gradients, step) =>
    void sgdStep(weights, gradients, [], step, { ...options(step, 0.1), momentum: 0, weightDecay: 0 }),
  momentum:
    ([velocities = []]) =>
    (weights, gradients, step) =>
      void sgdStep(weights, gradients, velocities, step, {
        ...options(step, 0.1, { momentum: 0.9 }),
        weightDecay: 0.01,
      }),
  adam:
    ([first = [], second = []]) =>
    (weights, gradients, step) =>
      void adamStep(weights, gradients, first, second, step, {
        ...{ ...options(step, 0.01, { beta1: 0.9 }), beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
      }),
}

/** What a repetition is told of the options that change. */
const ownOptions = (name: string, step: number) => {
  if (options === steady) return {}
  const kept = { sgd: {}, momentum: { momentum: 0 }, adam: { beta1: 0 } }[name]
  return { values: options<Record<string, number>>(step, name === 'adam' ? 0.01 : 0.1, kept) }
}

/** Six steps, repeated from the second on where told to. */
const train = async (name: string, repeated: boolean) => {
  const weights = shapes.map((shape, i) => small(shape, i))
  const kept = [0, 1].map(() => shapes.map((shape) => tensor(new Float32Array(shape.reduce((a, b) => a * b)), shape)))
  const source = batchSource(images, labels, [28, 28])
  source.setOrder(Int32Array.from({ length: count }, (_, i) => (i * 5) % count))
  const step = stepOn(weights, source, (rules[name] as (typeof rules)[string])(kept))
  const losses: number[] = []
  let held: ReturnType<typeof record<Tensor[]>> | undefined
  let replays = 0
  const letGo = () => {
    held?.result.forEach((tensor) => tensor.dispose())
    held?.recording?.dispose()
  }
  for (let n = 1; n <= 6; n++) {
    const start = 8 * (n - 1)
    if (held?.recording?.replay({ start, step: n, ...ownOptions(name, n) })) replays++
    else {
      letGo()
      held = repeated ? record(() => step(start, n)) : { result: step(start, n), recording: undefined }
    }
    losses.push(held?.result[0]?.dataSync()[0] ?? NaN)
  }
  letGo()
  const values = weights.map((weight) => weight.dataSync())
  for (const held of [...weights, ...kept.flat()]) held.dispose()
  source.dispose()
  return { losses, values, replays }
}

test.each(['sgd', 'momentum', 'adam'])(
  'a repeated step gives the bits of the step itself, with %s, and leaks nothing',
  async (name) => {
    await train(name, false) // the scratch memory has its size then
    const [tensors, ids] = [memory().numTensors, dataIds()]
    const plain = await train(name, false)
    const repeated = await train(name, true)
    expect(repeated.replays).toBe(5)
    expect(repeated.losses).toEqual(plain.losses)
    expect(repeated.values).toEqual(plain.values)
    expect(new Set(plain.losses).size).toBe(6)
    expect(memory().numTensors).toBe(tensors)
    expect(dataIds()).toBe(ids)
  },
)

test.each(['sgd', 'momentum', 'adam'])('a repeated step takes the options that are its own, with %s', async (name) => {
  options = scheduled
  try {
    const plain = await train(name, false)
    const repeated = await train(name, true)
    expect(repeated.replays).toBe(5)
    expect(repeated.losses).toEqual(plain.losses)
    expect(repeated.values).toEqual(plain.values)
    options = steady
    expect((await train(name, true)).values).not.toEqual(plain.values)
  } finally {
    options = steady
  }
})

test('what lies where a repetition writes is nobody else’s', () => {
  const [x, w, b] = [small([4, 784], 1), small([784, 10], 2), small([10], 3)] as [Tensor2D, Tensor2D, Tensor1D]
  const v = small([10, 10], 4) as Tensor2D
  const { result, recording } = record(() => tidy(() => dense(dense(x, w, b, 'relu'), v, b, 'identity')))
  const others = Array.from({ length: 20 }, (_, i) => small([4, 10], i)) // where the inner result lay, if it was freed
  const before = others.map((other) => other.dataSync())
  expect(recording?.replay({ start: 0, step: 1 })).toBe(true)
  expect(others.map((other) => other.dataSync())).toEqual(before)
  recording?.dispose()
  for (const held of [result, x, w, b, v, ...others]) held.dispose()
})

test('a computation with a stock kernel, or with values from the host, makes no recording', () => {
  const x = tensor1d([1, 2])
  const ids = dataIds()
  for (const compute of [() => sub(x, x), () => tensor1d([3])]) {
    const { result, recording } = record(compute)
    expect(recording).toBeUndefined()
    result.dispose()
  }
  expect(() => record(() => sub(x, tensor1d([1, 2, 3])))).toThrow()
  expect(dataIds()).toBe(ids + 1) // the operand that nobody disposed of
  x.dispose()
})

test('a recording is of no use once the scratch memory moved', () => {
  const [x, w, b] = [small([4, 784], 1), small([784, 10], 2), small([10], 3)] as [Tensor2D, Tensor2D, Tensor1D]
  const { result, recording } = record(() => dense(x, w, b, 'identity'))
  expect(recording?.replay({ start: 0, step: 1 })).toBe(true)
  // Rows that are no whole vectors are copied to scratch memory.
  const wide = [tensor(new Float32Array(784 * 4001), [784, 4001]), tensor(new Float32Array(4001), [4001])] as const
  dense(x, wide[0] as Tensor2D, wide[1] as Tensor1D, 'identity').dispose()
  expect(recording?.replay({ start: 0, step: 1 })).toBe(false)
  recording?.dispose()
  for (const held of [result, x, w, b, ...wide]) held.dispose()
})
