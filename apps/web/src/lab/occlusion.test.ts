import { defineModel, type StateDict } from '@digitlab/models'
import { disposeWeights, uploadWeights } from '@digitlab/models/compute'
import { memory } from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { wasmBackend } from '@digitlab/backend-wasm'
import { occlusion } from './occlusion'

/** A softmax regression that sees class 1 by ink on the left of an image of 14 x 14, and class 0 by ink on the right. */
const model = defineModel({
  name: 'sides',
  input: [14, 14, 1],
  layers: [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: 2 }],
})
const weights: StateDict = new Map([
  [
    'fc.weight',
    {
      shape: [2, 196],
      data: Float32Array.from({ length: 392 }, (_, i) => (i < 196 ? 0 : i % 14 < 7 ? 0.5 : -0.25)),
    },
  ],
  ['fc.bias', { shape: [2], data: new Float32Array(2) }],
])

test('ink that makes a class likelier speaks for it, other ink against it, and paper for nothing', async () => {
  await wasmBackend().start()
  const uploaded = uploadWeights(model, weights)
  const before = memory().numTensors
  const image = new Uint8Array(196)
  const ink = (row: number, column: number) => (image[14 * row + column] = 255)
  for (const column of [3, 10]) for (let row = 4; row < 10; row++) ink(row, column)
  const found = await occlusion(model, uploaded, image)
  expect(memory().numTensors).toBe(before)
  disposeWeights(uploaded)
  expect(found?.label).toBe(1)
  const at = (row: number, column: number) => found?.values[14 * row + column] ?? NaN
  // A square of 2 x 2 erases two pixels of a line: log odds fall by 1, or rise by 0.5, wherever it covers them.
  expect(at(6, 3)).toBe(127)
  expect(at(6, 10)).toBe(-63) // half of 127, rounded
  expect(at(6, 6)).toBe(0)
  expect(at(0, 3)).toBe(0)
})
