import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Dataset } from '@digitlab/data'
import { describe, expect, test } from 'vitest'
import { compiled } from '../vitest/compiled'
import { mnistFolder } from '../vitest/golden'
import { namedSides } from './bench-flags'
import { figureFiles } from './figures'
import { trainingFlops } from './flops'
import { compareLosses } from './losses'
import { asPart, markedPart } from '../packages/marked-part'
import { netsTable, type NetsResult } from './nets-table'
import { toMarkdown } from './markdown'
import { publishedPart, readmePart } from './publish'
import { once, warm, type Turn } from './side'
import { follow } from './sides/follow.mjs'
import { grown } from './sides/grown.mjs'
import type { BenchResult } from './tables'

const folder = fileURLToPath(new URL('.', import.meta.url))
const program = compiled(join(folder, 'bench.ts'))

/** Turns that each side takes. */
const rounds = process.env['DIGITLAB_ALL'] === '1' ? 2 : 1

test('--sides takes those it names, and refuses one that is not there beside others that are', () => {
  const sides = [{ id: 'wasm-1' }, { id: 'wasm-2' }]
  expect(namedSides(sides, undefined)).toEqual(sides)
  expect(namedSides(sides, ['wasm-2'])).toEqual([{ id: 'wasm-2' }])
  expect(() => namedSides(sides, ['wasm-1', 'torch'])).toThrow('--sides names torch: choose from wasm-1, wasm-2')
})

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

test('backends of ours take turns and agree, answers and start-up are measured, and nothing else', async ({ skip }) => {
  const mnist = mnistFolder()
  if (mnist === undefined) return skip('MNIST is not at hand: set DIGITLAB_DATA')
  const out = await mkdtemp(join(tmpdir(), 'digitlab-bench-test-'))
  try {
    const flags = ['--models', 'linear', '--rounds', String(rounds), '--parts', 'epochs,answers,start-up']
    const without = ['--sides', 'wasm-1,cpu-1', '--python', 'no-python-of-this-name', '--data', mnist, '--out', out]
    const script = [await program, ...flags, ...without]
    const { status, stderr, stdout } = spawnSync(process.execPath, script, { encoding: 'utf8' })
    expect(status, stderr).toBe(0)
    expect(stdout).toContain('| linear |')
    const result = JSON.parse(await readFile(join(out, 'bench.json'), 'utf8')) as BenchResult
    const [epoch] = result.epochs
    expect(epoch?.sides.map(({ id }) => id)).toEqual(['wasm-1', 'cpu-1'])
    expect(result.turn).toEqual(warm)
    expect(stdout).toContain(
      "In each turn every side, digitlab's and its peers' alike, trains for at least 0.5 s that are not timed",
    )
    for (const side of epoch?.sides ?? []) {
      const { agreement } = side
      const { secondsPerEpoch = [], epochs = [] } = side.failed === undefined ? side : {}
      expect(secondsPerEpoch).toHaveLength(rounds)
      const turns = epochs.map(({ timed }, i) => timed * (secondsPerEpoch[i] ?? 0))
      expect(turns).toHaveLength(rounds)
      for (const [i, seconds] of turns.entries()) {
        expect(seconds).toBeGreaterThanOrEqual(warm.timed)
        expect(epochs[i]?.untimed).toBeGreaterThanOrEqual(1)
      }
      expect(agreement?.agrees).toBe(true)
    }
    expect(stdout).toMatch(/\| linear \| digitlab wasm \| [\d.,]+ \(.*\) \| [\d.,]+ \(.*\) \|/)
    expect(stdout).toMatch(/\| `digitlab train linear`: first step \| [\d.,]+ \(/)
    expect(result.startUp?.entries.length).toBeGreaterThanOrEqual(5) // and the page, where there is a browser
    expect([result.batches, result.sizes, result.jaxPage]).toEqual([undefined, undefined, undefined])
  } finally {
    await rm(out, { recursive: true })
  }
})

test('what cannot be is said in a sentence', async () => {
  const script = await program
  const bench = (...flags: string[]) => spawnSync(process.execPath, [script, ...flags], { encoding: 'utf8' })
  const wrong = bench('--rounds', 'many')
  expect(wrong.status).toBe(2)
  expect(wrong.stderr).toBe('--rounds must be an integer from 1, not many\n')
  expect(bench('--models', 'resnet').stderr).toContain('--models names resnet')
  expect(bench('--wrong').stderr).toContain('--wrong')
  const twice = bench('--models', 'linear', '--models', 'cnn')
  expect(twice.status).toBe(2)
  expect(twice.stderr).toContain('--models is given twice')
})

test('nets are trained by their recipes, a seed a turn', async ({ skip }) => {
  const mnist = mnistFolder()
  if (mnist === undefined) return skip('MNIST is not at hand: set DIGITLAB_DATA')
  const flags = ['--time', 'linear', '--rounds', '1', '--data', mnist, '--python', 'no-python-of-this-name']
  const script = [await compiled(join(folder, 'nets.ts')), ...flags]
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
  expect(publishedPart(readFileSync(path, 'utf8')).part).toBe(await readmePart(result))
  const sides = result.epochs.flatMap(({ sides }) => sides)
  expect(sides.filter(({ agreement }) => agreement && !agreement.agrees)).toEqual([])
})

test("the README's table of nets is that of the last published output", async () => {
  const path = join(folder, '..', '..', 'README.md')
  const result = JSON.parse(readFileSync(join(folder, 'results', 'nets.json'), 'utf8')) as NetsResult
  const { part } = markedPart(readFileSync(path, 'utf8'), 'nets', 'npm run bench:nets -- --publish')
  expect(part).toBe(await asPart(netsTable(result)))
})

describe('a turn', () => {
  const epochsOf = (turn: Turn, seconds: readonly number[]) => {
    const after = follow(turn)
    return seconds.map((each) => after(each))
  }

  test('begins with epochs that are not timed, for every side the same seconds of them, and is their mean', () => {
    const over = { seconds: 0.375, epochs: { untimed: 3, timed: 3 } }
    expect(epochsOf(warm, [0.25, 0.125, 0.25, 0.5, 0.25, 0.375]).at(-1)).toEqual(over)
    expect(epochsOf(warm, [0.25, 0.125, 0.25, 0.5, 0.25]).every((told) => told === undefined)).toBe(true)
    // One of each, however long it takes; without a time to be warm in, one alone.
    expect(epochsOf(warm, [8, 7])).toEqual([undefined, { seconds: 7, epochs: { untimed: 1, timed: 1 } }])
    expect(epochsOf(once, [8])).toEqual([{ seconds: 8, epochs: { untimed: 0, timed: 1 } }])
  })
})

describe('what is measured beside epochs', () => {
  const measured = {
    date: '2026-01-01',
    commit: 'abc',
    machine: { processor: 'A', cores: 2, memoryGiB: 8, platform: 'linux x64', node: '20', torch: '2', peakGflops: 50 },
  }
  const side = (id: string, secondsPerEpoch: readonly number[], peakBytes = 2e8) => ({
    ...{ id, title: id, secondsPerEpoch, peakBytes },
  })
  const result: BenchResult = {
    ...measured,
    ...{ images: 60_000, rounds: 3 },
    epochs: [
      {
        ...{ model: 'linear', batchSize: 64, flopsPerImage: 1 },
        sides: [
          side('wasm-1', [2, 1, 3]),
          side('wasm-2', [1, 1, 2]),
          side('torch-resident', [4, 6, 8]),
          { ...side('jax-js', [9, 9, 9]), title: 'jax-js 0.1.25 wasm' },
        ],
      },
    ],
    batches: {
      measured,
      entries: [1, 64, 4096].map((batchSize) => ({
        ...{ model: 'linear', batchSize },
        sides: [side('wasm-1', [60_000 / batchSize]), { id: 'torch-resident', title: 'PyTorch', failed: 'it ended' }],
      })),
    },
    sizes: {
      measured,
      entries: [60_000, 5_478_276].map((images) => ({
        ...{ model: 'linear', images, streamed: images > 60_000, imagesPerSecond: [1000, 3000, 2000], peakBytes: 3e8 },
      })),
    },
    answers: {
      measured,
      entries: [
        { model: 'linear', sides: [{ title: 'digitlab wasm', evaluation: [0.01], picture: [0.3, 0.25, 0.4] }] },
      ],
    },
    startUp: { measured, entries: [{ what: 'digitlab train cnn: first step', seconds: [0.5, 0.4, 0.6] }] },
    jaxPage: {
      measured,
      entries: [{ model: 'mlp', batchSize: 1000, sides: [side('wasm', [1, 2]), side('jax-js', [5, 6])] }],
    },
  }

  test('is told in tables, each with when and of what commit', () => {
    const text = toMarkdown(result)
    expect(text).toContain('PyTorch 2, jax-js 0.1.25. MNIST')
    expect(text).toContain('| 64 | 64, 200 | cannot |')
    expect(text).toContain('| linear | 5,478,276 | 4,295 | made as they are asked for | 2,000 (1,000 - 3,000) | 300 |')
    expect(text).toContain('| linear | digitlab wasm | 10 (10 - 10) | 300 (250 - 400) |')
    expect(text).toContain('| `digitlab train cnn`: first step | 500 (400 - 600) |')
    expect(text).toContain('| mlp | 1,000 | 1.5 (1 - 2) | 5.5 (5 - 6) | 4 (3 - 5) |')
    expect(text.match(/^Measured 2026-01-01 at commit abc/gm)).toHaveLength(6)
    expect(toMarkdown({ ...measured, images: 60_000, rounds: 3, epochs: [] })).not.toContain('undefined')
  })

  test('is compared with the faster of PyTorch on all threads and on one, and says so', () => {
    const [epoch] = result.epochs as [BenchResult['epochs'][number]]
    const withAlone = (seconds: readonly number[]): BenchResult => ({
      ...result,
      epochs: [{ ...epoch, sides: [...epoch.sides, side('torch-resident-1', seconds)] }],
    })
    expect(toMarkdown(result)).not.toContain('the faster of the two')
    const faster = toMarkdown(withAlone([2, 3, 4]))
    expect(faster).toContain('trained on 2 threads and on one; ratios are to the faster of the two')
    expect(faster).toContain('| linear | 1 | - | 3 | - |') // s an epoch: ours, PyTorch's on one thread
    expect(faster).toContain('| linear | 2 (2 - 3) | - | - | 9 (4.5 - 9) | - |')
    expect(faster).toMatch(/\| torch-resident-1 \| .*\| +\|\n/) // nothing beside itself
    expect(toMarkdown(withAlone([9, 9, 9]))).toContain('| linear | 4 (4 - 6) | - | - | 9 (4.5 - 9) | - |')
    expect(figureFiles(withAlone([2, 3, 4]))['ratios-light.svg']).toContain('linear, wasm : PyTorch, data resident: 2')
  })

  test('is drawn, in light and in dark', () => {
    const files = figureFiles(result)
    expect(Object.keys(files).sort()).toEqual(
      ['batches', 'ratios', 'sizes'].flatMap((name) => [`${name}-dark.svg`, `${name}-light.svg`]),
    )
    for (const svg of Object.values(files)) expect(svg).not.toMatch(/NaN|undefined|Infinity/)
    const { 'ratios-light.svg': ratios = '', 'batches-dark.svg': batches = '' } = files
    expect(ratios).toContain('linear, wasm : PyTorch, data resident: 4') // 4, 6 and 4 times, by the faster of ours
    expect(ratios.match(/<circle/g)).toHaveLength(2)
    expect(batches).toContain('linear, wasm-1: 1 at 1, 64 at 64, 4,096 at 4,096; linear, PyTorch: ')
    expect(batches).toContain('#14171c') // its paper is dark
  })
})

test('images are repeated, in memory or as they are asked for', () => {
  const images = Uint8Array.from({ length: 3 * 4 }, (_, i) => i)
  const split = { images, labels: Uint8Array.of(7, 8, 9), count: 3 }
  const data = { train: split, test: split, imageShape: [2, 2] } as unknown as Dataset
  expect(grown(data)).toBe(data)
  const { train } = grown(data, 7)
  expect([...train.labels]).toEqual([7, 8, 9, 7, 8, 9, 7])
  expect([...train.images.subarray(24)]).toEqual([0, 1, 2, 3])
  const { stream, images: held, count } = grown(data, 7, 20).train
  const target = new Uint8Array(8)
  stream?.read(Int32Array.of(4, 6), target)
  expect([...target]).toEqual([4, 5, 6, 7, 0, 1, 2, 3])
  expect([held.length, count]).toEqual([0, 7])
})

test('the figures that are published are those of their result', () => {
  const result = JSON.parse(readFileSync(results, 'utf8')) as BenchResult
  for (const [name, svg] of Object.entries(figureFiles(result)))
    expect(readFileSync(join(folder, 'results', name), 'utf8'), name).toBe(svg)
})
