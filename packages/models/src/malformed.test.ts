import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mutated, presentable } from '../../../tooling/vitest/mutations.ts'
import { catalogue, defineModel, mnistFit, ModelError, trainingMemory, type ModelDefinition } from './index'

test.each(Object.entries(catalogue))(
  'whatever is changed in the definition of %s, it is a model or a ModelError in one sentence',
  (_, make) => {
    let refused = 0
    fc.assert(
      fc.property(mutated(make(mnistFit)), (definition) => {
        try {
          const model = defineModel(definition as ModelDefinition)
          expect(trainingMemory(model, { batchSize: 64 }).total).toBeGreaterThan(0)
        } catch (error) {
          if (!(error instanceof ModelError)) throw error
          if (!presentable(error.message)) throw new Error(`not presentable: ${error.message}`, { cause: error })
          refused++
        }
      }),
      { numRuns: 3000, interruptAfterTimeLimit: 10_000 },
    )
    expect(refused).toBeGreaterThan(100)
  },
)
