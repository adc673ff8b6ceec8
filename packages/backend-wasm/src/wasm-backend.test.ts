import {
  convReluPool,
  convReluPoolGrad,
  convolution,
  convolutionGrad,
  dense,
  denseGrad,
  float64,
  sgdStep,
  softmaxCrossEntropy,
  withReference,
} from '@digitlab/ops'
import { conformanceCases } from '@digitlab/ops/conformance'
import {
  add,
  backend,
  depthwiseConv2d,
  dispose,
  env,
  fill,
  getBackend,
  memory,
  prelu,
  tensor,
  tensor1d,
  tensor2d,
  tensor4d,
  tidy,
  type Rank,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
} from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { takenPaths, wasmBackend } from './index'

beforeAll(async () => {
  env().set('IS_TEST', true) // tfjs greets with a warning otherwise
  await wasmBackend().start()
})

/** Values in [-1, 1) that look random, a share of them zero. */
const values = (size: number, seed: number, zeros = 0) => {
  let state = (seed * 2654435761) >>> 0
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1
  return Float32Array.from({ length: size }, () => (Math.abs(next()) < zeros ? 0 : next()))
}
const made = <T extends Tensor>(shape: readonly number[], seed: number, zeros = 0): T =>
  tensor(
    values(
      shape.reduce((product, side) => product * side, 1),
      seed,
      zeros,
    ),
    [...shape],
  ) as T

describe('the backend', () => {
  test('probes what start then reports', async () => {
    for (const simd of ['plain', 'relaxed', 'auto'] as const) {
      const probe = await wasmBackend({ simd }).probe()
      const info = await wasmBackend({ simd }).start()
      expect(probe).toEqual({ usable: true, device: info.device })
      expect(info).toMatchObject({ id: 'wasm', threads: 1 })
      expect(Object.values(info.versions).every((version) => /^\d+\.\d+\.\d+/.test(version))).toBe(true)
      expect(getBackend()).toBe('wasm')
    }
  })
  test('keeps its tensors over a second start', async () => {
    const kept = tensor([1, 2, 3])
    await wasmBackend().start()
    expect(Array.from(await kept.data())).toEqual([1, 2, 3])
    kept.dispose()
  })
})

/** What was taken while `run` ran. */
const pathsOf = (run: () => void): string[] => {
  const before = takenPaths()
  tidy(() => void run())
  return Object.entries(takenPaths())
    .flatMap(([path, count]) => (count > (before[path] ?? 0) ? [path] : []))
    .sort()
}

describe('the fast path is taken', () => {
  const denseLayer = (inputs: number, outputs: number) => () => {
    const [x, weight] = [made<Tensor2D>([64, inputs], 1), made<Tensor2D>([inputs, outputs], 2)]
    const y = dense(x, weight, made<Tensor1D>([outputs], 3), 'relu')
    denseGrad(made<Tensor2D>([64, outputs], 4), x, weight, y, 'relu', true)
  }
  const convLayer =
    (size: number, inputs: number, outputs: number, kernel: number, needsInputGradient: boolean) => () => {
      const [x, filter] = [
        made<Tensor4D>([2, size, size, inputs], 1),
        made<Tensor4D>([kernel, kernel, inputs, outputs], 2),
      ]
      const forward = convReluPool(x, filter, made<Tensor1D>([outputs], 3), 1)
      convReluPoolGrad(made<Tensor4D>(forward.y.shape, 4), x, filter, forward, 1, needsInputGradient)
    }
  test.each([
    { model: 'linear', run: denseLayer(784, 10), paths: ['dense narrow', 'denseGrad narrow'] },
    { model: 'two-layer', run: denseLayer(784, 100), paths: ['dense wide', 'denseGrad wide'] },
    {
      model: 'cnn, first',
      run: convLayer(28, 1, 16, 3, false),
      paths: ['convReluPool single', 'convReluPoolGrad single'],
    },
    {
      model: 'cnn, second',
      run: convLayer(14, 16, 32, 3, true),
      paths: ['convReluPool sparse', 'convReluPoolGrad rows'],
    },
    { model: 'any other', run: convLayer(9, 3, 5, 5, true), paths: ['convReluPool direct', 'convReluPoolGrad rows'] },
  ])('$model', ({ run, paths }) => {
    expect(pathsOf(run)).toEqual([...paths].sort())
  })
})

test('results stay right while the memory grows', async () => {
  const buffer = () => (backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.buffer.byteLength
  const before = buffer()
  const large: Tensor[] = []
  for (const { run } of conformanceCases().filter(({ name }) => /^(dense|convReluPool) /.test(name))) {
    large.push(fill([4, 1024, 1024], large.length))
    await run()
  }
  expect(buffer()).toBeGreaterThan(before)
  expect((await large[3]?.data())?.every((value) => value === 3)).toBe(true)
  dispose(large)
})

test('the same step gives the same bits, wherever its tensors lie', async () => {
  const step = () => {
    const x = made<Tensor4D>([8, 14, 14, 16], 1, 0.5)
    const [filter, bias] = [made<Tensor4D>([3, 3, 16, 32], 2), made<Tensor1D>([32], 3)]
    const forward = convReluPool(x, filter, bias, 1)
    const weight = made<Tensor2D>([1568, 10], 4)
    const y = dense(forward.y, weight, made<Tensor1D>([10], 5), 'identity')
    const head = denseGrad(y, forward.y, weight, y, 'identity', true)
    const gradients = convReluPoolGrad(head.dx as Tensor4D, x, filter, forward, 1, true)
    return [y, head.dWeight, gradients.dFilter, gradients.dBias, gradients.dx as Tensor]
  }
  const bits = async () =>
    Promise.all(tidy(step).map(async (result) => new Uint32Array((await result.data()).slice().buffer)))
  const first = await bits()
  const between = [1, 3, 77, 4001].map((size) => fill([size], NaN)) // what is allocated next lies elsewhere
  expect(await bits()).toEqual(first)
  dispose(between)
})

/** Images of one colour with a spot in the middle, [batch, size, size, 4]; the corner's colour is not zero. */
const spots = (batch: number, size: number): Float32Array => {
  const random = values(batch * size * size * 4, 9, 0.4)
  return random.map((value, i) => {
    const [row, column] = [Math.floor(i / 4 / size) % size, Math.floor(i / 4) % size]
    const inSpot = Math.min(row, column) > 3 && Math.max(row, column) < size - 3
    return inSpot ? value : 0.1 * (i % 4)
  })
}

describe.each([0, 1, 2])('windows of plain background, taken from one image (padding %i)', (padding) => {
  const [batch, size] = [9, 12]
  const pixels = spots(batch, size)
  const run = async (images: Float32Array) => {
    const x = tensor4d(images, [images.length / (size * size * 4), size, size, 4])
    const [filter, bias] = [made<Tensor4D>([3, 3, 4, 8], 2), made<Tensor1D>([8], 3)]
    const { y, saved } = convReluPool(x, filter, bias, padding)
    const results = await Promise.all([y, ...saved].map(async (result) => Array.from(await result.data())))
    dispose([x, filter, bias, y, ...saved])
    return { y: results[0] ?? [], winners: results[1] ?? [] }
  }
  test('are those of each image by itself, to the bit', async () => {
    const each = size * size * 4
    const singles = await Promise.all(
      Array.from({ length: batch }, async (_, i) => run(pixels.slice(i * each, (i + 1) * each))),
    )
    expect(await run(pixels)).toEqual({
      y: singles.flatMap(({ y }) => y),
      winners: singles.flatMap(({ winners }) => winners),
    })
  })
  test('are right', async () => {
    const linear = float64.convolution(
      float64.array64([batch, size, size, 4], pixels),
      float64.array64([3, 3, 4, 8], values(288, 2)),
      float64.array64([8], values(8, 3)),
      { stride: 1, padding },
    )
    const { y, winners } = await run(pixels)
    float64.maxPool(float64.relu(linear), { size: 2 }).data.forEach((value, i) => expect(y[i]).toBeCloseTo(value, 5))
    // All four candidates of a window of one colour are equal: the first wins, or ReLU stopped all.
    if (padding === 0) expect(new Set(winners.slice(0, 8))).toEqual(new Set([0, -1]))
  })
})

test('a loss that is not a number stays one', async () => {
  const labels = tensor1d([0, 1], 'int32')
  for (const wrong of [NaN, Infinity]) {
    const logits = tensor2d([1, 2, wrong, 0, 1, 2], [2, 3])
    const { summary, dLogits } = softmaxCrossEntropy(logits, labels, 0.5)
    expect((await summary.data())[0]).toBeNaN()
    dispose([logits, summary, dLogits])
  }
  const [x, filter, bias] = [made<Tensor4D>([1, 6, 6, 4], 1), fill<Rank.R4>([3, 3, 4, 8], NaN), made<Tensor1D>([8], 3)]
  const { y, saved } = convReluPool(x, filter, bias, 1)
  expect((await y.data()).every(Number.isNaN)).toBe(true)
  dispose([labels, x, filter, bias, y, ...saved])
})

describe('weights that a step changes in place', () => {
  const sgd = { learningRate: 0.1, momentum: 0, weightDecay: 0 }

  test('a strided convolution sees them, as in float64 and as by the reference', async () => {
    const [xShape, filterShape] = [
      [2, 9, 9, 3],
      [3, 3, 3, 4],
    ] as const
    const options = { stride: 2, padding: 1 }
    const [x64, bias64] = [float64.array64(xShape, values(486, 1)), float64.array64([4], values(4, 3))]
    const filter64 = float64.array64(filterShape, values(108, 2))

    /** Three steps down the gradient of sum(y^2) / 2, which is y. */
    const train = (): Tensor[] => {
      const x = made<Tensor4D>(xShape, 1)
      let weights: readonly Tensor[] = [made(filterShape, 2), made([4], 3)]
      for (let step = 1; step <= 3; step++) {
        const [filter, bias] = weights as [Tensor4D, Tensor1D]
        const y = convolution(x, filter, bias, options)
        const { dFilter, dBias } = convolutionGrad(y, x, filter, options, false)
        weights = sgdStep(weights, [dFilter, dBias], [], step, sgd).weights
      }
      return [...weights]
    }
    for (let step = 1; step <= 3; step++) {
      const y = float64.convolution(x64, filter64, bias64, { stride: 2, padding: 1 })
      const { dFilter, dBias } = float64.convolutionGrad(y, x64, filter64, { stride: 2, padding: 1 })
      dFilter.data.forEach((g, i) => (filter64.data[i] = (filter64.data[i] ?? NaN) - 0.1 * g))
      dBias.data.forEach((g, i) => (bias64.data[i] = (bias64.data[i] ?? NaN) - 0.1 * g))
    }
    const before = memory().numTensors
    for (const run of [() => tidy(train), () => withReference(() => tidy(train))]) {
      const weights = run()
      for (const [i, want] of [filter64, bias64].entries()) {
        const scale = want.data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1)
        const got = (await weights[i]?.data()) ?? []
        want.data.forEach((value, j) => expect(Math.abs((got[j] ?? NaN) - value)).toBeLessThan(1e-5 * scale))
      }
      dispose(weights)
    }
    expect(memory().numTensors).toBe(before)
  })

  test('so do the stock kernels, which keep weights repacked', async () => {
    const x = made<Tensor4D>([1, 5, 5, 2], 1)
    const weight = made<Tensor4D>([3, 3, 2, 1], 2)
    const alpha = made<Tensor4D>([1, 5, 5, 2], 3)
    const gradients = [made(weight.shape, 4), made(alpha.shape, 5)]
    const run = () => [depthwiseConv2d(x, weight, 1, 'same'), prelu(x, alpha)]
    dispose(run()) // the weights are packed now
    sgdStep([weight, alpha], gradients, [], 1, sgd)
    const [got, want] = await Promise.all(
      [
        run(),
        tidy(() => [depthwiseConv2d(x, add<Tensor4D>(weight, 0), 1, 'same'), prelu(x, add<Tensor4D>(alpha, 0))]),
      ].map(async (results) => Promise.all(results.map(async (result) => Array.from(await result.data())))),
    )
    expect(got).toEqual(want)
  })
})
