import fc from 'fast-check'
import { expect, test } from 'vitest'
import { mutated, presentable } from '../../../tooling/vitest/mutations.ts'
import {
  catalogue,
  defineModel,
  mnistFit,
  ModelError,
  trainingMemory,
  type ModelDefinition,
  type ModelPath,
} from './index'

/** Whether all of a path but its last part, which may be missing, is there. */
const leadsInto = (value: unknown, path: ModelPath): boolean => {
  if (path.length === 0) return true
  if (typeof value !== 'object' || value === null) return false
  const [first = '', ...rest] = path
  return rest.length === 0 || leadsInto((value as Record<string | number, unknown>)[first], rest)
}

test.each(Object.entries(catalogue))(
  'whatever is changed in the definition of %s, it is a model or a ModelError in one sentence about a place within it',
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
          if (!error.path || !leadsInto(definition, error.path))
            throw new Error(`[${String(error.path)}] is not within it: ${error.message}`, { cause: error })
          refused++
        }
      }),
      { numRuns: 3000, interruptAfterTimeLimit: 10_000 },
    )
    expect(refused).toBeGreaterThan(100)
  },
)
