import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { goldenRuns, mnistFolder } from './golden'

test('the reference traces of the case study are in the repository', () => {
  const runs = goldenRuns({}).map(({ file, golden }) => [
    file,
    golden?.model,
    golden?.seed,
    golden?.first200Losses.length,
  ])
  const wanted = ['cnn', 'linear', 'two-layer'].flatMap((model) =>
    [0, 1, 42].map((seed) => [`${model}-seed${seed}.json`, model, seed, 200]),
  )
  expect(runs.sort()).toEqual(wanted.sort())
})

test('under REQUIRE_GOLDEN=1 nothing is left out for want of a trace or of MNIST', () => {
  const empty = mkdtempSync(join(tmpdir(), 'digitlab-golden-'))
  try {
    expect(goldenRuns({ DIGITLAB_GOLDEN: empty })[0]?.golden).toBeUndefined()
    expect(() => goldenRuns({ DIGITLAB_GOLDEN: empty, REQUIRE_GOLDEN: '1' })).toThrow(
      'there are no reference traces in',
    )
    if (mnistFolder({}) === undefined)
      expect(() => mnistFolder({ REQUIRE_GOLDEN: '1' })).toThrow('MNIST is not at hand')
  } finally {
    rmSync(empty, { recursive: true })
  }
})
