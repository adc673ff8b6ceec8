import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { mnistFolder } from '../vitest/golden'
import { trainingFlops } from './flops'
import { compareLosses } from './losses'
import { asPart, markedPart } from '../packages/marked-part'
import { netsTable, type NetsResult } from './nets-table'
import { publishedPart, readmePart } from './publish'
import type { BenchResult } from './tables'

const folder = fileURLToPath(new URL('.', import.meta.url))
describe('losses', () => {
  const side = (id: string, losses: readonly number[]) => ({ id, losses })

  test('a side that computes something else, or nothing, does not agree', () => {
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

test('what an image costs is what its layers multiply', () => {
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
    const script = ['--import', 'tsx', join(folder, 'bench.ts'), ...flags, '--data', mnist, '--out', out]
    const { status, stderr, stdout } = spawnSync(process.execPath, script, { encoding: 'utf8' })
    expect(status, stderr).toBe(0)
    expect(stdout).toContain('| linear |')
    const result = JSON.parse(await readFile(join(out, 'bench.json'), 'utf8')) as BenchResult
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
    spawnSync(process.execPath, ['--import', 'tsx', join(folder, 'bench.ts'), ...flags], { encoding: 'utf8' })
  const wrong = bench('--rounds', 'many')
  expect(wrong.status).toBe(2)
  expect(wrong.stderr).toBe('--rounds must be an integer from 1, not many\n')
  expect(bench('--models', 'resnet').stderr).toContain('--models names resnet')
  expect(bench('--wrong').stderr).toContain('--wrong')
})

test('nets are trained by their recipes, a seed a turn', async ({ skip }) => {
  const mnist = mnistFolder()
  if (mnist === undefined) return skip('MNIST is not at hand: set DIGITLAB_DATA')
  const flags = ['--time', 'linear', '--rounds', '1', '--data', mnist, '--python', 'no-python-of-this-name']
  const script = ['--import', 'tsx', join(folder, 'nets.ts'), ...flags]
  const { status, stderr, stdout } = spawnSync(process.execPath, script, { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  expect(stderr.match(/linear, wasm, seed \d: [\d.]+ s, 9\d\.\d\d %/g)).toHaveLength(2)
  expect(stdout).toMatch(/\| linear \| 7,850 \| 5 \| .* \| [\d.]+ \| .* \|/)
})

test('a table of nets has means, intervals and what was not measured', () => {
  const measured = { processor: 'A', cores: 2, node: '20', torch: '2', date: '2026-01-01', commit: 'abc' }
  const text = netsTable({
    nets: {
      champion: { parameters: 75450, epochs: 8, accuracies: [0.996, 0.997, 0.998] },
      cnn: { parameters: 20490, epochs: 5, seconds: { wasm: [2, 1, 4], torch: [6, 5, 8] }, timed: measured },
      mlp: { parameters: 669706, epochs: 5, accuracies: [0.98] },
    },
    sprint: {
      turns: {
        wasm: [
          { seed: 0, seconds: 3, accuracy: 0.991 },
          { seed: 1, seconds: 5, accuracy: 0.989 },
        ],
      },
      measured,
    },
  })
  expect(text).toContain('| champion | 75,450 | 8 | 99.70 % (99.45 - 99.95, 3 seeds) | - | - | - |') // 4.3027 sd / sqrt 3
  expect(text).toContain('| cnn | 20,490 | 5 | - | 2 | 6 | 3 (2 - 5) |')
  expect(text).toContain('| mlp | 669,706 | 5 | 98.00 % (1 seed) | - | - | - |')
  expect(text).toContain('| digitlab wasm | 4 (3 - 5) | 99.00 % (97.73 - 100.00, 2 seeds) | 1 of 2 |')
  expect(text).toContain('| PyTorch, the same recipe | - | - | - |')
})

const results = join(folder, 'results', 'bench.json')
test("the README's figures are those of the bench's last published output", async () => {
  const path = join(folder, '..', '..', 'README.md')
  const result = JSON.parse(readFileSync(results, 'utf8')) as BenchResult
  expect(publishedPart(readFileSync(path, 'utf8')).part).toBe(await readmePart(result, path))
  const sides = result.epochs.flatMap(({ sides }) => sides)
  expect(sides.filter(({ agreement }) => agreement && !agreement.agrees)).toEqual([])
})

test("the README's table of nets is that of the last published output", async () => {
  const path = join(folder, '..', '..', 'README.md')
  const result = JSON.parse(readFileSync(join(folder, 'results', 'nets.json'), 'utf8')) as NetsResult
  const { part } = markedPart(readFileSync(path, 'utf8'), 'nets', 'npm run bench:nets -- --publish')
  expect(part).toBe(await asPart(netsTable(result), path))
})
