// A training process that is killed at random moments and resumed, against one that nobody disturbs.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { strokes } from '@digitlab/data'
import { writeIdx } from '@digitlab/idx'
import { parseRun } from '@digitlab/train'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const bin = fileURLToPath(new URL('../bin/digitlab.js', import.meta.url))
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-resume-'))
  await mkdir(join(folder, 'digits'))
  const { train, test } = await strokes({ trainCount: 500, testCount: 50 })
  for (const [part, { images, labels, count }] of Object.entries({ train, t10k: test })) {
    const write = (file: string, shape: number[], data: Uint8Array) =>
      writeFile(join(folder, 'digits', `${part}-${file}-ubyte`), writeIdx({ type: 'uint8', shape, data }))
    await write('images-idx3', [count, 28, 28], images)
    await write('labels-idx1', [count], labels)
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Ended {
  readonly code: number | null
  readonly err: string
}

/** Runs the command; once it has told so many steps, and some milliseconds later, it gets a SIGKILL. */
const digitlab = (args: readonly string[], kill?: { steps: number; after: number }) =>
  new Promise<Ended>((resolve, reject) => {
    const child = spawn(process.execPath, [bin, ...args], { cwd: folder })
    let [err, armed] = ['', false]
    child.stderr.on('data', (text: Buffer) => {
      err += text.toString()
      if (armed || !kill || !err.includes('data set:') || stepsIn(err) < kill.steps) return
      armed = true
      setTimeout(() => child.kill('SIGKILL'), kill.after)
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, err }))
  })

const stepsIn = (err: string) => err.match(/ {2}step \d/g)?.length ?? 0

/** What may not differ by a bit: the files of weights and predictions, and every figure of the run but the clock. */
const outcome = async (name: string) => {
  const run = parseRun(await readFile(join(folder, name, 'run.json'), 'utf8'))
  expect(run.status).toBe('completed')
  expect((await readdir(join(folder, name))).sort()).toEqual([
    'predictions.safetensors',
    'run.json',
    'weights.safetensors',
  ])
  return {
    ...{ id: run.id, metrics: run.metrics, stepLosses: run.history.stepLosses, threads: run.backend.threads },
    epochs: run.history.epochs.map((record) => ({ ...record, trainSeconds: 0, evaluationSeconds: 0 })),
    weights: await readFile(join(folder, name, 'weights.safetensors')),
    predictions: await readFile(join(folder, name, 'predictions.safetensors')),
  }
}

/** Kills of each kind of run: 24 in all. */
const kills = 6

const twoLayer = ['--model', 'two-layer', '--optimizer', 'momentum', '--learning-rate', '0.02']
const cnn = ['--model', 'cnn', '--optimizer', 'adam']

// Eight steps an epoch: enough of them for six kills within some 12 steps and 25 milliseconds each.
describe.each([
  ['wasm', 1, cnn, 25],
  ['wasm', 2, twoLayer, 80],
  ['cpu', 1, twoLayer, 40],
  ['cpu', 2, twoLayer, 40],
] as const)('on %s with %d workers', (backend, workers, model, epochs) => {
  test(`killed ${kills} times and resumed, the end is that of an undisturbed run to the bit`, async () => {
    const name = `${backend}-${workers}`
    const args = [
      'train',
      ...model,
      '--dataset',
      'digits',
      '--epochs',
      String(epochs),
      '--backend',
      backend,
      '--no-report',
    ]
    const whole = await digitlab([...args, '--workers', String(workers), '--out', `${name}-whole`])
    expect(whole.code, whole.err).toBe(0)
    // A checkpoint every five steps: of an epoch's eight, so that it falls on every place within one.
    const first = [...args, '--workers', String(workers), '--checkpoint-every', '5', '--log-every', '1', '--out', name]
    let [killed, inTraining] = [0, 0]
    for (;;) {
      const begun = existsSync(join(folder, name, 'checkpoint', 'checkpoint.safetensors'))
      if (!begun) await rm(join(folder, name), { recursive: true, force: true })
      // Every third while it starts, the others while it trains or writes: wherever the clock falls.
      const steps = killed % 3 === 0 ? 0 : 1 + Math.floor(12 * Math.random())
      const kill = { steps, after: Math.random() * (steps === 0 ? 300 : 25) }
      const command = begun ? ['train', '--resume', name, '--log-every', '1', '--no-report'] : first
      const { code, err } = await digitlab(command, killed < kills ? kill : undefined)
      if (code === 0) break
      expect(code, err).toBe(null)
      killed++
      if (stepsIn(err) > 0) inTraining++
    }
    expect(killed, 'times killed before the end').toBe(kills)
    expect(inTraining, 'times killed between two steps').toBeGreaterThanOrEqual(4)
    expect(await outcome(name)).toEqual(await outcome(`${name}-whole`))
    const again = await digitlab(['train', '--resume', name])
    expect([again.code, again.err]).toEqual([0, `the run in ${name} is complete: there is nothing left to train\n`])
  }, 180_000)
})

test('Ctrl-C leaves a run that says so and goes on; another experiment, backend or count is refused', async () => {
  const args = [
    'train',
    '--model',
    'cnn',
    '--dataset',
    'digits',
    '--epochs',
    '60',
    '--workers',
    '1',
    '--out',
    'stopped',
  ]
  const child = spawn(process.execPath, [bin, ...args, '--checkpoint-every', '1epoch'], { cwd: folder })
  let err = ''
  child.stderr.on('data', (text: Buffer) => {
    err += text.toString()
    if (err.includes('epoch 2/60') && !child.killed) child.kill('SIGINT')
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  expect(code, err).toBe(130)
  expect(err).toContain('go on with --resume stopped')
  expect(parseRun(await readFile(join(folder, 'stopped', 'run.json'), 'utf8')).status).toBe('interrupted')
  const refused: [string[], string][] = [
    [['--seed', '3'], "its seed is 0, this one's 3; leave the option out"],
    [['--epochs', '3'], "its epochs is 60, this one's 3"],
    [['--model', 'linear'], `its model is "cnn", this one's "linear"`],
    [['--optimizer', 'adam'], 'its optimizer is'],
    [['--learning-rate', '0.3'], 'its optimizer is {"learningRate":0.1'],
    [['--backend', 'cpu'], 'was trained on wasm, not on cpu'],
    [['--workers', '2'], 'the checkpoint was made by 1 workers, not 2'],
    [['--out', 'other'], '--resume decides'],
  ]
  for (const [more, message] of refused) {
    const ended = await digitlab(['train', '--resume', 'stopped', ...more])
    expect(ended.err).toContain(message)
    expect(ended.code).toBe(1)
  }
  const path = join(folder, 'stopped', 'checkpoint', 'checkpoint.safetensors')
  const bytes = await readFile(path)
  bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1
  await writeFile(path, bytes)
  expect((await digitlab(['train', '--resume', 'stopped'])).err).toContain('is damaged: its check sum is another')
}, 60_000)
