// Matrix products on tensor cores: right to TF32's ten bits, and recorded.
import { conformanceCases } from '@digitlab/ops/conformance'
import { convolution, convolutionGrad, dense, denseGrad } from '@digitlab/ops'
import { getBackend, matMul, reshape, tensor, tidy, type Rank, type Tensor, type Tensor2D } from '@tensorflow/tfjs-core'
import { beforeEach, describe, expect, test } from 'vitest'
import { testedBackend, untestable } from '../standin/backend'

/** Whole numbers below 1024 are exact in TF32, and so are sums of their products here. */
const whole = (shape: number[], seed: number): Tensor2D => {
  const size = shape.reduce((product, side) => product * side, 1)
  return tensor<Rank.R2>(
    Float32Array.from({ length: size }, (_, i) => ((i * 37 + seed * 11) % 15) - 7),
    shape as [number, number],
  )
}

/** Whole numbers whose products need more than ten bits. */
const fine = (shape: number[], seed: number): Tensor2D => {
  const size = shape.reduce((product, side) => product * side, 1)
  return tensor<Rank.R2>(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * 12.9898 + seed)),
    shape as [number, number],
  )
}

const results = async (precision: 'float32' | 'tf32', inputs: typeof whole) => {
  const info = await testedBackend({ precision }).start()
  expect(info.precision).toBe(precision)
  expect(info.device.endsWith(', TF32')).toBe(precision === 'tf32')
  expect(getBackend()).toBe(precision === 'tf32' ? 'cuda-tf32' : 'cuda')
  const made = tidy((): Tensor[] => {
    const [x, w, b] = [inputs([37, 50], 1), inputs([50, 45], 2), reshape<Rank.R1>(inputs([1, 45], 3), [45])]
    const y = dense(x, w, b, 'relu')
    const { dx, dWeight, dBias } = denseGrad(inputs([37, 45], 4), x, w, y, 'relu', true)
    const moves = { stride: 1, padding: 1 }
    const [images, filter] = [
      reshape<Rank.R4>(inputs([2, 6 * 5 * 7], 7), [2, 6, 5, 7]),
      reshape<Rank.R4>(inputs([9, 7 * 20], 8), [3, 3, 7, 20]),
    ]
    const convolved = convolution(images, filter, reshape<Rank.R1>(inputs([1, 20], 9), [20]), moves)
    const back = convolutionGrad(reshape(inputs([60, 20], 10), convolved.shape), images, filter, moves, true)
    const products = [false, true].flatMap((ta) =>
      [false, true].map((tb) =>
        matMul(inputs(ta ? [50, 37] : [37, 50], 5), inputs(tb ? [45, 50] : [50, 45], 6), ta, tb),
      ),
    )
    const gradients = [back.dx as Tensor, back.dFilter, back.dBias]
    return [...[y, dx as Tensor, dWeight, dBias], ...[convolved, ...gradients], ...products]
  })
  const read = await Promise.all(made.map(async (result) => Array.from(await result.data())))
  made.forEach((result) => result.dispose())
  return read
}

describe('tensor cores', () => {
  test('multiply whole numbers exactly, at the same places as the other kernels', async (context) => {
    if (untestable !== undefined) return context.skip(untestable)
    expect(await results('tf32', whole)).toEqual(await results('float32', whole))
  })
  test('round factors to ten bits', async (context) => {
    if (untestable !== undefined) return context.skip(untestable)
    const [exact, rounded] = [await results('float32', fine), await results('tf32', fine)]
    const differences = exact.map((values, i) =>
      Math.max(...values.map((value, j) => Math.abs(value - (rounded[i]?.[j] ?? NaN)))),
    )
    for (const [i, difference] of differences.entries()) {
      expect(difference).toBeLessThan(2e-2)
      if (i !== 3 && i !== 7) expect(difference).toBeGreaterThan(1e-6) // all but the gradients of biases, which are no products
    }
  })
})

describe('what is not a matrix product stays float32', () => {
  beforeEach(async () => {
    if (untestable === undefined) await testedBackend({ precision: 'tf32' }).start()
  })
  for (const { name, run } of conformanceCases().filter((one) =>
    /^(convReluPool|softmax|gather|sgd|adam)/.test(one.name),
  ))
    test(name, async (context) => {
      if (untestable !== undefined) return context.skip(untestable)
      await run()
    })
})
