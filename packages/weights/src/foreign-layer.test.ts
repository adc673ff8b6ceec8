// A type of layer from elsewhere says itself how it is written.
import { defineLayer, defineModel, initialWeights, number, type Model } from '@digitlab/models'
import { MersenneTwister } from '@digitlab/random'
import { expect, test } from 'vitest'
import { readOnnx, WeightsError, writeOnnx, writeTfjs } from './index'

/** leaky(x + shift): a constant, an attribute that is a float, an input that is taken twice. */
const kinked = defineLayer({
  type: 'kinked',
  options: { shift: number(), slope: number({ default: 0.25 }) },
  output: ({ input }) => input,
  forward: (_, { x }) => ({ y: x, back: (dy) => ({ dx: dy }) }),
  float64: (_, { x }) => ({ y: x, back: (dy) => ({ dx: dy }) }),
  onnx: {
    write: ({ options: { shift, slope } }) => [
      { op: 'Add', inputs: ['x', shift], output: 'shifted' },
      { op: 'LeakyRelu', inputs: ['shifted'], attributes: { alpha: { float: slope } }, output: 'leaky' },
      { op: 'Add', inputs: ['leaky', 'x'] },
    ],
  },
})

const model: Model = defineModel(
  {
    name: 'mine',
    input: [1, 2, 1],
    layers: [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: 2 }, { type: 'kinked', shift: -3 }],
  },
  { layers: [kinked] },
)
const weights = initialWeights(model, new MersenneTwister(0))
weights.set('fc.weight', { shape: [2, 2], data: Float32Array.of(1, 0, 0, 1) })
weights.set('fc.bias', { shape: [2], data: new Float32Array(2) })

test('to ONNX: onnxruntime computes it, and its constants are no weights', async () => {
  const { InferenceSession, Tensor, env } = await import('onnxruntime-web')
  env.wasm.numThreads = 1
  const session = await InferenceSession.create(writeOnnx(model, weights))
  const { logits } = await session.run({ images: new Tensor('float32', Float32Array.of(1, 5), [1, 1, 1, 2]) })
  expect([...(logits!.data as Float32Array)]).toEqual([-2 * 0.25 + 1, 2 + 5])
  const bytes = writeOnnx(model, weights)
  expect([...readOnnx(bytes, 'x.onnx', { model }).weights.keys()]).toEqual(['fc.weight', 'fc.bias'])
  // Without the model it is a graph like another, and this one is none of the layers that every model may have.
  expect(() => readOnnx(bytes, 'x.onnx')).toThrow('its graph branches')
})

test('what it does not say is refused by name', () => {
  expect(() => writeTfjs(model, weights)).toThrow(WeightsError)
  expect(() => writeTfjs(model, weights)).toThrow("layers of type kinked can't be written for TensorFlow.js")
})
