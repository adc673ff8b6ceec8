// Training with the built command, as a user runs it.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseRun, type Run } from '@digitlab/train'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeWorkplace, type Workplace } from './testing/command'

let place: Workplace
let folder = ''
let digits = ''

beforeAll(async () => {
  place = await makeWorkplace('train', { trainCount: 600, testCount: 100 })
  folder = place.folder
  digits = join(folder, 'digits')
})
afterAll(() => place.remove())

/** Within this process: what is tested is what the command says and writes. */
const here: Workplace['here'] = (args, options) => place.here(args, options)
const digitlab: Workplace['digitlab'] = (args, options) => place.digitlab(args, options)
const json = (text: string): unknown => JSON.parse(text)

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
      const evaluated = await place.command(['evaluate', 'first', '--backend', backend, '--json'])
      expect(evaluated.code, evaluated.err).toBe(0)
      expect((json(evaluated.out) as { metrics: { accuracy: number } }).metrics.accuracy).toBe(run.metrics.accuracy)
    }
    const text = await place.command(['evaluate', join('first', 'run.json'), '--split', 'train'])
    expect(text.out).toMatch(/accuracy .* of 600/)
    expect((await place.command(args)).err).toContain('first is there already, and is never overwritten')
  })

  test('the same experiment gives the same bytes, also when it is read from a run.json', async () => {
    const cpuModel = process.env['DIGITLAB_ALL'] === '1' ? 'cnn' : 'two-layer' // on cpu, a cnn takes seconds
    for (const [backend, model] of [
      ['wasm', 'cnn'],
      ['cpu', cpuModel],
    ] as const) {
      const bytes: Buffer[] = []
      const first = [
        'train',
        '--model',
        model,
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
        const { code, err } = await here([...args, '--no-report', '--out', name])
        expect(code, err).toBe(0)
        bytes.push(await readFile(join(folder, name, 'weights.safetensors')))
      }
      expect(bytes[1]).toEqual(bytes[0])
      expect(bytes[2]).toEqual(bytes[0])
    }
    const both = await here(['train', '--experiment', 'once-wasm', '--seed', '4'])
    expect(both.code).toBe(1)
    expect(both.err).toContain('--experiment decides the experiment, --seed would change it')
  })

  test('prints the loss every so many steps, and the accuracy of each class', async () => {
    const { code, out, err } = await place.command([
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
      onErr: (text, child) => {
        if (interrupted || !text.includes('epoch 2/1000')) return
        interrupted = true
        child.kill('SIGINT')
      },
    })
    expect(code).toBe(130)
    expect(err).toMatch(
      /stopping after this step .*\n(.|\n)*interrupted after \d+ steps; what there is was written to stopped/,
    )
    expect(err).not.toContain('    at ')
    expect(parseRun(await readFile(join(folder, 'stopped', 'run.json'), 'utf8')).status).toBe('interrupted')
    expect((await place.command(['evaluate', 'stopped'])).err).toContain('this run was interrupted')
  })
})

test('a seed is any that PyTorch takes, and counts by its low 32 bits', async () => {
  const args = ['train', '--model', 'linear', '--dataset', digits, '--epochs', '1', '--no-report', '--json']
  const seeds = ['-1', '4294967295', '18446744073709551615']
  const runs: { readonly out: string; readonly err: string }[] = []
  for (const seed of seeds) runs.push(await place.command([...args, '--seed', seed]))
  const [first, ...others] = runs.map(({ out, err }) => {
    expect(err).not.toContain('digitlab:')
    return (json(out) as { run: Run }).run
  })
  expect(first?.experiment.seed).toBe(4294967295)
  for (const other of others)
    expect([other.id, other.history.stepLosses]).toEqual([first?.id, first?.history.stepLosses])
})
