import { describe, expect, test } from 'vitest'
import { defineModel, firstLayerWeights, ModelError, resolveModel, type Model, type StateDict } from './index'
import { firstFeatureMaps } from './compute'

/** 1, 2, 3 ... in every entry. */
const counted = (model: Model): StateDict =>
  new Map(
    model.parameters.map(({ name, shape }) => [
      name,
      { shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i + 1) },
    ]),
  )

describe('the first layer', () => {
  test.each([
    ['linear', 'fc.weight', [10, 784]],
    ['two-layer', 'fc1.weight', [100, 784]],
    ['cnn', 'conv1.weight', [16, 1, 3, 3]],
  ])('of %s is %s', (name, weight, shape) => {
    const model = resolveModel(name)
    expect(firstLayerWeights(model, counted(model))).toMatchObject({ name: weight, shape })
  })

  test('that does not see the image itself is none', () => {
    const model = defineModel({
      name: 'pooled',
      input: [4, 4, 1],
      layers: [
        { type: 'maxPool2d', size: 2 },
        { type: 'conv2d', name: 'a', out: 2, kernel: 1 },
        { type: 'flatten' },
        { type: 'dense', name: 'b', out: 3 },
      ],
    })
    expect(firstLayerWeights(model, counted(model))).toBeUndefined()
    expect(firstFeatureMaps(model, counted(model), new Uint8Array(16))).toBeUndefined()
    expect(() => firstLayerWeights(model, new Map())).toThrow(ModelError)
  })

  test('makes of an image what is computed by hand', () => {
    const model = defineModel({
      name: 'small',
      input: [2, 2, 1],
      layers: [
        { type: 'conv2d', name: 'a', out: 2, kernel: 2 },
        { type: 'relu' },
        { type: 'flatten' },
        { type: 'dense', name: 'b', out: 2 },
      ],
    })
    const weights = counted(model)
    weights.set('a.weight', { shape: [2, 1, 2, 2], data: Float32Array.of(1, 2, 3, 4, -1, -2, -3, -4) })
    const maps = firstFeatureMaps(model, weights, Uint8Array.of(0, 51, 102, 255)) // 0, 0.2, 0.4, 1
    expect(maps?.shape).toEqual([1, 1, 2])
    expect(maps?.data[0]).toBeCloseTo(0.4 + 1.2 + 4 + 1) // the bias of the first filter is 1
    expect(maps?.data[1]).toBe(0) // 2 - 5.6 is cut off by the ReLU
    const bare = { ...model.definition, layers: model.definition.layers.filter(({ type }) => type !== 'relu') }
    expect(firstFeatureMaps(defineModel(bare), weights, Uint8Array.of(0, 51, 102, 255))?.data[1]).toBeCloseTo(2 - 5.6)
    // (0, 0.2, 0.4, 1) as a model sees them that was trained with a mean of 0.2 and a deviation of 0.5: (-0.4, 0, 0.4, 1.6).
    const bytes = Uint8Array.of(0, 51, 102, 255)
    const normalized = firstFeatureMaps(model, weights, bytes, { mean: 0.2, std: 0.5 })
    expect(normalized?.data[0]).toBeCloseTo(-0.4 + 1.2 + 6.4 + 1)
  })
})
