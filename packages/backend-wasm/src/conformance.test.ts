import { operationPaths } from '@digitlab/ops'
import { conformanceCases } from '@digitlab/ops/conformance'
import { env } from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { wasmBackend } from './index'

for (const simd of ['plain', 'relaxed'] as const)
  describe(`${simd} SIMD`, () => {
    beforeAll(async () => {
      env().set('IS_TEST', true) // tfjs greets with a warning otherwise
      expect((await wasmBackend({ simd }).start()).device).toContain(simd === 'plain' ? ', SIMD' : 'relaxed')
    })
    test('every operation runs our kernel', () => {
      expect(new Set(Object.values(operationPaths()))).toEqual(new Set(['kernel']))
    })
    for (const { name, run } of conformanceCases()) test(name, run)
  })
