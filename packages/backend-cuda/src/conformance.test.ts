import { operationPaths } from '@digitlab/ops'
import { conformanceCases } from '@digitlab/ops/conformance'
import { beforeEach, describe, expect, test } from 'vitest'
import { testedBackend, untestable } from '../standin/backend'

describe('the operations', () => {
  // Before each: a GPU that was required and can't be had fails every test.
  beforeEach(async () => {
    if (untestable === undefined) await testedBackend().start()
  })
  test('all run kernels of ours', (context) => {
    if (untestable !== undefined) return context.skip(untestable)
    const onReference = Object.entries(operationPaths()).filter(([, path]) => path === 'reference')
    expect(onReference.map(([name]) => name)).toEqual([])
  })
  for (const { name, run } of conformanceCases())
    test(name, async (context) => {
      if (untestable !== undefined) return context.skip(untestable)
      await run()
    })
})
