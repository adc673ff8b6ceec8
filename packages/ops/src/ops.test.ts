import '@tensorflow/tfjs-backend-cpu'
import { env, memory, setBackend, tensor1d, tensor2d, tensor4d } from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { conformanceCases } from './conformance'
import { batchSource, dense, operationPaths, OpsError, softmaxCrossEntropy, convolution } from './index'

beforeAll(async () => {
  env().set('IS_TEST', true) // the stock backend greets with a warning otherwise
  expect(await setBackend('cpu')).toBe(true)
})

describe('the reference, on the stock cpu backend', () => {
  test('is what runs here', () => {
    expect(new Set(Object.values(operationPaths()))).toEqual(new Set(['reference']))
  })
  for (const { name, run } of conformanceCases()) test(name, run)
})

describe('what does not fit is refused with both shapes', () => {
  test('dense', () => {
    const [x, w, b] = [tensor2d([[1, 2, 3]]), tensor2d([[1], [2]]), tensor1d([0])]
    expect(() => dense(x, w, b, 'relu')).toThrow(
      new OpsError('the weight of a dense layer must have shape [3, 1], not [2, 1]'),
    )
    for (const tensor of [x, w, b]) tensor.dispose()
    expect(memory().numTensors).toBe(0)
  })
  test('softmaxCrossEntropy', () => {
    expect(() => softmaxCrossEntropy(tensor2d([[1, 2]]), tensor1d([0, 1], 'int32'), 1)).toThrow(
      'must have shape [1], not [2]',
    )
  })
  test('convolution', () => {
    const [x, f, b] = [tensor4d([1], [1, 1, 1, 1]), tensor4d(new Float32Array(9), [3, 3, 1, 1]), tensor1d([0])]
    expect(() => convolution(x, f, b, { stride: 1, padding: 0 })).toThrow(
      'a 3 x 3 filter does not fit an image of 1 x 1',
    )
  })
  test('batchSource', () => {
    expect(() => batchSource(new Uint8Array(5), new Uint8Array(2), [1, 2])).toThrow(
      'expected 4 bytes for 2 images of 1 x 2, there are 5',
    )
    const source = batchSource(new Uint8Array(4), new Uint8Array(2), [1, 2])
    expect(() => source.setOrder(Int32Array.from([0, 2]))).toThrow('an order points at image 2 of 2')
    expect(() => source.batch(1, 2)).toThrow('a batch of 2 from position 1 is not within an order of 2')
  })
})
