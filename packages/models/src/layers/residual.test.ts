import { MersenneTwister } from '@digitlab/random'
import { float64 } from '@digitlab/ops'
import '@tensorflow/tfjs-backend-cpu'
import { env, memory, setBackend, tensor, tensor1d, type Tensor } from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { disposeWeights, lossAndGradients, lossAndGradients64, uploadWeights } from '../compute'
import { defineModel, initialWeights, readTfjsLayout, unknownLayerTypes, type Layer } from '../index'

beforeAll(async () => {
  env().set('IS_TEST', true)
  expect(await setBackend('cpu')).toBe(true)
})

const conv = (name: string, out: number, more: object = {}) => ({
  ...{ type: 'conv2d', name, out, kernel: 3, padding: 1, ...more },
})
const norm = (name: string) => ({ type: 'batchNorm', name })
const tail: Layer[] = [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: 3 }]

const models: readonly [string, readonly object[]][] = [
  ['first of all', [{ type: 'residual', layers: [conv('a', 2), { type: 'relu' }] }]],
  [
    'with a shortcut, of layers that are fused',
    [
      conv('stem', 3),
      {
        type: 'residual',
        layers: [conv('block.a', 4), { type: 'relu' }, { type: 'maxPool2d', size: 2 }, norm('block.b')],
        shortcut: [conv('block.down', 4, { kernel: 1, padding: 0, stride: 2, bias: false })],
      },
      { type: 'tanh' },
    ],
  ],
  [
    'within each other, of rows',
    [
      { type: 'flatten' },
      norm('before'),
      {
        type: 'residual',
        layers: [
          { type: 'dense', name: 'x.a', out: 48 },
          { type: 'residual', layers: [{ type: 'gelu' }, { type: 'dense', name: 'x.b', out: 48, bias: false }] },
        ],
      },
    ],
  ],
]

const define = (layers: readonly object[], end: readonly object[] = tail) =>
  defineModel({ name: 'residual', input: [6, 4, 2], layers: [...layers, ...end] as Layer[] })

describe.each(models)('%s', (_, layers) => {
  const model = define(
    layers,
    layers.some((layer) => 'type' in layer && layer.type === 'flatten') ? tail.slice(1) : tail,
  )
  const state = initialWeights(model, new MersenneTwister(1))
  const generator = new MersenneTwister(2)
  const x = float64.array64(
    [4, 6, 4, 2],
    Array.from({ length: 192 }, () => Math.fround(generator.next() / 2 ** 32)),
  )
  const labels = [0, 2, 1, 2]

  test('loss, gradients and buffers are those of float64', async () => {
    const before = memory().numTensors
    const want = lossAndGradients64(model, readTfjsLayout(model, state), x, labels, 1 / 4)
    const weights = uploadWeights(model, state)
    const [batch, targets] = [tensor(Float32Array.from(x.data), [4, 6, 4, 2]), tensor1d(labels, 'int32')]
    const { summary, gradients, buffers } = lossAndGradients(model, weights, batch, targets, 1 / 4)
    expect((await summary.data())[0]).toBeCloseTo(want.loss, 5)
    expect([...gradients.keys()].sort()).toEqual(model.parameters.map(({ name }) => name).sort())
    expect([...buffers.keys()].sort()).toEqual(model.buffers.map(({ name }) => name).sort())
    for (const [found, wanted] of [
      [gradients, want.gradients],
      [buffers, want.buffers],
    ] as const)
      for (const [name, made] of found)
        (await made.data()).forEach((value, i) => {
          expect(value, `${name}[${i}]`).toBeCloseTo(wanted.get(name)?.data[i] ?? NaN, 5)
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
      for (const index of [0, data.length - 1]) {
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

test("the arrays are drawn in PyTorch's order: the layers', then the shortcut's, each with its buffers", () => {
  const [, layers] = models[1]!
  const model = define(layers)
  const flat = define(
    [conv('stem', 3), conv('block.a', 4), norm('block.b'), conv('block.down', 4)].map((layer) => layer),
    tail,
  )
  const names = [...initialWeights(model, new MersenneTwister(0)).keys()]
  expect(names).toEqual([
    ...['stem.weight', 'stem.bias', 'block.a.weight', 'block.a.bias', 'block.b.weight', 'block.b.bias'],
    ...['block.b.running_mean', 'block.b.running_var', 'block.b.num_batches_tracked', 'block.down.weight'],
    ...['fc.weight', 'fc.bias'],
  ])
  const [ours, theirs] = [model, flat].map((of) => initialWeights(of, new MersenneTwister(0)))
  for (const name of ['stem.weight', 'block.a.weight', 'block.a.bias'])
    expect(ours?.get(name)?.data).toEqual(theirs?.get(name)?.data)
})

test('what does not fit is refused where it is', () => {
  expect(() => define([{ type: 'residual', layers: [conv('a', 3)] }])).toThrow(
    'layers[0] of the model "residual" (residual) adds [6, 4, 3], which its layers make, to [6, 4, 2] that they are given: give it a shortcut',
  )
  expect(() => define([{ type: 'residual', layers: [] }])).toThrow(
    'layers[0].layers of the model "residual" must be a list',
  )
  expect(() => define([{ type: 'residual', layers: [{ type: 'sofmax' }] }])).toThrow(
    'layers[0].layers[0].type of the model',
  )
  expect(() => define([{ type: 'residual', layers: [conv('fc', 2)] }])).toThrow(
    'has the name "fc", which layers[0].layers[0] has as well',
  )
  let deep: object = { type: 'relu' }
  for (let i = 0; i < 20; i++) deep = { type: 'residual', layers: [deep] }
  expect(() => define([deep])).toThrow('lies within 16 others')
  const foreign = { name: 'x', input: [1, 1, 1] as const, layers: [{ type: 'residual', layers: [{ type: 'mine' }] }] }
  expect(unknownLayerTypes(foreign as never)).toEqual(['mine'])
})
