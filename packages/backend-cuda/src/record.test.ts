// A step recorded as a CUDA graph: the same bits as the step itself, one call of the driver a repetition, results read in bunches.
import {
  batchSource,
  convReluPool,
  convReluPoolGrad,
  dense,
  denseGrad,
  sgdStep,
  adamStep,
  softmaxCrossEntropy,
} from '@digitlab/ops'
import {
  add,
  backend as currentBackend,
  memory,
  reshape,
  tensor,
  tensor1d,
  tidy,
  type Rank,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
} from '@tensorflow/tfjs-core'
import type { Recording } from '@digitlab/backends'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { noStandin, standinBackend, needStandin } from '../standin/backend'
import type * as Control from '../standin/control'
import type { CudaTensors } from './cuda-tensors'

const cuda = standinBackend()
const record = cuda.record as NonNullable<typeof cuda.record>

const count = 64
const images = Uint8Array.from({ length: count * 784 }, (_, i) => (i % 5 === 0 ? (i * 31) % 256 : 0))
const labels = Uint8Array.from({ length: count }, (_, i) => i % 10)

const small = (shape: number[], seed: number) => {
  const size = shape.reduce((product, side) => product * side, 1)
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898 + seed) / 10),
    shape,
  )
}

type Rule = (weights: readonly Tensor[], gradients: readonly Tensor[], step: number) => void

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
      rule(weights, [conv.dFilter, conv.dBias, first.dWeight, first.dBias, second.dWeight, second.dBias], step)
      return [summary]
    })
}

/** The same of a classifier alone, which is quicker. */
const smallStepOn = (weights: readonly Tensor[], source: ReturnType<typeof batchSource>, rule: Rule) => {
  const [weight, bias] = weights as [Tensor2D, Tensor1D]
  return (start: number, step: number) =>
    tidy((): Tensor[] => {
      const { images, labels } = source.batch(start, 8)
      const logits = dense(images, weight, bias, 'identity')
      const { summary, dLogits } = softmaxCrossEntropy(logits, labels, 1 / 8)
      const { dWeight, dBias } = denseGrad(dLogits, images, weight, logits, 'identity', false)
      rule(weights, [dWeight, dBias], step)
      return [summary]
    })
}

const largeShapes = [[3, 3, 1, 4], [4], [14 * 14 * 4, 30], [30], [30, 10], [10]]
const smallShapes = [[16, 10], [10]]
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

/** Steps over the order again and again, of the smaller model where they are many; repeated from the second on where told to; losses are read at the end. */
const train = async (name: string, repeated: boolean, steps = 6) => {
  const few = steps <= 6
  const [shapes, on, side] = few ? [largeShapes, stepOn, 28] : [smallShapes, smallStepOn, 4]
  const weights = shapes.map((shape, i) => small(shape, i))
  const kept = [0, 1].map(() => shapes.map((shape) => tensor(new Float32Array(shape.reduce((a, b) => a * b)), shape)))
  const source = batchSource(images.subarray(0, count * side * side), labels, [side, side])
  source.setOrder(Int32Array.from({ length: count }, (_, i) => (i * 5) % count))
  const step = on(weights, source, (rules[name] as (typeof rules)[string])(kept))
  const reads: (() => Promise<ArrayLike<number>>)[] = []
  let held: { result: Tensor[]; recording: Recording } | undefined
  for (let n = 1; n <= steps; n++) {
    const start = 8 * ((n - 1) % 8)
    if (held) expect(held.recording.replay({ start, step: n, ...ownOptions(name, n) })).toBe(true)
    else if (repeated) {
      const { result, recording } = record(() => step(start, n))
      if (!recording) throw new Error('the step could not be recorded')
      held = { result, recording }
    } else {
      const [summary] = step(start, n)
      const values = summary?.data()
      reads.push(async () => (await values) ?? [])
      summary?.dispose()
    }
    if (held?.recording.latest) reads.push(held.recording.latest())
  }
  const losses: (number | undefined)[] = []
  for (const read of reads) losses.push((await read())[0])
  held?.result.forEach((result) => result.dispose())
  held?.recording.dispose()
  const values = await Promise.all(weights.map((weight) => weight.data()))
  for (const tensor of [...weights, ...kept.flat()]) tensor.dispose()
  source.dispose()
  return { losses, values }
}

describe('a recorded step', () => {
  needStandin()
  let control: typeof Control
  beforeAll(async () => {
    if (noStandin !== undefined) return
    control = await import('../standin/control')
    await cuda.start()
  })
  afterEach(() => {
    if (noStandin !== undefined) return
    control.failCalls('')
    control.setOrder(0)
  })
  const used = () => (currentBackend() as CudaTensors).device.memory.usedBytes

  test.each(['sgd', 'momentum', 'adam'])(
    'gives the bits of the step itself, with %s, and leaks nothing',
    async (name) => {
      const before = [memory().numTensors, currentBackend().numDataIds(), used()]
      const plain = await train(name, false)
      const repeated = await train(name, true)
      expect(repeated.losses).toEqual(plain.losses)
      expect(repeated.values).toEqual(plain.values)
      expect(new Set(plain.losses).size).toBe(6)
      expect([memory().numTensors, currentBackend().numDataIds(), used()]).toEqual(before)
    },
  )

  test.each(['sgd', 'momentum', 'adam'])('takes the options that are its own, with %s', async (name) => {
    options = scheduled
    try {
      const plain = await train(name, false)
      const repeated = await train(name, true)
      expect(repeated.losses).toEqual(plain.losses)
      expect(repeated.values).toEqual(plain.values)
      options = steady
      expect((await train(name, true)).values).not.toEqual(plain.values)
    } finally {
      options = steady
    }
  })

  test('gives the same bits in whatever order threads and blocks run', async () => {
    const runs = []
    for (const order of [0, 1, 2]) {
      control.setOrder(order)
      runs.push(await train('adam', true))
    }
    expect(runs[1]).toEqual(runs[0])
    expect(runs[2]).toEqual(runs[0])
  })

  test('is one call of the driver: no launch, no upload', async () => {
    const calls = ['cuGraphLaunch', 'cuLaunchKernel', 'cuMemcpyHtoDAsync', 'cuMemAlloc', 'cuMemcpyDtoHAsync']
    const counted = async (steps: number) => {
      const before = calls.map((name) => control.callsOf(name))
      await train('sgd', true, steps)
      return calls.map((name, i) => control.callsOf(name) - (before[i] ?? 0))
    }
    await counted(7)
    const [few, more] = [await counted(7), await counted(8)]
    // One step more is one launch of the graph, and its loss, as its bunch is not whole, one copy.
    expect(more.map((value, i) => value - (few[i] ?? 0))).toEqual([1, 0, 0, 0, 1])
  })

  test('keeps the results of more steps than a bunch has, which come in bunches', async () => {
    const [steps, bunches] = process.env['DIGITLAB_ALL'] === '1' ? [300, 4] : [150, 2]
    const copies = control.callsOf('cuMemcpyDtoHAsync')
    const repeated = await train('sgd', true, steps)
    // Whole bunches of 64, single ones, 2 weights.
    expect(control.callsOf('cuMemcpyDtoHAsync') - copies).toBe(bunches + (steps - 64 * bunches) + 2)
    const plain = await train('sgd', false, steps)
    expect(repeated.losses).toEqual(plain.losses)
  }, 120_000)

  test('what lies where a repetition writes is nobody else’s', async () => {
    const [x, w, b] = [small([4, 784], 1), small([784, 10], 2), small([10], 3)] as [Tensor2D, Tensor2D, Tensor1D]
    const v = small([10, 10], 4) as Tensor2D
    const { result, recording } = record(() => tidy(() => dense(dense(x, w, b, 'relu'), v, b, 'identity')))
    const others = Array.from({ length: 20 }, (_, i) => small([4, 10], i))
    const before = await Promise.all(others.map((other) => other.data()))
    expect(recording?.replay({ start: 0, step: 1 })).toBe(true)
    expect(await Promise.all(others.map((other) => other.data()))).toEqual(before)
    recording?.dispose()
    expect(recording?.replay({ start: 0, step: 1 })).toBe(false)
    for (const held of [result, x, w, b, v, ...others]) held.dispose()
  })

  test('is none where values came from the host, or went there', () => {
    const x = tensor1d([1, 2])
    const before = used()
    for (const compute of [() => add(x, 1), () => tensor1d([3]), () => (x.dataSync(), add(x, x))]) {
      const { result, recording } = record(() => tidy(compute))
      expect(recording).toBeUndefined()
      result.dispose()
    }
    expect(() =>
      record(() => {
        throw new Error('in the middle')
      }),
    ).toThrow('in the middle')
    expect(used()).toBe(before)
    const { result, recording } = record(() => add(x, x)) // stock kernels are ours too
    expect(recording?.replay({ start: 0, step: 1 })).toBe(true)
    recording?.dispose()
    for (const held of [result, x]) held.dispose()
  })

  test.each(['cuStreamBeginCapture', 'cuStreamEndCapture', 'cuGraphInstantiate', 'cuGraphLaunch'])(
    'that fails at %s is told',
    (call) => {
      const x = tensor1d([1, 2])
      control.failCalls(`${call === 'cuGraphInstantiate' ? 'cuGraphInstantiateWithFlags' : call}=900`)
      const step = () => record(() => add(x, x)).recording?.replay({ start: 0, step: 1 })
      expect(step).toThrow(`CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED (900) from ${call}`)
      control.failCalls('')
    },
  )
})
