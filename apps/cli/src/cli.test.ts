// The built command, as a user runs it.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { strokes } from '@digitlab/data'
import { writeIdx } from '@digitlab/idx'
import { parseRun, type Parity, type Run } from '@digitlab/train'
import { mnistFolder } from '../../../tooling/vitest/golden.ts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runHere } from './testing/in-process'

const bin = fileURLToPath(new URL('../bin/digitlab.js', import.meta.url))
let folder = ''
let digits = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-cli-'))
  digits = join(folder, 'digits')
  await mkdir(digits)
  const { train, test } = await strokes({ trainCount: 600, testCount: 100 })
  for (const [name, split] of Object.entries({ train, t10k: test })) {
    const { images, labels, count } = split
    await writeFile(
      join(digits, `${name}-images-idx3-ubyte`),
      writeIdx({ type: 'uint8', shape: [count, 28, 28], data: images }),
    )
    await writeFile(
      join(digits, `${name}-labels-idx1-ubyte`),
      writeIdx({ type: 'uint8', shape: [count], data: labels }),
    )
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Without MNIST, and without a mirror that answers. */
const environment = () => ({
  DIGITLAB_DATA: '',
  DIGITLAB_CACHE: join(folder, 'cache'),
  DIGITLAB_MIRROR: 'http://127.0.0.1:2',
})

/** Runs the command in a folder of its own, without MNIST and without a mirror that answers. */
const digitlab = (
  args: readonly string[],
  {
    onErr,
    env = {},
  }: { onErr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void; env?: Record<string, string> } = {},
) =>
  new Promise<Ended>((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], {
      cwd: folder,
      env: {
        ...process.env,
        ...environment(),
        ...env,
      },
    })
    let [out, err] = ['', '']
    child.stdout.on('data', (text: Buffer) => (out += text.toString()))
    child.stderr.on('data', (text: Buffer) => {
      err += text.toString()
      onErr?.(err, (signal) => child.kill(signal))
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, out, err }))
  })

const json = (text: string): unknown => JSON.parse(text)

describe('help', () => {
  test.each([
    [],
    ['data'],
    ['data', 'fetch'],
    ['data', 'verify'],
    ['data', 'info'],
    ['report'],
    ['show'],
    ['serve'],
    ['train'],
    ['evaluate'],
    ['predict'],
    ['convert'],
    ['compare'],
    ['parity'],
    ['backends'],
  ])('%s %s', async (...words) => {
    const args = [...words.filter((word) => typeof word === 'string'), '--help']
    const { code, out, err } = await runHere(folder, args, environment())
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('Usage: digitlab')
  })
})

describe('train, then evaluate', () => {
  test('writes a run that says what made it, and that evaluates to the same accuracy', async () => {
    const args = ['train', '--model', 'linear', '--dataset', digits, '--epochs', '3', '--out', 'first', '--json']
    const { code, out, err } = await digitlab(args)
    expect(code, err).toBe(0)
    const document = json(out) as { out: string; run: Run; metrics: { accuracy: number; perClass: unknown[] } }
    expect(document.metrics.perClass).toHaveLength(10)
    expect(document.run.metrics.accuracy).toBeGreaterThan(0.5)
    expect((await readdir(join(folder, 'first'))).sort()).toEqual([
      'events.jsonl',
      'predictions.safetensors',
      'report.html',
      'run.json',
      'weights.safetensors',
    ])
    const run = parseRun(await readFile(join(folder, 'first', 'run.json'), 'utf8'))
    expect(run).toEqual(document.run)
    expect(run).toMatchObject({
      status: 'completed',
      backend: { id: 'wasm' },
      dataset: { name: 'digits', trainCount: 600 },
    })
    expect(run.history.stepLosses).toHaveLength(30)
    expect(run.dataset.files).toHaveLength(4)
    expect(new Set(Object.values(run.backend.operations))).toEqual(new Set(['kernel']))

    for (const backend of ['wasm', 'cpu']) {
      const evaluated = await digitlab(['evaluate', 'first', '--backend', backend, '--json'])
      expect(evaluated.code, evaluated.err).toBe(0)
      expect((json(evaluated.out) as { metrics: { accuracy: number } }).metrics.accuracy).toBe(run.metrics.accuracy)
    }
    const text = await digitlab(['evaluate', join('first', 'run.json'), '--split', 'train'])
    expect(text.out).toMatch(/accuracy .* of 600/)
    expect((await digitlab(args)).err).toContain('first is there already, and is never written over')
  })

  test('the same experiment gives the same bytes, also when it is read from a run.json', async () => {
    for (const backend of ['wasm', 'cpu']) {
      const bytes: Buffer[] = []
      const first = [
        'train',
        '--model',
        'cnn',
        '--dataset',
        digits,
        '--epochs',
        '2',
        '--seed',
        '3',
        '--backend',
        backend,
      ]
      for (const [name, args] of [
        [`once-${backend}`, first],
        [`again-${backend}`, first],
        [`read-${backend}`, ['train', '--experiment', join(`once-${backend}`, 'run.json'), '--backend', backend]],
      ] as const) {
        const { code, err } = await digitlab([...args, '--no-report', '--out', name])
        expect(code, err).toBe(0)
        bytes.push(await readFile(join(folder, name, 'weights.safetensors')))
      }
      expect(bytes[1]).toEqual(bytes[0])
      expect(bytes[2]).toEqual(bytes[0])
    }
    const both = await digitlab(['train', '--experiment', 'once-wasm', '--seed', '4'])
    expect(both.code).toBe(1)
    expect(both.err).toContain('--experiment decides the experiment, --seed would change it')
  })

  test('prints the loss every so many steps, and the accuracy of each class', async () => {
    const { code, out, err } = await digitlab([
      'train',
      '--model',
      'two-layer',
      '--dataset',
      digits,
      '--epochs',
      '1',
      '--log-every',
      '5',
      '--backend',
      'cpu',
    ])
    expect(code, err).toBe(0)
    expect(err.match(/step (5|10)\/10 {2}loss \d\.\d{4}/g)).toHaveLength(2)
    expect(out).toMatch(/^9 +\d/m)
    expect(out).toMatch(/written to runs\/two-layer-digits-seed0-[0-9a-f]{8}/)
  })

  test('Ctrl-C stops after the step, writes what there is, and says so', async () => {
    const args = ['train', '--model', 'cnn', '--dataset', digits, '--epochs', '1000', '--out', 'stopped']
    let interrupted = false // a second Ctrl-C would end it at once
    const { code, err } = await digitlab(args, {
      onErr: (text, kill) => {
        if (interrupted || !text.includes('epoch 2/1000')) return
        interrupted = true
        kill('SIGINT')
      },
    })
    expect(code).toBe(130)
    expect(err).toMatch(
      /stopping after this step .*\n(.|\n)*interrupted after \d+ steps; what there is was written to stopped/,
    )
    expect(err).not.toContain('    at ')
    expect(parseRun(await readFile(join(folder, 'stopped', 'run.json'), 'utf8')).status).toBe('interrupted')
    expect((await digitlab(['evaluate', 'stopped'])).err).toContain('this run was interrupted')
  })
})

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
    const { code, out, err } = await digitlab(args)
    expect(code, err).toBe(0)
    expect(out).toMatch(/^linear +7,850 +\d\d\.\d\d ± \d+\.\d\d % .* wasm$/m)
    expect(out).toMatch(/^two-layer +79,510 .* cpu$/m)
    expect(await readdir(join(folder, 'table'))).toHaveLength(10)
    const page = await readFile(join(folder, 'table', 'report.html'))
    const again = await digitlab(['report', 'table', '--data-dir', digits])
    expect(again.out, again.err).toBe(`written to ${join('table', 'report.html')}\n`)
    expect(await readFile(join(folder, 'table', 'report.html'))).toEqual(page)
    const markdown = await readFile(join(folder, 'table', 'comparison', 'comparison.md'), 'utf8')
    expect(markdown).toContain('| linear | 7,850 |')
    for (const args of [
      ['evaluate', 'table'],
      ['train', '--init', 'table', '--model', 'linear'],
    ]) {
      const several = await digitlab(args)
      expect(several.code).toBe(1)
      expect(several.err).toContain(
        `table holds 8 runs and is none itself: name one of ${join('table', 'linear-wasm-')}`,
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
      const { code, err } = await digitlab(['compare', ...args, '--dataset', digits, '--out', 'unsettled'])
      expect(err).toContain(message)
      expect(code).toBe(1)
      expect(err).not.toContain('epoch 1/')
      expect(existsSync(join(folder, 'unsettled'))).toBe(false)
    }
  })

  test('takes strokes where MNIST cannot be had, and says so loudly in table and files', async () => {
    const { code, out, err } = await digitlab(['compare', '--models', 'linear', '--epochs', '1', '--out', 'strokes'])
    expect(code, err).toBe(0)
    for (const text of [out, err, await readFile(join(folder, 'strokes', 'comparison', 'comparison.md'), 'utf8')])
      expect(text).toContain('NOT MNIST')
    const run = parseRun(await readFile(join(folder, 'strokes', 'linear-wasm-seed0', 'run.json'), 'utf8'))
    expect(run.dataset).toMatchObject({ name: 'strokes', notice: expect.stringContaining('NOT MNIST') as string })
  })
})

describe('parity', () => {
  test.each(['two-layer', 'cnn'])('holds for %s on every backend', async (model) => {
    const args = ['parity', '--model', model, '--dataset', digits, '--epochs', '2']
    const { code, out, err } = await digitlab([...args, '--json'])
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
    const { code, out, err } = await digitlab(args)
    expect(code).toBe(1)
    expect(out).toMatch(/test accuracy at the end .*FAIL/)
    expect(out).toContain('parity does NOT hold')
    expect(err).toContain('a difference is larger than its tolerance')
    expect(err).not.toContain('only PyTorch')
    await write(2.3356457) // the first is right
    const tipped = await digitlab(args)
    expect(tipped.code).toBe(1)
    expect(tipped.err).toContain('the runs begin alike and only PyTorch goes another way')
    expect((await digitlab([...args, '--seed', '3'])).err).toContain(
      '--reference decides the experiment, --seed would change it',
    )
    expect((await digitlab([...args, '--epochs', '2'])).err).toContain(
      "the reference is of another experiment: its number of epochs is 1, this one's 2",
    )
    await write(2.2, 99)
    expect((await digitlab(args)).err).toContain('it holds the losses of 99 steps, 100 are compared')
    await writeFile(join(folder, 'trace.json'), '{"torch":"0","model":"linear"}')
    expect((await digitlab(args)).err).toContain(
      'is not a reference trace (its "first200Losses" is no list of numbers)',
    )
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
      return { losses: first200Losses, ended: await digitlab(['parity', '--reference', trace, '--data-dir', mnist]) }
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

test('a seed is any that PyTorch takes, and counts by its low 32 bits', async () => {
  const args = ['train', '--model', 'linear', '--dataset', digits, '--epochs', '1', '--no-report', '--json']
  const seeds = ['-1', '4294967295', '18446744073709551615']
  const runs = await Promise.all(seeds.map((seed) => digitlab([...args, '--seed', seed])))
  const [first, ...others] = runs.map(({ out, err }) => {
    expect(err).not.toContain('digitlab:')
    return (json(out) as { run: Run }).run
  })
  expect(first?.experiment.seed).toBe(4294967295)
  for (const other of others)
    expect([other.id, other.history.stepLosses]).toEqual([first?.id, first?.history.stepLosses])
})

test('predict says what can be said of the pictures that are there', async () => {
  const png = join(folder, 'digit.png')
  const shown = await digitlab(['show', '--dataset', digits, '--count', '1', '--out', png])
  expect(shown.code, shown.err).toBe(0)
  const { code, out, err } = await digitlab(['predict', 'first', 'nowhere.png', png, 'first/run.json', '--json'])
  expect(code).toBe(1)
  const { predictions, unread } = json(out) as { predictions: { image: string }[]; unread: { image: string }[] }
  expect(predictions.map(({ image }) => image)).toEqual([png])
  expect(unread.map(({ image }) => image)).toEqual(['nowhere.png', 'first/run.json'])
  expect(err).toContain('nowhere.png')
  const none = await digitlab(['predict', 'first', 'nowhere.png'])
  expect([none.code, none.out]).toEqual([1, ''])
})

test('show draws digits in the terminal and in a PNG', async () => {
  const { code, out, err } = await digitlab(['show', '--dataset', digits, '--count', '6', '--out', 'grid.png'])
  expect(code, err).toBe(0)
  expect(out).toMatch(/[@#%]{2}/)
  expect(out).not.toContain('\u001b')
  const png = await readFile(join(folder, 'grid.png'))
  expect([...png.subarray(0, 4)]).toEqual([0x89, 0x50, 0x4e, 0x47])
  const again = await digitlab(['show', '--dataset', digits, '--count', '6', '--json'])
  expect((json(again.out) as { labels: string[] }).labels).toHaveLength(6)
})

test('backends and data say what there is', async () => {
  expect(
    (json((await digitlab(['backends', '--json'])).out) as { backends: { id: string; usable: boolean }[] }).backends,
  ).toMatchObject([
    { id: 'cuda' },
    { id: 'wasm', usable: true },
    { id: 'cpu', usable: true },
    { id: 'webgpu' },
    { id: 'tfjs-node-gpu' },
    { id: 'node' },
  ])
  const { datasets } = json((await digitlab(['data', 'info', '--json'])).out) as {
    datasets: { name: string; origin: string | null }[]
  }
  expect(datasets.map(({ name, origin }) => [name, origin])).toEqual([
    ['mnist', null],
    ['fashion-mnist', null],
    ['kmnist', null],
    ['qmnist', null],
  ])
  const verified = await digitlab(['data', 'verify', 'mnist'])
  expect(verified.code).toBe(1)
  expect(verified.out.match(/^missing/gm)).toHaveLength(4)
})

test('what steers a terminal does not get there from files of others, nor from the command line', async () => {
  const steering = String.raw`x\u001b[2J\u001b]0;title\u0007\u009b31m\u007f\u202e`
  await writeFile(
    join(folder, 'esc.json'),
    `{"name":"m","input":[28,28,1],"layers":[{"type":"${steering}"}],"${steering}":1}`,
  )
  const raw = JSON.parse(`"${steering}"`) as string
  for (const args of [
    ['train', '--model', 'esc.json', '--dataset', digits],
    ['train', '--model', 'linear', '--dataset', raw],
    ['evaluate', raw],
    ['report', raw, '--json'],
    [`--${raw}`],
    ['data', 'fetch', raw],
  ]) {
    const { code, out, err } = await digitlab(args)
    expect([1, 2], err).toContain(code)
    // eslint-disable-next-line no-control-regex -- these are what is looked for
    expect(out + err, args.join(' ')).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/)
    expect(err).toContain(String.raw`\u001b[2J`)
  }
  const long = await digitlab(['train', '--model', 'linear', '--dataset', 'x'.repeat(100_000)])
  expect(long.err.length).toBeLessThan(2000)
  expect(long.err).toMatch(/^digitlab: there is no data set .* … .*or give a folder, a file such as mnist.npz/m)
})

test('data says of a set in DIGITLAB_DATA, or in the folder that is named, that it is there', async ({ skip }) => {
  const mnist = mnistFolder()
  if (!mnist) return skip('MNIST is not at hand: set DIGITLAB_DATA')
  const given = { env: { DIGITLAB_DATA: mnist } }
  expect((await digitlab(['data', 'info'], given)).out).toContain(`mnist: MNIST, 10 classes`)
  expect((await digitlab(['data', 'info'], given)).out).toContain(`in the folder ${mnist}\n`)
  for (const [args, options] of [
    [['data', 'verify'], given],
    [['data', 'verify', '--data-dir', mnist], {}],
  ] as const) {
    const { code, out } = await digitlab(args, options)
    expect([code, out.match(/^right/gm)?.length, out.trimEnd().endsWith(`in ${mnist}`)]).toEqual([0, 4, true])
  }
  const other = await digitlab(['data', 'verify', 'kmnist', '--data-dir', mnist])
  expect([other.code, other.out.match(/^wrong/gm)?.length]).toEqual([1, 4])
  expect(other.err).toContain(`kmnist is not whole in the folder ${mnist}: put its four files there`)
})

test('Ctrl-C during a download ends it in one sentence, and what came is gone on with', async ({ skip }) => {
  const mnist = mnistFolder()
  if (!mnist) return skip('MNIST is not at hand: set DIGITLAB_DATA')
  const whole = await readFile(join(mnist, 'train-images-idx3-ubyte.gz'))
  const ranges: (string | undefined)[] = []
  const mirror = createServer((request, response) => {
    ranges.push(request.headers.range)
    response.writeHead(200, { 'content-length': whole.length })
    response.write(whole.subarray(0, 100_000))
  })
  await new Promise<void>((resolve) => mirror.listen(0, '127.0.0.1', resolve))
  try {
    const env = {
      DIGITLAB_MIRROR: `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`,
      DIGITLAB_CACHE: join(folder, 'stopped'),
      DIGITLAB_DATA: '',
    }
    const partial = async (): Promise<number> => {
      const names = await readdir(join(folder, 'stopped', 'mnist')).catch((): string[] => [])
      const sizes = await Promise.all(
        names.map(async (name) => (await stat(join(folder, 'stopped', 'mnist', name))).size),
      )
      return Math.max(0, ...sizes)
    }
    for (const args of [
      ['data', 'fetch'],
      ['train', '--model', 'linear', '--dataset', 'mnist', '--out', join(folder, 'never')],
    ]) {
      const child = spawn(process.execPath, [bin, ...args], { env: { ...process.env, ...env }, cwd: folder })
      let err = ''
      child.stderr.on('data', (text: Buffer) => (err += text.toString()))
      const asked = ranges.length
      while (ranges.length === asked || (await partial()) < 100_000)
        await new Promise((resolve) => setTimeout(resolve, 50))
      child.kill('SIGINT')
      const [code] = (await once(child, 'close')) as [number | null]
      expect(code, err).toBe(130)
      expect(err).not.toMatch(/bug|Error|^ +at /m)
      expect(await readdir(join(folder, 'stopped', 'mnist'))).toEqual(['train-images-idx3-ubyte.gz.part'])
    }
    expect(ranges).toEqual([undefined, 'bytes=100000-'])
  } finally {
    mirror.closeAllConnections()
    await new Promise((resolve) => mirror.close(resolve))
  }
})

test('two processes that fetch at once leave one whole data set in the cache', async ({ skip }) => {
  const mnist = mnistFolder()
  if (!mnist) return skip('MNIST is not at hand: set DIGITLAB_DATA')
  const asked: string[] = []
  const mirror = createServer((request, response) => {
    asked.push(request.url ?? '')
    void readFile(join(mnist, basename(request.url ?? ''))).then((bytes) => response.end(bytes))
  })
  await new Promise<void>((resolve) => mirror.listen(0, '127.0.0.1', resolve))
  try {
    const env = {
      DIGITLAB_MIRROR: `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`,
      DIGITLAB_CACHE: join(folder, 'both'),
    }
    const both = await Promise.all([1, 2].map(() => digitlab(['data', 'fetch', '--json'], { env })))
    for (const { code, err } of both) expect(code, err).toBe(0)
    expect(new Set(asked)).toContain('/mnist/train-images-idx3-ubyte.gz')
    expect((await readdir(join(folder, 'both', 'mnist'))).filter((name) => !name.endsWith('ubyte.gz'))).toEqual([])
    expect((await digitlab(['data', 'verify'], { env })).code).toBe(0)
  } finally {
    await new Promise((resolve) => mirror.close(resolve))
  }
})

describe('what is wrong is said in one sentence, without a stack', () => {
  const linear = ['train', '--model', 'linear']
  const cases: [string[], number, string][] = [
    [['fly'], 2, "unknown command 'fly'"],
    [[...linear, '--sed', '1'], 2, "unknown option '--sed'"],
    [['train'], 2, "required option '--model <name>' not specified"],
    [['train', 'ccn'], 2, 'there is no model "ccn" (did you mean cnn?)'],
    [['train', 'cnn', '--model', 'linear'], 1, 'two models are named, cnn and linear by --model'],
    [['train', 'linear', '--lr', 'fast'], 2, '--learning-rate must be a number from 0, not fast'],
    [[...linear, '--batch-size', '0'], 2, 'It must be an integer from 1'],
    [[...linear, '--epochs', '1.5'], 2, 'It must be an integer from 1'],
    [[...linear, '--seed', '1.5'], 2, 'It must be an integer from -2^63 to 2^64 - 1, as of torch.manual_seed'],
    [[...linear, '--seed', '18446744073709551616'], 2, 'It must be an integer from -2^63 to 2^64 - 1'],
    [[...linear, '--learning-rate', '-1'], 2, '--learning-rate must be a number from 0, not -1'],
    [[...linear, '--learning-rate', 'fast'], 2, '--learning-rate must be a number from 0, not fast'],
    [[...linear, '--epochs', '1000000'], 2, 'It must be an integer from 1 to 100000'],
    [[...linear, '--optimizer', 'lion'], 2, 'there is no optimizer "lion": choose one of sgd'],
    [[...linear, '--optimizer', 'sdg'], 2, 'there is no optimizer "sdg" (did you mean sgd?)'],
    [[...linear, '--beta1', '1', '--optimizer', 'adam'], 2, '--beta1 must be a number at least 0 and below 1, not 1'],
    [[...linear, '--schedule', 'stepp'], 2, 'there is no schedule "stepp" (did you mean step?)'],
    [[...linear, '--schedule', 'step'], 2, 'schedule.stepSize is missing: it must be an integer from 1'],
    [[...linear, '--schedule-gamma', '0.5'], 1, '--schedule-gamma belongs to a schedule, and none is named'],
    [[...linear, '--optimizer', 'adam', '--momentum', '0.5'], 1, '--momentum belongs to sgd'],
    [['train', '--model', 'ccn'], 2, 'there is no model "ccn" (did you mean cnn?): choose one of linear'],
    [['train', '--model', 'resnet'], 2, 'there is no model "resnet": choose one of linear, two-layer, cnn'],
    [['compare', '--models', 'linear,resnet'], 2, 'there is no model "resnet"'],
    [['evaluate', 'first/weights.safetensors', '--model', 'resnet'], 2, 'there is no model "resnet"'],
    [['train', '--model', 'none.json'], 1, 'could not read a model from none.json'],
    [
      [...linear, '--backend', 'tpu'],
      2,
      'there is no backend "tpu" (did you mean cpu?): choose auto or one of cuda, wasm, cpu, webgpu, tfjs-node-gpu, node',
    ],
    [[...linear, '--dataset', 'minst'], 1, 'no data set and no folder "minst"'],
    [[...linear, '--dataset', 'mnist'], 1, 'could not download train-images-idx3-ubyte.gz (http://127.0.0.1:2/mnist/'],
    [
      [...linear, '--dataset', 'mnist', '--data-dir', '.'],
      1,
      '. does not hold MNIST: it has no train-images-idx3-ubyte.gz',
    ],
    [['compare', '--models', ','], 2, 'It must be a list such as a,b'],
    [['compare', '--seeds', '0,x'], 2, 'It must be an integer from -2^63 to 2^64 - 1'],
    [['compare', '--seeds', '0,0'], 2, 'It names 0 twice'],
    [['compare', '--seeds', '0,1,00'], 2, 'It names 0 twice'],
    [['compare', '--models', 'linear,linear'], 2, 'It names linear twice'],
    [['compare', '--backends', 'cpu,cpu'], 2, 'It names cpu twice'],
    [
      ['evaluate', 'nowhere'],
      1,
      "could not read nowhere (ENOENT: no such file or directory, stat 'nowhere'): give a run's folder",
    ],
    [['report', 'nowhere'], 1, 'nowhere holds no run'],
    [['report'], 2, "missing required argument 'runs'"],
    [['report', 'first', '--format', 'gif'], 2, 'It must be of html, md, json, svg, png'],
    [
      ['report', 'first', '--format', 'svg', '--figures', 'moon'],
      1,
      'there is no figure "moon" of this run: choose of',
    ],
    [['report', 'first', '--width', '10'], 2, 'It must be from 200 to 4000'],
    [['show', 'first', '--split', 'train'], 1, 'a run decides what is shown, --split would change it'],
    [
      [...linear, '--dataset', 'digits', '--tensorboard', 'digits/t10k-images-idx3-ubyte'],
      1,
      'name another --tensorboard',
    ],
    [['data', 'fetch', 'minst'], 2, 'Allowed choices are mnist, fashion-mnist'],
    [['show', '--dataset', 'strokes', '--count', '70000'], 1, 'there are 60000 train images, not 70000'],
    [['show', '--dataset', 'strokes', '--out', 'grid.gif'], 1, '--out takes a file that ends in .png, not grid.gif'],
  ]
  test.each(cases)('%j', async (args, code, message) => {
    const ended = await runHere(folder, args, environment())
    expect(ended.err).toContain(message)
    expect(ended.code).toBe(code)
    expect(ended.out).toBe('')
    expect(ended.err).not.toMatch(/^ {4}at /m)
  })

  test('a loss that is no number stops the run at its step and leaves no file', async () => {
    const { code, err } = await digitlab([...linear, '--dataset', digits, '--learning-rate', '1e38', '--out', 'wild'])
    expect(code).toBe(1)
    expect(err).toMatch(
      /digitlab: the loss became (NaN|Infinity) at step \d+ of epoch 1 .*: training stopped there, try a learning rate of 0\.1, which is known to work/,
    )
    expect(existsSync(join(folder, 'wild'))).toBe(false)
  })

  test('a place that cannot be written leaves nothing', async () => {
    await writeFile(join(folder, 'file'), '')
    const { code, err } = await digitlab([
      ...linear,
      '--dataset',
      digits,
      '--epochs',
      '1',
      '--out',
      join('file', 'run'),
    ])
    expect(code).toBe(1)
    expect(err).toContain(`could not write ${join('file', 'run')}`)
  })

  test('damaged files are named', async () => {
    const damaged = join(folder, 'damaged')
    await mkdir(damaged)
    for (const name of await readdir(digits)) {
      const bytes = await readFile(join(digits, name))
      await writeFile(join(damaged, name), name.startsWith('t10k-labels') ? bytes.subarray(0, 50) : bytes)
    }
    const { code, err } = await digitlab([...linear, '--dataset', damaged])
    expect(code).toBe(1)
    expect(err).toContain('expected 108 bytes for [100] uint8, the file holds 50 (t10k-labels-idx1-ubyte)')
    await writeFile(join(folder, 'first.json'), '{}')
    expect((await digitlab(['evaluate', 'first.json'])).err).toContain('first.json is JSON text, not weights')
  })
})
