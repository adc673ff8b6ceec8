import { createHash } from 'node:crypto'
import { MersenneTwister } from '@digitlab/random'
import { float64 } from '@digitlab/ops'
import '@tensorflow/tfjs-backend-cpu'
import { env, memory, setBackend, tensor, tensor1d, tidy, type Tensor } from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { goldenRuns } from '../../../tooling/vitest/golden.ts'
import {
  defineModel,
  initialWeights,
  modelNames,
  readTfjsLayout,
  resolveModel,
  type Model,
  type ModelDefinition,
} from './index'
import {
  activations,
  disposeWeights,
  downloadWeights,
  logits,
  lossAndGradients,
  lossAndGradients64,
  uploadWeights,
} from './compute'

beforeAll(async () => {
  env().set('IS_TEST', true)
  expect(await setBackend('cpu')).toBe(true)
})

/** Every kind of layer outside the fused pairs: a stride, a relu of its own, pools of 3, convolution straight into pool. */
const odd: ModelDefinition = {
  name: 'odd',
  input: [13, 11, 2],
  layers: [
    { type: 'relu' },
    { type: 'conv2d', name: 'a', out: 3, kernel: 3, stride: 2, padding: 1 },
    { type: 'relu' },
    { type: 'conv2d', name: 'b', in: 3, out: 5, kernel: 2 },
    { type: 'maxPool2d', size: 2 },
    { type: 'flatten' },
    { type: 'relu' },
    { type: 'dense', name: 'c', out: 6 },
    { type: 'relu' },
    { type: 'dense', name: 'd', out: 4 },
  ],
}

const models: [string, Model][] = [
  ...(['linear', 'two-layer', 'cnn'] as const).map((name): [string, Model] => [name, resolveModel(name)]),
  ['odd', defineModel(odd)],
]

const images64 = ([height, width, channels]: readonly number[], batch: number) => {
  const generator = new MersenneTwister(7)
  const array = float64.array64([batch, height ?? 0, width ?? 0, channels ?? 0])
  for (let i = 0; i < array.data.length; i++) array.data[i] = Math.max(0, (generator.next() % 512) - 256) / 255
  return array
}

describe.each(models)('%s', (_, model) => {
  test('weights go to the backend and back unchanged', async () => {
    const before = memory().numTensors
    const weights = initialWeights(model, new MersenneTwister(3))
    const uploaded = uploadWeights(model, weights)
    expect(await downloadWeights(model, uploaded)).toEqual(weights)
    disposeWeights(uploaded)
    expect(memory().numTensors).toBe(before)
  })

  test('loss and gradients are those of float64, and nothing leaks', async () => {
    const before = memory().numTensors
    const state = initialWeights(model, new MersenneTwister(3))
    const x = images64(model.definition.input, 2)
    const labels = [3, 0]
    const want = lossAndGradients64(model, readTfjsLayout(model, state), x, labels, 0.5)

    const weights = uploadWeights(model, state)
    const [images, targets] = [tensor(Float32Array.from(x.data), [...x.shape]), tensor1d(labels, 'int32')]
    const { summary, gradients } = lossAndGradients(model, weights, images, targets, 0.5)
    expect([...(await summary.data())]).toEqual([expect.closeTo(want.loss, 6), want.correct])
    expect([...gradients.keys()].sort()).toEqual(model.parameters.map(({ name }) => name).sort())
    for (const [name, gradient] of gradients) {
      const expected = want.gradients.get(name)
      expect(gradient.shape).toEqual(expected?.shape)
      const difference = (await gradient.data()).map((value, i) => Math.abs(value - (expected?.data[i] ?? NaN)))
      expect(Math.max(...difference), name).toBeLessThan(1e-5)
    }
    for (const left of [images, targets, summary, ...gradients.values()] as Tensor[]) left.dispose()
    disposeWeights(weights)
    expect(memory().numTensors).toBe(before)
  })

  test("float64's gradients are the slopes of float64's loss", () => {
    const state = readTfjsLayout(model, initialWeights(model, new MersenneTwister(5)))
    const x = images64(model.definition.input, 1)
    const { gradients } = lossAndGradients64(model, state, x, [1], 1)
    for (const [name, { data }] of state) {
      for (const index of [0, Math.floor(data.length / 2), data.length - 1]) {
        const value = data[index] ?? NaN
        const lossAt = (at: number) => {
          data[index] = at
          return lossAndGradients64(model, state, x, [1], 1).loss
        }
        const slope = (lossAt(value + 1e-6) - lossAt(value - 1e-6)) / 2e-6
        data[index] = value
        expect(slope, `${name}[${index}]`).toBeCloseTo(gradients.get(name)?.data[index] ?? NaN, 6)
      }
    }
  })
})

test('the catalogue has the parameters that it says', () => {
  const counts = modelNames.map((name) => [name, resolveModel(name).parameterCount])
  expect(Object.fromEntries(counts)).toEqual({
    ...{ linear: 7850, 'two-layer': 79_510, cnn: 20_490, mlp: 669_706, 'lenet-5': 61_706 },
    ...{ 'cnn-batch-norm': 20_586, 'pytorch-example': 1_199_882, champion: 75_450, sprint: 17_042 },
  })
})

test('weights of another model are refused, naming entry, expected and found', () => {
  const [linear, cnn] = [resolveModel('linear'), resolveModel('cnn')]
  const weights = initialWeights(linear, new MersenneTwister(0))
  expect(() => uploadWeights(cnn, weights)).toThrow(
    'needs "conv1.weight" [16, 1, 3, 3], the weights hold fc.weight, fc.bias',
  )
  weights.set('fc.bias', { shape: [9], data: new Float32Array(9) })
  expect(() => uploadWeights(linear, weights)).toThrow(
    '"fc.bias" of the model "linear" has shape [10], the weights hold [9]',
  )
  const more = initialWeights(linear, new MersenneTwister(0)).set('fc2.bias', { shape: [1], data: new Float32Array(1) })
  expect(() => uploadWeights(linear, more)).toThrow('the model "linear" has no "fc2.bias", which the weights hold')
  expect(memory().numTensors).toBe(0)
})

test('what each layer makes ends in the logits, and is what the layers within say of their shapes', async () => {
  const before = memory().numTensors
  const model = defineModel({
    name: 'dropping',
    input: [6, 6, 1],
    layers: [
      { type: 'dropout', p: 0.5 },
      { type: 'conv2d', name: 'a', out: 2, kernel: 3 },
      { type: 'relu' },
      { type: 'maxPool2d', size: 2 },
      { type: 'dropout', p: 0.5 },
      { type: 'flatten' },
      { type: 'dense', name: 'b', out: 3 },
    ],
  })
  const weights = uploadWeights(model, initialWeights(model, new MersenneTwister(5)))
  const images = tensor(
    Float32Array.from({ length: 72 }, (_, i) => (i % 7) / 7),
    [2, 6, 6, 1],
  )
  const made = activations(model, weights, images)
  expect(made.map(({ shape }) => shape)).toEqual(model.layers.map(({ output }) => [2, ...output]))
  expect(await made[0]?.data()).toEqual(await images.data()) // nothing is dropped
  expect(Math.min(...((await made[2]?.data()) ?? []))).toBe(0)
  const last = logits(model, weights, images)
  const [ours = [], theirs = []] = await Promise.all([made.at(-1)?.data(), last.data()])
  expect(ours).toHaveLength(6)
  for (const [i, value] of [...ours].entries()) expect(value).toBeCloseTo(theirs[i] ?? NaN, 5)
  for (const one of [...made, last, images]) one.dispose()
  disposeWeights(weights)
  expect(memory().numTensors).toBe(before)
})

test('logits have one row an image', () => {
  const model = resolveModel('cnn')
  const weights = uploadWeights(model, initialWeights(model, new MersenneTwister(0)))
  const shape = tidy(() => logits(model, weights, tensor(new Float32Array(3 * 784), [3, 28, 28, 1])).shape)
  expect(shape).toEqual([3, 10])
  disposeWeights(weights)
})

describe("initial weights are PyTorch's to the bit", () => {
  for (const { file, golden } of goldenRuns())
    test(file, (context) => {
      if (!golden) return context.skip('the reference traces of PyTorch are not at hand')
      const weights = initialWeights(resolveModel(golden.model), new MersenneTwister(golden.seed))
      expect([...weights.keys()]).toEqual(Object.keys(golden.initialState))
      for (const [name, { shape, data }] of weights) {
        expect(shape).toEqual(golden.initialState[name]?.shape)
        const bytes = new Uint8Array(data.buffer)
        expect(createHash('sha256').update(bytes).digest('hex'), name).toBe(golden.initialState[name]?.sha256)
      }
    })
})
