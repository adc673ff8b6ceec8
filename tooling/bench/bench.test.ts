import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { mnistFolder } from '../vitest/golden'

const folder = fileURLToPath(new URL('.', import.meta.url))
const load = async <T>(name: string): Promise<T> => (await import(join(folder, name))) as T // scripts without types

interface Side {
  readonly id: string
  readonly failed?: string
  readonly secondsPerEpoch?: readonly number[]
  readonly agreement?: { readonly agrees: boolean; readonly against: string; readonly largest: number }
}

interface Result {
  readonly machine: { readonly cores: number }
  readonly epochs: readonly { readonly model: string; readonly sides: readonly Side[] }[]
}

describe('losses', () => {
  interface Losses {
    readonly compareLosses: (
      model: string,
      sides: readonly { id: string; title: string; losses: readonly number[] }[],
      trusted: readonly string[],
    ) => { id: string; against: string; agrees: boolean }[]
  }
  const side = (id: string, losses: readonly number[]) => ({ id, title: id, losses })

  test('a side that computes something else, or nothing, does not agree', async () => {
    const { compareLosses } = await load<Losses>('losses.mjs')
    const right = [2.3, 2.2, 2.1]
    const sides = [
      side('peer', right),
      side('rounded otherwise', [2.3, 2.2 + 1e-6, 2.1]),
      side('fewer steps', [2.3]),
      side('wrong at once', [2.301, 2.2, 2.1]),
      side('wrong later', [2.3, 2.2, 2.11]),
      side('not a number', [2.3, NaN, 2.1]),
      side('nothing', []),
    ]
    const agreements = compareLosses('linear', sides, ['absent', 'peer'])
    expect(agreements.filter(({ agrees }) => agrees).map(({ id }) => id)).toEqual([
      'peer',
      'rounded otherwise',
      'fewer steps',
    ])
    expect(agreements.every(({ against }) => against === 'peer')).toBe(true)
  })
})

test('what an image costs is what its layers multiply', async () => {
  const { trainingFlops } = await load<{ readonly trainingFlops: (model: string) => number }>('flops.mjs')
  expect(trainingFlops('linear')).toBe(2 * 2 * 7840)
  expect(trainingFlops('two-layer')).toBe(2 * (2 * 78400 + 3 * 1000))
  expect(trainingFlops('cnn')).toBe(2 * (2 * 784 * 144 + 3 * 196 * 4608 + 3 * 15680))
})

test('backends of ours take turns, and agree', async ({ skip }) => {
  const mnist = mnistFolder()
  if (mnist === undefined) return skip('MNIST is not at hand: set DIGITLAB_DATA')
  const out = await mkdtemp(join(tmpdir(), 'digitlab-bench-test-'))
  try {
    const flags = ['--models', 'linear', '--rounds', '2', '--no-scaling', '--sides', 'wasm-1,cpu-1']
    const script = ['--import', 'tsx', join(folder, 'bench.mjs'), ...flags, '--data', mnist, '--out', out]
    const { status, stderr, stdout } = spawnSync(process.execPath, script, { encoding: 'utf8' })
    expect(status, stderr).toBe(0)
    expect(stdout).toContain('| linear |')
    const result = JSON.parse(await readFile(join(out, 'bench.json'), 'utf8')) as Result
    const [epoch] = result.epochs
    expect(epoch?.sides.map(({ id }) => id)).toEqual(['wasm-1', 'cpu-1'])
    for (const { secondsPerEpoch, agreement } of epoch?.sides ?? []) {
      expect(secondsPerEpoch).toHaveLength(2)
      expect(agreement?.agrees).toBe(true)
    }
  } finally {
    await rm(out, { recursive: true })
  }
})

test('what cannot be is said in a sentence', () => {
  const bench = (...flags: string[]) =>
    spawnSync(process.execPath, ['--import', 'tsx', join(folder, 'bench.mjs'), ...flags], { encoding: 'utf8' })
  const wrong = bench('--rounds', 'many')
  expect(wrong.status).toBe(2)
  expect(wrong.stderr).toBe('--rounds must be an integer from 1, not many\n')
  expect(bench('--models', 'resnet').stderr).toContain('--models names resnet')
  expect(bench('--wrong').stderr).toContain('--wrong')
})

const results = join(folder, 'results', 'bench.json')
test("the README's figures are those of the bench's last published output", async () => {
  const { readmePart, publishedPart } = await load<{
    readonly readmePart: (result: Result, path: string) => Promise<string>
    readonly publishedPart: (readme: string) => { part: string }
  }>('publish.mjs')
  const path = join(folder, '..', '..', 'README.md')
  const result = JSON.parse(readFileSync(results, 'utf8')) as Result
  expect(publishedPart(readFileSync(path, 'utf8')).part).toBe(await readmePart(result, path))
  const sides = result.epochs.flatMap(({ sides }) => sides)
  expect(sides.filter(({ agreement }) => agreement && !agreement.agrees)).toEqual([])
})
