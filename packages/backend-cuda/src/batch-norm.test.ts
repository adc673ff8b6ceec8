// A recorded step of normalized layers with an activation: the running statistics are moved on by each repetition, where they lie.
import {
  activate,
  activateGrad,
  batchNorm,
  batchNormGrad,
  batchSource,
  dense,
  denseGrad,
  sgdStep,
  softmaxCrossEntropy,
} from '@digitlab/ops'
import {
  backend as currentBackend,
  memory,
  scalar,
  tensor,
  tensor1d,
  tidy,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
} from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { noStandin, needStandin, standinBackend } from '../standin/backend'
import { normPlan } from './batch-norm'
import type { CudaTensors } from './cuda-tensors'

const cuda = standinBackend()
const record = cuda.record as NonNullable<typeof cuda.record>

const [count, batch, side, hidden] = [24, 8, 4, 5]
const options = { momentum: 0.1, epsilon: 1e-5 }

const small = <T extends Tensor>(shape: number[], seed: number) =>
  tensor(
    Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) =>
      Math.sin(i * 13 + seed),
    ),
    shape,
  ) as T

/** Steps of dense, batch normalization, gelu, dense; from the second on repeated where told to. */
const train = async (repeated: boolean, steps: number) => {
  const weights = [[16, hidden], [hidden], [hidden], [hidden], [hidden, 10], [10]].map((shape, i) => small(shape, i))
  const [w1, b1, gamma, beta, w2, b2] = weights as [Tensor2D, Tensor1D, Tensor1D, Tensor1D, Tensor2D, Tensor1D]
  const running = {
    mean: tensor1d(new Float32Array(hidden)),
    variance: tensor1d(new Float32Array(hidden).fill(1)),
    batches: scalar(0),
  }
  const images = Uint8Array.from({ length: count * side * side }, (_, i) => (i * i * 31) % 256)
  const source = batchSource(
    images,
    Uint8Array.from({ length: count }, (_, i) => i % 10),
    [side, side],
  )
  source.setOrder(Int32Array.from({ length: count }, (_, i) => (i * 5) % count))
  const step = (start: number, number: number) =>
    tidy((): Tensor[] => {
      const { images, labels } = source.batch(start, batch)
      const linear = dense(images, w1, b1, 'identity')
      const normalized = batchNorm(linear, gamma, beta, running, options)
      const active = activate(normalized.y, 'gelu')
      const logits = dense(active, w2, b2, 'identity')
      const { summary, dLogits } = softmaxCrossEntropy(logits, labels, 1 / batch)
      const last = denseGrad(dLogits, active, w2, logits, 'identity', true)
      const dNormalized = activateGrad(last.dx as Tensor, normalized.y, active, 'gelu')
      const norm = batchNormGrad(dNormalized, linear, gamma, normalized, true)
      const first = denseGrad(norm.dx as Tensor2D, images, w1, linear, 'identity', false)
      const gradients = [first.dWeight, first.dBias, norm.dWeight, norm.dBias, last.dWeight, last.dBias]
      sgdStep(weights, gradients, [], number, { learningRate: 0.1, momentum: 0, weightDecay: 0 })
      return [summary]
    })
  let recorded: ReturnType<typeof record<Tensor[]>> | undefined
  for (let n = 0; n < steps; n++) {
    const start = (batch * n) % count
    if (recorded) expect(recorded.recording?.replay({ start, step: n + 1 })).toBe(true)
    else if (repeated) recorded = record(() => step(start, n + 1))
    else for (const result of step(start, n + 1)) result.dispose()
  }
  const kept = [...weights, ...Object.values(running)]
  const values = await Promise.all(kept.map((one) => one.data()))
  recorded?.recording?.dispose()
  for (const one of [...kept, ...(recorded?.result ?? [])]) one.dispose()
  source.dispose()
  return values
}

describe('batch normalization', () => {
  needStandin()
  beforeAll(async () => {
    if (noStandin === undefined) await cuda.start()
  })

  test('and activations can be recorded: the bits of the steps themselves, running statistics among them', async () => {
    const before = [memory().numTensors, (currentBackend() as CudaTensors).device.memory.usedBytes]
    const plain = await train(false, 5)
    const repeated = await train(true, 5)
    expect(repeated).toEqual(plain)
    expect(plain.at(-1)).toEqual(Float32Array.of(5))
    expect(plain.flatMap((values) => [...values]).every(Number.isFinite)).toBe(true)
    expect(await train(true, 4)).not.toEqual(plain)
    expect([memory().numTensors, (currentBackend() as CudaTensors).device.memory.usedBytes]).toEqual(before)
  })

  test('is one launch where a block holds all rows, else two, each of at most 128 blocks but for many channels', () => {
    const launches = (shape: number[], run: (x: Tensor, ofChannels: (seed: number) => Tensor1D) => void) => {
      const { device } = currentBackend() as CudaTensors
      const names: string[] = []
      tidy(() => {
        const x = small(shape, 1)
        const channels = Array.from({ length: 5 }, (_, i) => small<Tensor1D>([shape.at(-1) ?? 0], i))
        device.listener = ({ launch }) => void names.push(launch.kernel)
        try {
          run(x, (i) => channels[i] as Tensor1D)
        } finally {
          device.listener = undefined
        }
      })
      return names
    }
    const both = (x: Tensor, of: (seed: number) => Tensor1D) => {
      const running = { mean: of(2), variance: of(3), batches: scalar(0) }
      const forward = batchNorm(x, of(0), of(1), running, options)
      batchNormGrad(x, x, of(0), forward, true)
    }
    const names = (shape: number[]) => launches(shape, both).filter((name) => name !== 'fill')
    expect(names([64, 100])).toEqual(['batchNorm', 'batchNormGrad'])
    expect(names([2, 30, 30, 7])).toEqual(['batchNormSums', 'batchNorm', 'batchNormGradSums', 'batchNormGrad'])
    for (const [count, channels] of [
      [64 * 784, 16],
      [100 * 784, 32],
      [2 ** 20, 1],
      [64 * 49, 512],
    ] as const) {
      const { across, shards, parts } = normPlan(count, channels)
      expect([across * shards, across * parts]).toSatisfy((blocks: number[]) => blocks.every((n) => n > 90 && n <= 128))
    }
  })
})
