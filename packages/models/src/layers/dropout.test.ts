import { MersenneTwister } from '@digitlab/random'
import { float64 } from '@digitlab/ops'
import '@tensorflow/tfjs-backend-cpu'
import { env, memory, setBackend, tensor, tensor1d, type Tensor } from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'
import { disposeWeights, logits, lossAndGradients, lossAndGradients64, uploadWeights } from '../compute'
import { defineModel, initialWeights, readTfjsLayout } from '../index'
import { dropout } from './dropout'

beforeAll(async () => {
  env().set('IS_TEST', true)
  expect(await setBackend('cpu')).toBe(true)
})

/** [2, 3, 2, 2] channel first, as memory has it. */
const turned = (values: readonly number[]) =>
  Float64Array.from(values, (_, i) => values[Math.floor(i / 12) * 12 + (i % 3) * 4 + (Math.floor(i / 3) % 4)]!)

// torch.manual_seed(3); F.dropout(torch.arange(1, 25.).reshape(2, 3, 2, 2), 0.4): the places that were dropped, PyTorch 2.13.
const dropped = [2, 4, 5, 9, 14, 18, 20]
const want = Array.from({ length: 24 }, (_, i) => (dropped.includes(i) ? 0 : (i + 1) / 0.6))

test.each([
  ['an image', [2, 2, 2, 3], undefined],
  ['an image that was flattened', [2, 12], [2, 2, 3] as const],
] as const)("of %s, what is dropped is PyTorch's, in its order", (_, shape, flattened) => {
  const x = { shape, data: turned(Array.from({ length: 24 }, (_, i) => i + 1)) }
  const run = { x, options: { p: 0.4 }, weights: {}, buffers: {}, flattened } as const
  const generator = new MersenneTwister(3)
  const { y, back } = dropout.float64(float64, { ...run, mode: 'training', generator })
  const expected = [...turned(want)].map((value) => expect.closeTo(value, 5) as number)
  expect([...y.data]).toEqual(expected)
  expect([...(back(x, true).dx?.data ?? [])]).toEqual(expected)
  // Nothing is drawn in use, nor where nothing is dropped.
  const before = generator.state()
  expect(dropout.float64(float64, { ...run, mode: 'evaluation' }).y).toBe(x)
  expect(dropout.float64(float64, { ...run, options: { p: 0 }, mode: 'training', generator }).y).toBe(x)
  expect(generator.state()).toEqual(before)
})

const model = defineModel({
  name: 'dropped',
  input: [5, 4, 2],
  layers: [
    { type: 'conv2d', name: 'conv', out: 3, kernel: 2 },
    { type: 'dropout', p: 0.25 },
    { type: 'flatten' },
    { type: 'dropout' },
    { type: 'dense', name: 'fc', out: 3 },
    { type: 'dropout', p: 0 },
  ],
})

test('in a model: loss and gradients are those of float64, and the generator ends where it does there', async () => {
  const before = memory().numTensors
  const state = initialWeights(model, new MersenneTwister(1))
  const generator = new MersenneTwister(2)
  const x = float64.array64(
    [3, 5, 4, 2],
    Array.from({ length: 120 }, () => Math.fround(generator.next() / 2 ** 32)),
  )
  const [ours, theirs] = [new MersenneTwister(7), new MersenneTwister(7)]
  const want = lossAndGradients64(model, readTfjsLayout(model, state), x, [0, 2, 1], 1 / 3, { generator: theirs })
  const weights = uploadWeights(model, state)
  const [batch, labels] = [tensor(Float32Array.from(x.data), [3, 5, 4, 2]), tensor1d([0, 2, 1], 'int32')]
  const { summary, gradients } = lossAndGradients(model, weights, batch, labels, 1 / 3, { generator: ours })
  expect((await summary.data())[0]).toBeCloseTo(want.loss, 6)
  for (const [name, gradient] of gradients)
    (await gradient.data()).forEach((value, i) => {
      expect(value, `${name}[${i}]`).toBeCloseTo(want.gradients.get(name)?.data[i] ?? NaN, 6)
    })
  expect(ours.state()).toEqual(theirs.state())
  const used = logits(model, weights, batch)
  expect(used.shape).toEqual([3, 3])
  for (const left of [batch, labels, summary, used, ...gradients.values()] as Tensor[]) left.dispose()
  disposeWeights(weights)
  expect(memory().numTensors).toBe(before)
})

test('what is refused', () => {
  const define = (p: unknown) => () => defineModel({ name: 'mine', input: [2, 2, 1], layers: [{ type: 'dropout', p }] })
  // Of 1 PyTorch makes zeros, which nothing learns from.
  expect(define(1)).toThrow('layers[0].p of the model "mine" must be a number at least 0 and below 1, not 1')
  expect(define(-0.1)).toThrow('not -0.1')
})
