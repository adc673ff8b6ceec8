// Convolutions and poolings of every kind of window: PyTorch's values, and the float64 gradients in models.
import { MersenneTwister } from '@digitlab/random'
import { float64 } from '@digitlab/ops'
import '@tensorflow/tfjs-backend-cpu'
import { env, memory, setBackend, tensor, tensor1d, type Tensor } from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { disposeWeights, lossAndGradients, lossAndGradients64, uploadWeights } from '../compute'
import { defineModel, initialWeights, readTfjsLayout, type Layer } from '../index'
import { maxPool2d } from './max-pool2d'

beforeAll(async () => {
  env().set('IS_TEST', true)
  expect(await setBackend('cpu')).toBe(true)
})

// torch.nn.functional.max_pool2d(x, size, stride, padding) of x [1, 1, 5, 6], backward from 1, 2, 3 ..., PyTorch 2.13.
test.each([
  [{ size: 3, stride: 2, padding: 1 }, [9, 10, 10, 9, 10, 9, 10, 10, 9], { 3: 5, 6: 5, 14: 5, 17: 6, 25: 15, 28: 9 }],
  [
    { size: [2, 3], stride: [1, 2], padding: [1, 0] },
    [7, 10, 9, 10, 10, 10, 10, 10, 10, 9, 10, 9],
    { 1: 1, 3: 6, 6: 3, 14: 26, 25: 20, 28: 22 },
  ],
  [{ size: 2, stride: 3, padding: 0 }, [9, 10, 10, 9], { 3: 2, 6: 1, 25: 3, 28: 4 }],
] as const)('maxPool2d %j', (options, values, gradient) => {
  const x = float64.array64(
    [1, 5, 6, 1],
    Array.from({ length: 30 }, (_, i) => (i * 7) % 11),
  )
  const { y, back } = maxPool2d.float64(float64, { x, options, weights: {}, buffers: {}, mode: 'training' })
  expect([...y.data]).toEqual(values)
  const { dx } = back(
    float64.map(y, (_, i) => i + 1),
    true,
  )
  expect(Object.fromEntries([...(dx?.data ?? [])].map((value, i) => [i, value]).filter(([, value]) => value))).toEqual(
    gradient,
  )
})

test("a grouped convolution of rectangles: initial weights and values are PyTorch's", () => {
  // torch.manual_seed(0); torch.nn.Conv2d(4, 6, (2, 3), stride=(1, 2), padding=(1, 0), groups=2), PyTorch 2.13.
  const layer = { type: 'conv2d', name: 'conv', out: 6, kernel: [2, 3], stride: [1, 2], padding: [1, 0], groups: 2 }
  const model = defineModel({
    name: 'mine',
    input: [3, 5, 4],
    layers: [layer, { type: 'flatten' }, { type: 'dense', name: 'fc', out: 2 }],
  })
  const [conv] = model.layers
  expect(conv?.output).toEqual([4, 2, 6])
  const weights = initialWeights(model, new MersenneTwister(0))
  const { shape, data } = weights.get('conv.weight')!
  expect(shape).toEqual([6, 2, 2, 3])
  expect([...data.subarray(0, 3)]).toEqual(
    [-0.0021612588316202164, 0.154857918620109558, -0.2375926673412323]
      .map(Math.fround)
      .map((value) => expect.closeTo(value, 7) as number),
  )
  const read = readTfjsLayout(model, weights)
  const x = float64.array64([1, 3, 5, 4])
  for (let i = 0; i < 60; i++) x.data[(i % 15) * 4 + Math.floor(i / 15)] = ((i * 7) % 11) / 4 // channel first there
  const run = { x, options: conv!.options, buffers: {}, mode: 'training' } as const
  const held = { weight: read.get('conv.weight')!, bias: read.get('conv.bias')! }
  const { y } = conv!.type.float64(float64, { ...run, weights: held })
  const ofChannel = (channel: number) => Array.from({ length: 8 }, (_, i) => y.data[i * 6 + channel])
  const close = (values: readonly number[]) => values.map((value) => expect.closeTo(value, 6) as number)
  expect(ofChannel(0).slice(0, 4)).toEqual(close([-0.079775974, -0.15909569, 0.060389422, 0.075658172]))
  expect(ofChannel(5).slice(-3)).toEqual(close([-0.24023151, -0.14935781, 0.57041812]))
})

test("a dense layer without a bias draws PyTorch's weights and nothing more", () => {
  // torch.manual_seed(0); torch.nn.Linear(3, 2, bias=False).weight; torch.rand(1)
  const model = defineModel({
    name: 'mine',
    input: [1, 3, 1],
    layers: [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: 2, bias: false }],
  })
  const generator = new MersenneTwister(0)
  const weights = initialWeights(model, generator)
  expect([...weights.keys()]).toEqual(['fc.weight'])
  const want = [-0.0043225177, 0.30971584, -0.47518533, -0.4248946, -0.22236897, 0.15482073]
  expect([...weights.get('fc.weight')!.data]).toEqual(want.map((value) => expect.closeTo(value, 7) as number))
  expect((generator.next() & 0xffffff) / 2 ** 24).toBeCloseTo(0.4900934100151062, 7)
  expect(model.definition.layers[1]).toEqual({ type: 'dense', name: 'fc', out: 2, bias: false })
})

const models: readonly [string, readonly Layer[]][] = [
  ['groups', [{ type: 'conv2d', name: 'conv', out: 6, kernel: 3, stride: 2, padding: 1, groups: 2 }]],
  ['depthwise', [{ type: 'conv2d', name: 'conv', out: 4, kernel: 3, groups: 4, bias: false }]],
  ['rectangles', [{ type: 'conv2d', name: 'conv', out: 3, kernel: [1, 3], stride: [2, 1], padding: [0, 2] }, { type: 'elu' }]],
  ['no bias before relu and pool', [{ type: 'conv2d', name: 'conv', out: 3, kernel: 3, bias: false }, { type: 'relu' }, { type: 'maxPool2d', size: 2 }]],
  ['overlapping windows', [{ type: 'conv2d', name: 'conv', out: 3, kernel: 3 }, { type: 'relu' }, { type: 'maxPool2d', size: 2, stride: 1 }]],
  ['padded windows', [{ type: 'conv2d', name: 'conv', out: 3, kernel: 3 }, { type: 'silu' }, { type: 'maxPool2d', size: [3, 2], padding: 1 }]],
  ['normalized', [{ type: 'conv2d', name: 'conv', out: 3, kernel: 3, bias: false }, { type: 'batchNorm', name: 'norm' }, { type: 'gelu' }, { type: 'globalAvgPool2d' }]],
  ['means', [{ type: 'conv2d', name: 'conv', out: 3, kernel: 3 }, { type: 'tanh' }, { type: 'avgPool2d', size: [2, 3], stride: [1, 2] }]],
] // oxfmt-ignore

describe.each(models)('%s', (_, layers) => {
  const tail: Layer[] = [
    { type: 'flatten' },
    { type: 'batchNorm', name: 'rows' },
    { type: 'dense', name: 'hidden', out: 5, bias: false },
    { type: 'relu' },
    { type: 'dense', name: 'fc', out: 3 },
  ]
  const model = defineModel({ name: 'windows', input: [7, 6, 4], layers: [...layers, ...tail] })
  const state = initialWeights(model, new MersenneTwister(1))
  const generator = new MersenneTwister(2)
  const x = float64.array64(
    [4, 7, 6, 4],
    Array.from({ length: 672 }, () => Math.fround(generator.next() / 2 ** 32)),
  )
  const labels = [0, 2, 1, 2]

  test('loss, gradients and buffers are those of float64', async () => {
    const before = memory().numTensors
    const want = lossAndGradients64(model, readTfjsLayout(model, state), x, labels, 1 / 4)
    const weights = uploadWeights(model, state)
    const [batch, targets] = [tensor(Float32Array.from(x.data), [4, 7, 6, 4]), tensor1d(labels, 'int32')]
    const { summary, gradients, buffers } = lossAndGradients(model, weights, batch, targets, 1 / 4)
    expect((await summary.data())[0]).toBeCloseTo(want.loss, 5)
    expect([...gradients.keys()].sort()).toEqual(model.parameters.map(({ name }) => name).sort())
    for (const [name, gradient] of gradients)
      (await gradient.data()).forEach((value, i) => {
        expect(value, `${name}[${i}]`).toBeCloseTo(want.gradients.get(name)?.data[i] ?? NaN, 5)
      })
    for (const [name, buffer] of buffers)
      (await buffer.data()).forEach((value, i) => {
        expect(value, `${name}[${i}]`).toBeCloseTo(want.buffers.get(name)?.data[i] ?? NaN, 5)
      })
    for (const left of [batch, targets, summary, ...gradients.values(), ...buffers.values()] as Tensor[]) left.dispose()
    disposeWeights(weights)
    expect(memory().numTensors).toBe(before)
  })

  test("float64's gradients are the slopes of float64's loss", () => {
    const read = readTfjsLayout(model, state)
    const { gradients } = lossAndGradients64(model, read, x, labels, 1 / 4)
    for (const { name } of model.parameters) {
      const { data } = read.get(name)!
      for (const index of [0, Math.floor(data.length / 2), data.length - 1]) {
        const value = data[index]!
        const lossAt = (at: number) => {
          data[index] = at
          return lossAndGradients64(model, read, x, labels, 1 / 4).loss
        }
        const slope = (lossAt(value + 1e-5) - lossAt(value - 1e-5)) / 2e-5
        data[index] = value
        expect(slope, `${name}[${index}]`).toBeCloseTo(gradients.get(name)?.data[index] ?? NaN, 6)
      }
    }
  })
})

test('what does not fit is refused with both values', () => {
  const define = (layer: object) => () => defineModel({ name: 'mine', input: [6, 6, 4], layers: [layer as Layer] })
  const conv = { type: 'conv2d', name: 'conv', out: 6, kernel: 3 }
  expect(define({ ...conv, groups: 3 })).toThrow("has 3 groups, into which its 4 channels can't be split")
  expect(define({ ...conv, groups: 4 })).toThrow("has 4 groups, into which its 6 filters can't be split")
  expect(define({ ...conv, kernel: [7, 1] })).toThrow(
    'has a kernel of [7, 1], the layer before it makes only [6, 6, 4]',
  )
  expect(define({ ...conv, kernel: [3, 3, 3] })).toThrow(
    'an integer from 1 to 65536, or two of them: [height, width], not [3,3,3]',
  )
  expect(define({ type: 'maxPool2d', size: 2, padding: 2 })).toThrow(
    'has a padding of [2, 2], which must be at most half of its windows of [2, 2]',
  )
})
