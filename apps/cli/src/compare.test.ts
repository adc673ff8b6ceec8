// Runs side by side, and backends against one another and PyTorch.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseRun, type Parity } from '@digitlab/train'
import { mnistFolder } from '../../../tooling/vitest/golden.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeWorkplace, type Workplace } from './testing/command'

const everything = process.env['DIGITLAB_ALL'] === '1'
/** In float64 a convolution takes milliseconds an image: batches of a few. */
const size = ['--batch-size', everything ? '64' : '16']

let place: Workplace
let folder = ''
let digits = ''

beforeAll(async () => {
  place = await makeWorkplace('compare', { trainCount: 300, testCount: 60 })
  folder = place.folder
  digits = join(folder, 'digits')
})
afterAll(() => place.remove())

/** Within this process: what is tested is what the command says and writes. */
const here: Workplace['here'] = (args, options) => place.here(args, options)
const json = (text: string): unknown => JSON.parse(text)

describe('compare', () => {
  test('puts models, backends and seeds side by side', async () => {
    const args = [
      'compare',
      '--models',
      'linear,two-layer',
      '--backends',
      'wasm,cpu',
      '--seeds',
      '0,1',
      '--dataset',
      digits,
      '--epochs',
      '1',
      '--out',
      'table',
    ]
    const { code, out, err } = await here(args)
    expect(code, err).toBe(0)
    expect(out).toMatch(/^linear +7,850 +\d\d\.\d\d ± \d+\.\d\d % .* wasm$/m)
    expect(out).toMatch(/^two-layer +79,510 .* cpu$/m)
    expect(await readdir(join(folder, 'table'))).toHaveLength(10)
    const page = await readFile(join(folder, 'table', 'report.html'))
    const again = await here(['report', 'table', '--data-dir', digits])
    expect(again.out, again.err).toBe(`written to ${join('table', 'report.html')}\n`)
    expect(await readFile(join(folder, 'table', 'report.html'))).toEqual(page)
    const markdown = await readFile(join(folder, 'table', 'comparison', 'comparison.md'), 'utf8')
    expect(markdown).toContain('| linear | 7,850 |')
    for (const args of [
      ['evaluate', 'table'],
      ['train', '--init', 'table', '--model', 'linear'],
    ]) {
      const several = await here(args)
      expect(several.code).toBe(1)
      expect(several.err).toContain(
        `table holds 8 runs and is not one itself: name one of ${join('table', 'linear-wasm-')}`,
      )
    }
  })

  test('names are settled before anything is trained', async () => {
    const layers = [{ type: 'flatten' }, { type: 'dense', name: 'fc', out: 10 }]
    for (const file of ['a.json', 'b.json'])
      await writeFile(join(folder, file), JSON.stringify({ name: 'net', input: [28, 28, 1], layers }))
    const cases: [string[], string][] = [
      [['--models', 'a.json,b.json'], 'two models are called "net" (a.json and b.json)'],
      [['--models', 'linear', '--backends', 'auto,wasm'], '--backends names wasm twice, as auto is wasm here'],
    ]
    for (const [args, message] of cases) {
      const { code, err } = await here(['compare', ...args, '--dataset', digits, '--out', 'unsettled'])
      expect(err).toContain(message)
      expect(code).toBe(1)
      expect(err).not.toContain('epoch 1/')
      expect(existsSync(join(folder, 'unsettled'))).toBe(false)
    }
  })

  test('takes strokes where MNIST is not available, and says so loudly in table and files', async () => {
    const { code, out, err } = await here(['compare', '--models', 'linear', '--epochs', '1', '--out', 'strokes'])
    expect(code, err).toBe(0)
    for (const text of [out, err, await readFile(join(folder, 'strokes', 'comparison', 'comparison.md'), 'utf8')])
      expect(text).toContain('NOT MNIST')
    const run = parseRun(await readFile(join(folder, 'strokes', 'linear-wasm-seed0', 'run.json'), 'utf8'))
    expect(run.dataset).toMatchObject({ name: 'strokes', notice: expect.stringContaining('NOT MNIST') as string })
  })
})

describe('parity', () => {
  test.each(['two-layer', 'cnn'])('holds for %s on every backend', async (model) => {
    const args = ['parity', '--model', model, '--dataset', digits, '--epochs', everything ? '4' : '1', ...size]
    const { code, out, err } = await here([...args, '--json'])
    expect(code, err).toBe(0)
    const { pairs, passed } = json(out) as Parity
    expect(passed).toBe(true)
    expect(pairs.map(({ sides, checks }) => [sides.join(), Object.keys(checks).join()])).toEqual([
      ['wasm,float64', 'firstLoss,float64'],
      ['cpu,float64', 'firstLoss,float64'],
      ['wasm,cpu', 'firstLoss,losses,weights,accuracy'],
    ])
    for (const { checks } of pairs)
      for (const { difference, tolerance } of Object.values(checks)) expect(difference).toBeLessThanOrEqual(tolerance)
  })

  test('ends each run after --steps, and says so', async () => {
    const layers = [
      { type: 'conv2d', name: 'conv', out: 2, kernel: 5, stride: 3 },
      { type: 'batchNorm', name: 'norm' },
      ...[{ type: 'relu' }, { type: 'flatten' }, { type: 'dense', name: 'fc', out: 10 }],
    ]
    await writeFile(join(folder, 'small.json'), JSON.stringify({ name: 'small', input: [28, 28, 1], layers }))
    const model = everything ? 'cnn-batch-norm' : 'small.json' // in float64, batches of a large one take seconds
    const args = ['parity', '--model', model, '--dataset', digits, '--steps', '3']
    const { code, out, err } = await here(args)
    expect(code, err).toBe(0)
    expect(out).toContain('seed 0, the first 3 steps, experiment')
    expect(out).toContain('each run ended after 3 steps')
    expect(out).toMatch(/running statistics after step 1 .*pass/)
  })

  test('a model with a recipe is compared over 100 steps, unless epochs are asked for', async ({ skip }) => {
    const mnist = mnistFolder()
    if (!mnist) return skip('MNIST is not at hand: set DIGITLAB_DATA')
    const args = ['parity', '--model', 'sprint', '--dataset', 'mnist', '--data-dir', mnist, '--backends', 'wasm']
    const few = everything ? size : ['--batch-size', '4']
    const { code, out, err } = await here([...args, ...few, '--json'])
    expect(code, err).toBe(0)
    expect((json(out) as Parity).steps).toBe(100)
  })

  test('a reference that differs fails the check, with a table and exit code 1', async ({ skip }) => {
    const mnist = mnistFolder()
    if (!mnist) return skip('MNIST is not at hand: set DIGITLAB_DATA')
    const trace = { torch: '0', model: 'linear', seed: 0, epochs: 1, batchSize: 64, learningRate: 0.1 }
    const write = (first: number, count = 100) => {
      const first200Losses = [first, ...Array.from({ length: count - 1 }, () => 2.2)]
      return writeFile(join(folder, 'trace.json'), JSON.stringify({ ...trace, first200Losses, testAccuracy: [0.5] }))
    }
    await write(2.2)
    const args = ['parity', '--reference', 'trace.json', '--data-dir', mnist, '--backends', 'wasm']
    const { code, out, err } = await here(args)
    expect(code).toBe(1)
    expect(out).toMatch(/test accuracy at the end .*FAIL/)
    expect(out).toContain('parity does NOT hold')
    expect(err).toContain('a difference is larger than its tolerance')
    expect(err).not.toContain('only PyTorch')
    await write(2.3356457) // the first is right
    const tipped = await here(args)
    expect(tipped.code).toBe(1)
    expect(tipped.err).toContain('the runs begin alike and only PyTorch goes another way')
    expect((await here([...args, '--seed', '3'])).err).toContain(
      '--reference decides the experiment, --seed would change it',
    )
    expect((await here([...args, '--epochs', '2'])).err).toContain(
      "the reference is of another experiment: its number of epochs is 1, this one's 2",
    )
    await write(2.2, 99)
    expect((await here(args)).err).toContain('it holds the losses of 99 steps, 100 are compared')
    await writeFile(join(folder, 'trace.json'), '{"torch":"0","model":"linear"}')
    expect((await here(args)).err).toContain('is not a reference trace (its "first200Losses" is not a list of numbers)')
  })

  test('PyTorch itself, from a seed that nobody chose before', async ({ skip }) => {
    const mnist = mnistFolder()
    if (!mnist) return skip('MNIST is not at hand: set DIGITLAB_DATA')
    const python = process.env['DIGITLAB_PYTHON'] ?? 'python3'
    if (spawnSync(python, ['-c', 'import torch']).status !== 0) return skip('python3 has no torch')
    const script = fileURLToPath(new URL('../../../tooling/reference/trace.py', import.meta.url))
    const seed = String(Date.now() % 1_000_000)
    const parity = async (threads: number) => {
      const trace = join(folder, `torch-${seed}-${threads}.json`)
      const args = ['--model', 'two-layer', '--seed', seed, '--epochs', '1', '--threads', String(threads)]
      const written = spawnSync(python, [script, ...args, '--data', mnist, '--out', trace], { encoding: 'utf8' })
      expect(written.status, written.stderr).toBe(0)
      const { first200Losses } = json(await readFile(trace, 'utf8')) as { first200Losses: number[] }
      return { losses: first200Losses, ended: await here(['parity', '--reference', trace, '--data-dir', mnist]) }
    }
    const one = await parity(1)
    let { ended } = one
    if (ended.code !== 0) {
      // For a few seeds PyTorch on one thread and on two part: then, and only then, ours may be the other one.
      const two = await parity(2)
      const apart = Math.max(...one.losses.slice(0, 100).map((loss, n) => Math.abs(loss - (two.losses[n] ?? NaN))))
      expect(apart, `seed ${seed}: ${ended.out}${ended.err}`).toBeGreaterThan(1e-5)
      expect(ended.err).toContain('only PyTorch goes another way')
      ;({ ended } = two)
    }
    expect(ended.code, `seed ${seed}: ${ended.out}${ended.err}`).toBe(0)
    expect(ended.out).toContain('wasm - PyTorch')
  })
})
