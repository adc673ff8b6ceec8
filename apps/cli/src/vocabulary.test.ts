// The same seed gives the run of PyTorch, whatever the layers: twelve runs of six nets that PyTorch 2.13 wrote.
import { createHash } from 'node:crypto'
import { resolveModel, initialWeights, type ModelDefinition, type StateEntry } from '@digitlab/models'
import { MersenneTwister } from '@digitlab/random'
import { describe, expect, test } from 'vitest'
import { vocabularyRuns } from '../../../tooling/vitest/golden.ts'

const bytesOf = ({ data, dtype }: StateEntry): Uint8Array => {
  const values = dtype === 'int64' ? BigInt64Array.from(data, BigInt) : data
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
}

describe.each(vocabularyRuns())('$file', ({ trace }) => {
  const { experiment, initialState, parameters } = trace
  const model = resolveModel(experiment.model as ModelDefinition)

  test("initial weights and buffers are PyTorch's to the bit, in its order", () => {
    expect(model.parameterCount).toBe(parameters)
    const found = initialWeights(model, new MersenneTwister(experiment.seed))
    expect([...found.keys()]).toEqual(Object.keys(initialState))
    for (const [name, { shape, sha256 }] of Object.entries(initialState)) {
      const entry = found.get(name)!
      expect(entry.shape, name).toEqual(shape)
      expect(createHash('sha256').update(bytesOf(entry)).digest('hex'), name).toBe(sha256)
    }
  })
})
