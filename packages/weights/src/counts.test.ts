// What PyTorch counts in whole numbers, a normalization's batches, is int64 in files and an entry of the state dict.
import { defineModel, initialWeights } from '@digitlab/models'
import { MersenneTwister } from '@digitlab/random'
import { expect, test } from 'vitest'
import { findModel, readOnnx, readPth, readSafetensors, writeOnnx, writePth, writeSafetensors } from './index'

const { definition, ...model } = defineModel({
  name: 'normalized',
  input: [4, 4, 1],
  layers: [
    { type: 'conv2d', name: 'conv', out: 2, kernel: 3, bias: false },
    { type: 'batchNorm', name: 'norm' },
    { type: 'flatten' },
    { type: 'dense', name: 'fc', out: 3 },
  ],
})
const weights = initialWeights({ definition, ...model }, new MersenneTwister(0))
weights.set('norm.num_batches_tracked', { shape: [], data: Float32Array.of(938), dtype: 'int64' })

test.each([
  ['.pth', (held: typeof weights) => readPth(writePth(held))],
  ['safetensors', (held: typeof weights) => readSafetensors(writeSafetensors(held))],
] as const)('%s: read back with its type, behind a prefix as well', (_, through) => {
  const read = through(weights)
  expect(read.integers.get('norm.num_batches_tracked')?.data).toEqual(BigInt64Array.of(938n))
  expect(findModel(read, { model: definition }).weights).toEqual(weights)
  const prefixed = new Map([...weights].map(([name, entry]) => [`module.${name}`, entry]))
  const found = findModel(through(prefixed), { model: definition })
  expect(found.weights).toEqual(weights)
  expect(found.notes.join()).toContain('"module."')
})

test('one that is missing, or a number that float32 does not hold, is named', () => {
  const without = new Map([...weights].filter(([name]) => !name.endsWith('tracked')))
  expect(() => findModel(readPth(writePth(without)), { model: definition })).toThrow(
    'needs "norm.num_batches_tracked" []',
  )
})

test('ONNX, which is for use, does not keep it: read back it is 0', () => {
  const read = readOnnx(writeOnnx({ definition, ...model }, weights))
  expect(findModel(read).weights.get('norm.num_batches_tracked')).toEqual({
    ...{ shape: [], data: new Float32Array(1), dtype: 'int64' },
  })
})
