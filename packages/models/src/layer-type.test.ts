// Layers as somebody else would write them: one that computes, one with weights and buffers, one that draws.
import { MersenneTwister } from '@digitlab/random'
import { float64 } from '@digitlab/ops'
import '@tensorflow/tfjs-backend-cpu'
import { env, memory, setBackend, tensor, tensor1d, tidy, type Tensor } from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { disposeWeights, downloadWeights, logits, lossAndGradients, lossAndGradients64, uploadWeights } from './compute'
import {
  catalogue,
  constant,
  defineLayer,
  defineModel,
  featureLayout,
  initialWeights,
  integer,
  layerName,
  mnistFit,
  ModelError,
  number,
  readTfjsLayout,
  trainingMemory,
  unknownLayerTypes,
  type Initial,
  type LayerType,
  type ModelDefinition,
} from './index'

beforeAll(async () => {
  env().set('IS_TEST', true)
  expect(await setBackend('cpu')).toBe(true)
})

const scaledTanh = defineLayer({
  type: 'scaledTanh',
  options: { scale: number({ above: 0, default: 1 }) },
  output: ({ input }) => input,
  forward({ tf }, { x, options: { scale } }) {
    const tanh = tf.tanh(x)
    return {
      y: tf.mul(tanh, scale),
      back: (dy) => ({ dx: tf.mul(dy, tf.mul(tf.sub(1, tf.square(tanh)), scale)) }),
    }
  },
  float64({ map }, { x, options: { scale } }) {
    const tanh = map(x, Math.tanh)
    return {
      y: map(tanh, (value) => scale * value),
      back: (dy) => ({ dx: map(dy, (value, i) => value * scale * (1 - (tanh.data[i] ?? NaN) ** 2)) }),
    }
  },
})

/** Rising in PyTorch's order, so that a wrong order shows. */
const numbered: Initial = (_, count) => Float32Array.from({ length: count }, (_, i) => 1 + i / 8)

/** y = gain x, one gain a feature; counts the batches that it has seen. */
const gain = defineLayer({
  type: 'gain',
  options: { name: layerName(), features: integer({ from: 1, optional: true }) },
  output: ({ input, options: { features = input[0] }, refuse }) =>
    input.length === 1 && features === input[0] ? input : refuse(`takes a row of ${features}`),
  weights: ({ input: [features = 0], flattened }) => ({
    gain: {
      shape: [features],
      initial: numbered,
      layout: featureLayout(features, flattened),
    },
  }),
  buffers: () => ({ batches: { shape: [], initial: constant(0) } }),
  forward({ tf }, { x, weights, buffers, mode }) {
    return {
      y: tf.mul(x, weights.gain),
      ...(mode === 'training' ? { buffers: { batches: tf.add(buffers.batches, 1) } } : {}),
      back: (dy) => ({ dx: tf.mul(dy, weights.gain), gradients: { gain: tf.sum(tf.mul(dy, x), 0) } }),
    }
  },
  float64({ map, array64 }, { x, weights, buffers, mode }) {
    const features = weights.gain.data.length
    const of = (i: number) => weights.gain.data[i % features] ?? NaN
    return {
      y: map(x, (value, i) => value * of(i)),
      ...(mode === 'training' ? { buffers: { batches: map(buffers.batches, (count) => count + 1) } } : {}),
      back: (dy) => {
        const gradient = array64([features])
        dy.data.forEach((value, i) => (gradient.data[i % features]! += value * (x.data[i] ?? NaN)))
        return { dx: map(dy, (value, i) => value * of(i)), gradients: { gain: gradient } }
      },
    }
  },
})

/** Adds noise in training. */
const noise = defineLayer({
  type: 'noise',
  options: {},
  draws: true,
  output: ({ input }) => input,
  forward({ tf }, { x, generator }) {
    if (!generator) return { y: x, back: (dy) => ({ dx: dy }) }
    const drawn = Float32Array.from({ length: x.size }, () => generator.next() / 2 ** 32)
    return { y: tf.add(x, tf.tensor(drawn, x.shape)), back: (dy) => ({ dx: dy }) }
  },
  float64({ map }, { x, generator }) {
    return {
      y: generator ? map(x, (value) => value + Math.fround(generator.next() / 2 ** 32)) : x,
      back: (dy) => ({ dx: dy }),
    }
  },
})

const layers = [scaledTanh, gain, noise]
const definition = {
  name: 'foreign',
  input: [4, 3, 2],
  layers: [
    { type: 'conv2d', name: 'conv', out: 3, kernel: 2 },
    { type: 'scaledTanh', scale: 1.5 },
    { type: 'flatten' },
    { type: 'gain', name: 'gain' },
    { type: 'noise' },
    { type: 'dense', name: 'fc', out: 4 },
    { type: 'relu' },
  ],
} as const satisfies ModelDefinition
const model = defineModel(definition, { layers })

const random64 = (shape: number[]) => {
  const generator = new MersenneTwister(9)
  const array = float64.array64(shape)
  for (let i = 0; i < array.data.length; i++) array.data[i] = Math.fround(generator.next() / 2 ** 32 - 0.5)
  return array
}

test('a model of them has their parameters and buffers, in the order of the state dict', () => {
  const names = (entries: readonly { readonly name: string }[]) => entries.map(({ name }) => name)
  expect(names(model.parameters)).toEqual(['conv.weight', 'conv.bias', 'gain.gain', 'fc.weight', 'fc.bias'])
  expect(names(model.buffers)).toEqual(['gain.batches'])
  expect(names(model.entries)).toEqual([
    ...['conv.weight', 'conv.bias', 'gain.gain', 'gain.batches', 'fc.weight', 'fc.bias'],
  ])
  expect(model.parameterCount).toBe(3 * 2 * 4 + 3 + 18 + 4 * 18 + 4)
  expect(trainingMemory(model, { batchSize: 1 }).parameters).toBe(model.parameterCount)
})

test('which of its types somebody else does not have', () => {
  expect(unknownLayerTypes(definition)).toEqual(['scaledTanh', 'gain', 'noise'])
  expect(
    unknownLayerTypes(
      definition,
      model.layers.map(({ type }) => type),
    ),
  ).toEqual([])
  expect(unknownLayerTypes(catalogue.cnn(mnistFit))).toEqual([])
})

test('loss, gradients and buffers are those of float64, in the same draws, and nothing leaks', async () => {
  const before = memory().numTensors
  const state = initialWeights(model, new MersenneTwister(3))
  const x = random64([5, 4, 3, 2])
  const labels = [3, 0, 1, 2, 2]
  const [ours, twin] = [new MersenneTwister(4), new MersenneTwister(4)]
  const want = lossAndGradients64(model, readTfjsLayout(model, state), x, labels, 1 / 5, { generator: twin })
  const weights = uploadWeights(model, state)
  const [images, targets] = [tensor(Float32Array.from(x.data), [...x.shape]), tensor1d(labels, 'int32')]
  const made = lossAndGradients(model, weights, images, targets, 1 / 5, { generator: ours })
  expect(ours.state()).toEqual(twin.state())
  expect([...(await made.summary.data())]).toEqual([expect.closeTo(want.loss, 5), want.correct])
  expect([...made.gradients.keys()].sort()).toEqual(model.parameters.map(({ name }) => name).sort())
  for (const [name, gradient] of made.gradients) {
    const expected = want.gradients.get(name)
    expect(gradient.shape).toEqual(expected?.shape)
    const difference = (await gradient.data()).map((value, i) => Math.abs(value - (expected?.data[i] ?? NaN)))
    expect(Math.max(...difference), name).toBeLessThan(1e-5)
  }
  expect([...(await made.buffers.get('gain.batches')!.data())]).toEqual([1])
  expect(want.buffers.get('gain.batches')?.data).toEqual(Float64Array.of(1))
  for (const left of [images, targets, made.summary, ...made.gradients.values(), ...made.buffers.values()] as Tensor[])
    left.dispose()
  disposeWeights(weights)
  expect(memory().numTensors).toBe(before)
})

test("their gradients are the slopes of float64's loss", () => {
  const state = readTfjsLayout(model, initialWeights(model, new MersenneTwister(5)))
  const x = random64([1, 4, 3, 2])
  const loss = () => lossAndGradients64(model, state, x, [1], 1, { generator: new MersenneTwister(4) })
  const { gradients } = loss()
  for (const name of ['conv.weight', 'gain.gain', 'fc.bias']) {
    const { data } = state.get(name)!
    const value = data[1]!
    data[1] = value + 1e-6
    const above = loss().loss
    data[1] = value - 1e-6
    const slope = (above - loss().loss) / 2e-6
    data[1] = value
    expect(slope, name).toBeCloseTo(gradients.get(name)?.data[1] ?? NaN, 6)
  }
})

test('in evaluation nothing is drawn and no buffer changes: the same images give the same logits', async () => {
  const weights = uploadWeights(model, initialWeights(model, new MersenneTwister(3)))
  const images = tensor(Float32Array.from(random64([2, 4, 3, 2]).data), [2, 4, 3, 2])
  const twice = [1, 2].map(() => tidy(() => logits(model, weights, images).dataSync()))
  expect(twice[0]).toEqual(twice[1])
  images.dispose()
  disposeWeights(weights)
})

test("per-feature weights behind a flatten are in PyTorch's order in the state dict, in tfjs's on the backend", async () => {
  const state = initialWeights(model, new MersenneTwister(3))
  const weights = uploadWeights(model, state)
  // What was flattened is [3, 2, 3]: the second value in memory is channel 1 of the first place, value 6 in PyTorch's order.
  expect([...(await weights.get('gain.gain')!.data())].slice(0, 4)).toEqual([1, 1 + 6 / 8, 1 + 12 / 8, 1 + 1 / 8])
  expect(await downloadWeights(model, weights)).toEqual(state)
  disposeWeights(weights)
})

test('parameters can be moved without the buffers, as an optimizer keeps them', async () => {
  const state = initialWeights(model, new MersenneTwister(3))
  state.delete('gain.batches')
  expect(() => uploadWeights(model, state)).toThrow('needs "gain.batches" []')
  const weights = uploadWeights(model, state, model.parameters)
  expect(await downloadWeights(model, weights, model.parameters)).toEqual(state)
  disposeWeights(weights)
})

describe('what a definition may not have', () => {
  const define = (layer: object, types: readonly LayerType[] = layers) =>
    defineModel(
      { ...definition, layers: [{ type: 'flatten' }, layer, { type: 'dense', name: 'fc', out: 2 }] } as never,
      {
        layers: types,
      },
    )
  test.each([
    [
      'a value out of range',
      { type: 'scaledTanh', scale: 0 },
      'layers[1].scale of the model "foreign" must be a number above 0, not 0',
    ],
    [
      'what the type refuses',
      { type: 'gain', name: 'g', features: 3 },
      'layers[1] of the model "foreign" (gain "g") takes a row of 3',
    ],
  ])('%s', (_, layer, message) => {
    expect(() => define(layer)).toThrow(ModelError)
    expect(() => define(layer)).toThrow(message)
  })

  test('a type that was not handed over, or that there is twice', () => {
    expect(() => define({ type: 'scaledTanh' }, [])).toThrow('tanh, not "scaledTanh"')
    expect(() => define({ type: 'relu' }, [scaledTanh, scaledTanh])).toThrow(
      'there are two types of layer "scaledTanh"',
    )
  })
})

test('what a type leaves out is told: a name, a gradient, a generator', () => {
  const nameless: LayerType = { ...scaledTanh, weights: () => ({ gain: { shape: [1], initial: constant(1) } }) }
  expect(() => defineLayer(nameless)).toThrow('needs an option name')
  const forgetful = {
    ...gain,
    forward: (kit, run) => ({ y: gain.forward(kit, run as never).y, back: (dy) => ({ dx: dy }) }),
  } as LayerType
  const plain = { ...definition, layers: definition.layers.filter(({ type }) => type !== 'noise') }
  const run = (types: readonly LayerType[], what: ModelDefinition) => {
    const made = defineModel(what, { layers: types })
    const weights = uploadWeights(made, initialWeights(made, new MersenneTwister(0)))
    try {
      tidy(() => {
        const images = tensor(new Float32Array(24), [1, 4, 3, 2])
        lossAndGradients(made, weights, images, tensor1d([1], 'int32'), 1)
      })
    } finally {
      disposeWeights(weights)
    }
  }
  expect(() => run([scaledTanh, forgetful], plain)).toThrow('the layer type "gain" gave no gradient of gain')
  expect(() => run(layers, definition)).toThrow('draws in training, and was given no generator')
})
