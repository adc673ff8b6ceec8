import { expect, test } from 'vitest'
import { defineModel, resolveModel, trainingMemory } from './index'

test('counts weights, gradients and moments, and the activations of a batch', () => {
  // 7850 parameters; an image of 784, flattened to 784, makes 10 logits
  expect(trainingMemory(resolveModel('linear'), { batchSize: 64 })).toEqual({
    parameters: 7850,
    weights: 4 * 7850 * 4,
    activations: 4 * 64 * (784 + 2 * (784 + 10)),
    total: 4 * 7850 * 4 + 4 * 64 * (784 + 2 * 794),
  })
})

test('an evaluation of many images may be what takes most', () => {
  const size = { batchSize: 1, evaluationBatch: 500, moments: 0 }
  expect(trainingMemory(resolveModel('linear'), size)).toMatchObject({
    weights: 4 * 7850 * 2,
    activations: 4 * 500 * (784 + 794),
  })
})

test('a model of 707 million parameters is told from its definition', () => {
  const model = defineModel({
    name: 'big',
    input: [28, 28, 1],
    layers: [
      { type: 'flatten' },
      { type: 'dense', name: 'd', out: 65536 },
      { type: 'dense', name: 'e', out: 10000 },
      { type: 'dense', name: 'f', out: 10 },
    ],
  })
  const { parameters, weights } = trainingMemory(model, { batchSize: 64, moments: 0 })
  expect(parameters).toBe(785 * 65536 + 65537 * 10000 + 10001 * 10)
  expect(weights).toBe(8 * parameters) // 5.7 GB
})
