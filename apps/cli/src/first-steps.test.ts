// init, doctor, suggestions: what somebody meets first.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cpuBackend } from '@digitlab/backend-cpu'
import { completeExperiment, type ExperimentInput } from '@digitlab/train'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { examine } from './doctor'
import { experimentOf } from './experiment-file'
import { meant } from './nearest'
import { runHere } from './testing/in-process'

let folder = ''
let server: Server | undefined
let mirror = ''
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'digitlab-first-'))
  const started = createServer((request, response) => {
    response.statusCode = request.url === '/mnist/t10k-labels-idx1-ubyte.gz' ? 200 : 404
    response.end()
  })
  server = started
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
  mirror = `http://127.0.0.1:${(started.address() as AddressInfo).port}`
})
afterAll(() => {
  server?.close()
  rmSync(folder, { recursive: true, force: true })
})

const here = (...args: string[]) =>
  runHere(folder, args, {
    DIGITLAB_DATA: '',
    DIGITLAB_CACHE: join(folder, 'cache'),
    DIGITLAB_MIRROR: 'http://127.0.0.1:2',
  })

describe('init', () => {
  test('writes an experiment with comments, which train runs as the same flags would', async () => {
    const flags = [
      '--dataset',
      'strokes#limit=200',
      '--optimizer',
      'adam',
      '--epochs',
      '1',
      '--augment',
      'affine:rotate=5',
    ]
    const written = await here('init', 'mine.jsonc', '--model', 'linear', '--seed', '7', ...flags, '--json')
    expect([written.code, written.err]).toEqual([0, ''])
    const { experiment } = JSON.parse(written.out) as { experiment: ExperimentInput }
    expect(experiment).toMatchObject({ model: 'linear', seed: 7, epochs: 1, optimizer: { name: 'adam' } })
    const text = readFileSync(join(folder, 'mine.jsonc'), 'utf8')
    expect(text).toMatch(/\/\/ .*linear, two-layer, cnn/)
    expect(completeExperiment(await experimentOf(join(folder, 'mine.jsonc')))).toEqual(completeExperiment(experiment))

    const trained = await here('train', '--experiment', 'mine.jsonc', '--no-report', '--out', 'run', '--json')
    expect(trained.code, trained.err).toBe(0)
    const { run } = JSON.parse(trained.out) as { run: { experiment: ExperimentInput } }
    expect(run.experiment).toEqual(completeExperiment(experiment))
    expect(completeExperiment(await experimentOf(join(folder, 'run')))).toEqual(run.experiment)
  })

  test('what stands in comments can be given by taking the // away', async () => {
    await here('init', 'usual.jsonc')
    const text = readFileSync(join(folder, 'usual.jsonc'), 'utf8').replace('"auto"', '"mnist"')
    const all = text.replaceAll(/^( *)\/\/ (?=")/gm, '$1')
    writeFileSync(join(folder, 'all.jsonc'), all)
    const experiment = completeExperiment(await experimentOf(join(folder, 'all.jsonc')))
    expect(experiment).toMatchObject({
      model: 'cnn',
      earlyStopping: { patience: 3 },
      augment: [{ name: 'affine' }],
    })
  })

  test('never writes over a file', async () => {
    writeFileSync(join(folder, 'there.jsonc'), '{}')
    const { code, err } = await here('init', 'there.jsonc')
    expect(code).toBe(1)
    expect(err).toContain('there.jsonc is there already')
  })

  test.each([
    ['{ "model": "cnn", "dataset": "nowhere", }', undefined],
    ['{ "model": "linear", // mine\n "dataset": "nowhere" }', undefined],
    ['{\n  "model": "cnn"\n  "seed": 1 }', /not JSON at line 3, column 3/],
    ['{ "model": "cnn", "epoch": 3 }', /an experiment has no "epoch".*\n +did you mean epochs\?/],
    ['{ "model": "ccn" }', /there is no model "ccn" \(did you mean cnn\?\)/],
    ['[]', /holds no experiment/],
  ])('a file that is %j', async (text, wrong) => {
    writeFileSync(join(folder, 'written.jsonc'), text)
    const { code, err } = await here('train', '--experiment', 'written.jsonc')
    expect(code).not.toBe(70)
    if (wrong) expect(err).toMatch(wrong)
    else expect(err).toContain('there is no data set and no folder "nowhere"')
  })
})

test.each([
  [['train', 'cnn', '--dataset', 'minst'], 'did you mean mnist?'],
  [['train', 'ccn'], 'did you mean cnn?'],
  [['train', 'cnn', '--optimizer', 'sdg'], 'did you mean sgd?'],
  [['train', 'cnn', '--backend', 'wsam'], 'did you mean wasm?'],
  [['train', 'cnn', '--augment', 'afine'], 'did you mean affine?'],
  [['trian', 'cnn'], 'Did you mean train?'],
  [['train', '--modle', 'cnn'], 'Did you mean --model?'],
])('%j', async (args, suggestion) => {
  const { code, err } = await here(...args)
  expect(code).toBeGreaterThan(0)
  expect(err).toContain(suggestion)
})

test('what was meant is found in the sentences of libraries', () => {
  expect(meant('layers[1].type of the model "mine" must be one of dense, conv2d, flatten, not "dence"')).toBe(
    'did you mean dense?',
  )
  expect(meant('there is no class "treee" in Fashion-MNIST: choose among T-shirt, tree')).toBe('did you mean tree?')
  expect(meant('there is no optimizer "zzz": choose one of sgd, adam')).toBeUndefined()
})

describe('doctor', () => {
  const statusOf = async (env: Record<string, string>, version?: string) => {
    for (const [name, value] of Object.entries({ DIGITLAB_DATA: '', DIGITLAB_CACHE: join(folder, 'cache'), ...env }))
      vi.stubEnv(name, value)
    const findings = await examine([cpuBackend()], version)
    vi.unstubAllEnvs()
    return Object.fromEntries(findings.map((finding) => [finding.what, finding]))
  }

  test('with a mirror that answers nothing is wrong', async () => {
    const found = await statusOf({ DIGITLAB_MIRROR: mirror })
    expect(Object.values(found).filter(({ status }) => status === 'wrong')).toEqual([])
    expect(found['network']).toMatchObject({ status: 'ok' })
    expect(found['MNIST']).toMatchObject({ status: 'note', remedy: expect.stringContaining('data fetch') as string })
    expect(found['backend cpu']).toMatchObject({ status: 'ok' })
  })

  test('what is in the way is said with what to do', async () => {
    const file = join(folder, 'a-file')
    writeFileSync(file, '')
    chmodSync(file, 0o444)
    const found = await statusOf(
      { DIGITLAB_MIRROR: 'http://127.0.0.1:2', DIGITLAB_CACHE: join(file, 'cache') },
      '18.0.0',
    )
    expect(found['Node']).toMatchObject({ status: 'wrong', remedy: expect.stringContaining('20.19') as string })
    expect(found['cache']).toMatchObject({
      status: 'wrong',
      remedy: expect.stringContaining('DIGITLAB_CACHE') as string,
    })
    expect(found['network']).toMatchObject({ status: 'wrong', remedy: expect.stringContaining('strokes') as string })
  })

  test('the command ends with 1 where something is wrong, and lists all of it', async () => {
    const { code, out, err } = await here('doctor')
    expect(code).toBe(1)
    expect(out).toMatch(/ok +Node +\d/)
    expect(out).toMatch(/WRONG +network/)
    expect(err).toContain('needs attention')
  })
})
