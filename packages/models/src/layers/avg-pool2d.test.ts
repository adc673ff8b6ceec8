import { MersenneTwister } from '@digitlab/random'
import { float64 } from '@digitlab/ops'
import '@tensorflow/tfjs-backend-cpu'
import { env, memory, setBackend, tensor, tensor1d, type Tensor } from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'
import { disposeWeights, lossAndGradients, lossAndGradients64, uploadWeights } from '../compute'
import { defineModel, initialWeights, readTfjsLayout, type Model } from '../index'
import { avgPool2d } from './avg-pool2d'

beforeAll(async () => {
  env().set('IS_TEST', true)
  expect(await setBackend('cpu')).toBe(true)
})

/** Two images [5, 4, 1]. */
const images = float64.array64(
  [2, 5, 4, 1],
  Array.from({ length: 40 }, (_, i) => (i * 7) % 11),
)
const run = { x: images, weights: {}, buffers: {}, mode: 'training' } as const

test("values and gradients are PyTorch's", () => {
  // torch.nn.functional.avg_pool2d(x, 2)
  const side = avgPool2d.float64(float64, { ...run, options: { size: 2 } })
  expect(side.y.shape).toEqual([2, 2, 2, 1])
  expect([...side.y.data]).toEqual([3.75, 6.75, 4.75, 5, 6.25, 3.75, 4.5, 4.75])
  // torch.nn.functional.avg_pool2d(x, 3, 1), backward from 1, 2, 3 ...
  const { y, back } = avgPool2d.float64(float64, { ...run, options: { size: 3, stride: 1 } })
  const ninths = [40, 48, 50, 47, 49, 46, 46, 43, 45, 42, 44, 41]
  expect([...y.data].map((value) => Math.round(value * 9 * 1e9) / 1e9)).toEqual(ninths)
  const { dx } = back({ ...y, data: y.data.map((_, i) => i + 1) }, true)
  expect([...(dx?.data ?? [])].map((value) => Math.round(value * 9)).slice(0, 20)).toEqual([
    ...[1, 3, 3, 2, 4, 10, 10, 6, 9, 21, 21, 12, 8, 18, 18, 10, 5, 11, 11, 6],
  ])
})

const around = (options: object): Model =>
  defineModel({
    name: 'pooled',
    input: [7, 6, 2],
    layers: [
      { type: 'conv2d', name: 'conv', out: 3, kernel: 2 },
      { type: 'avgPool2d', ...options },
      { type: 'flatten' },
      { type: 'dense', name: 'fc', out: 3 },
    ],
  })

test.each([{ size: 2 }, { size: 3 }, { size: 3, stride: 2 }, { size: 2, stride: 3 }])(
  'in a model, %j: loss and gradients are those of float64',
  async (options) => {
    const before = memory().numTensors
    const model = around(options)
    const state = initialWeights(model, new MersenneTwister(1))
    const generator = new MersenneTwister(2)
    const x = float64.array64(
      [3, 7, 6, 2],
      Array.from({ length: 252 }, () => Math.fround(generator.next() / 2 ** 32)),
    )
    const want = lossAndGradients64(model, readTfjsLayout(model, state), x, [0, 2, 1], 1 / 3)
    const weights = uploadWeights(model, state)
    const [batch, labels] = [tensor(Float32Array.from(x.data), [3, 7, 6, 2]), tensor1d([0, 2, 1], 'int32')]
    const { summary, gradients } = lossAndGradients(model, weights, batch, labels, 1 / 3)
    expect((await summary.data())[0]).toBeCloseTo(want.loss, 6)
    for (const [name, gradient] of gradients)
      (await gradient.data()).forEach((value, i) => {
        expect(value, `${name}[${i}]`).toBeCloseTo(want.gradients.get(name)?.data[i] ?? NaN, 6)
      })
    for (const left of [batch, labels, summary, ...gradients.values()] as Tensor[]) left.dispose()
    disposeWeights(weights)
    expect(memory().numTensors).toBe(before)
  },
)

test('shapes, and what does not fit', () => {
  expect(around({ size: 3, stride: 2 }).layers[1]?.output).toEqual([2, 2, 3])
  expect(() => around({ size: 7 })).toThrow('has windows of [7, 7], the layer before it makes only [6, 5, 3]')
  expect(() => around({ size: 2, stride: 0 })).toThrow(
    'layers[1].stride of the model "pooled" must be an integer from 1',
  )
})
