// --out: what is there is never written over, what it cannot be is found before anything is trained, and what is trained is not lost.
import { closeSync, existsSync, openSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { parseRun } from '@digitlab/train'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeWorkplace, type Workplace } from './testing/command'
import { holdAtEpoch, onceAtEpoch } from './testing/held-run'

let place: Workplace
const at = (...names: string[]) => join(place.folder, ...names)
const digitlab: Workplace['digitlab'] = (...all) => place.digitlab(...all)
/** Within this process: what is tested is what the command says. */
const here: Workplace['here'] = (...all) => place.here(...all)
const command: Workplace['command'] = (...all) => place.command(...all)

const linear = ['train', '--model', 'linear', '--dataset', 'digits', '--epochs', '1', '--no-report']
const runFiles = ['events.jsonl', 'predictions.safetensors', 'run.json', 'weights.safetensors']

beforeAll(async () => {
  place = await makeWorkplace('out', { trainCount: 300, testCount: 40 })
  const { code, err } = await command([...linear, '--out', 'done'])
  expect(code, err).toBe(0)
  expect((await readdir(at('done'))).sort()).toEqual(runFiles)
})
afterAll(() => place.remove())

describe('what is there is never written over', () => {
  beforeAll(async () => {
    for (const name of ['mine', 'mine/report.html']) {
      if (name.includes('.')) await writeFile(at(name), 'mine')
      else await mkdir(at(name))
    }
    for (const name of ['mine.png', 'mine.onnx']) await writeFile(at(name), 'mine')
  })

  test.each([
    [[...linear, '--out', 'mine'], 'mine', 'mine/report.html'],
    [['compare', '--models', 'linear', '--dataset', 'digits', '--out', 'mine'], 'mine', 'mine/report.html'],
    [['report', 'done', '--out', 'mine'], 'mine/report.html', 'mine/report.html'],
    [['report', 'done', '--format', 'json,html', '--out', 'mine'], 'mine/report.html', 'mine/report.html'],
    [['show', '--dataset', 'digits', '--out', 'mine.png'], 'mine.png', 'mine.png'],
    [['convert', 'done', 'mine.onnx'], 'mine.onnx', 'mine.onnx'],
  ])('%j', async (args, named, path) => {
    const { code, err } = await here(args)
    expect(err).toContain(`${named} is there already, and is never overwritten: name another place or remove it`)
    expect(code).toBe(1)
    expect(err).not.toContain('epoch 1/')
    expect(await readFile(at(path), 'utf8')).toBe('mine')
    expect(await readdir(at('mine'))).toEqual(['report.html'])
  })
})

test('an empty folder is taken, and one in which a process was killed before it trained; foreign files stay', async () => {
  await mkdir(at('empty'))
  await mkdir(at('left', 'checkpoint'), { recursive: true })
  await writeFile(at('left', `.digitlab-lock-4194999-1-1764115200000-01234567-${hostname()}`), '')
  await writeFile(at('left', '.digitlab-4194999-01234567.part'), '')
  // What others may have called so.
  await mkdir(at('runs', 'next.probe'), { recursive: true })
  for (const name of ['empty.probe', '.run.json.1.part', 'runs/next.probe/probe']) await writeFile(at(name), 'mine')
  for (const name of ['empty', 'left']) {
    const { code, err } = await command([...linear, '--out', name])
    expect(code, err).toBe(0)
    expect((await readdir(at(name))).sort()).toEqual(runFiles)
    if (name === 'left') expect(err).toContain('left was left by process 4194999')
  }
  for (const name of ['empty.probe', '.run.json.1.part', 'runs/next.probe/probe'])
    expect(await readFile(at(name), 'utf8')).toBe('mine')
})

describe('what it cannot be is found before anything is trained', () => {
  test.each([
    ['', 'expected a name to write to, found an empty one'],
    ['dangling', 'dangling is a link to nothing'],
    ['file/run', 'could not write file/run ('],
    ['file', 'file is there already'],
    ['n'.repeat(256), 'ENAMETOOLONG'],
  ])('%j', async (out, message) => {
    if (!existsSync(at('file'))) await writeFile(at('file'), '')
    await symlink('nowhere', at('dangling')).catch(() => {})
    const { code, err } = await here([...linear, '--out', out])
    expect(err).toContain(message)
    expect(err).not.toMatch(/epoch 1\/|data set:|^ {4}at /m)
    expect(code).toBe(1)
  })

  test('a long name and one that leads through a folder that is not there can be', async () => {
    const long = 'n'.repeat(255)
    for (const [out, path] of [
      [long, long],
      ['not-there/../through', 'through'],
    ] as const) {
      const { code, err } = await command([...linear, '--out', out])
      expect(code, err).toBe(0)
      expect((await readdir(at(path))).sort()).toEqual(runFiles)
    }
    const png = await command(['show', '--dataset', 'digits', '--out', `${'p'.repeat(251)}.png`])
    expect(png.code, png.err).toBe(0)
    expect(existsSync(at('not-there'))).toBe(false)
  })

  test('and leaves nothing where training fails', async () => {
    const { code, err } = await command([
      ...linear,
      '--learning-rate',
      '1e38',
      '--out',
      'wild',
      '--tensorboard',
      'board',
    ])
    expect(code).toBe(1)
    expect(err).toContain('the loss became')
    expect(existsSync(at('wild'))).toBe(false)
    const [run = ''] = await readdir(at('board'))
    const [events = ''] = await readdir(at('board', run))
    expect((await readFile(at('board', run, events))).includes('loss/step')).toBe(true)
  })
})

describe('two processes at once', () => {
  test('into one folder: one trains there, the other says who does before it trains', async () => {
    const args = ['train', '--model', 'linear', '--dataset', 'digits', '--epochs', '300', '--no-report', '--out', 'one']
    const both = await Promise.all([digitlab(args), digitlab(args)])
    const [lost, won] = both.sort((a, b) => (b.code ?? 0) - (a.code ?? 0))
    expect([won?.code, lost?.code], `${won?.err}${lost?.err}`).toEqual([0, 1])
    expect(lost?.err).toMatch(
      /one is in use: process \d+ \(since 20\S+\) trains there|one is there already|one holds a run/,
    )
    expect(lost?.err).not.toContain('epoch 1/')
    expect(parseRun(await readFile(at('one', 'run.json'), 'utf8')).status).toBe('completed')
  })

  test('without --out each gets a folder of its own, of train and of compare', async () => {
    await rm(at('runs'), { recursive: true, force: true })
    const compare = ['compare', '--models', 'linear', '--dataset', 'digits', '--epochs', '1', '--no-report']
    const all = await Promise.all([digitlab(linear), digitlab(linear), digitlab(compare), digitlab(compare)])
    for (const { code, err } of all) expect(code, err).toBe(0)
    const folders = await readdir(at('runs'))
    expect(folders.filter((name) => name.startsWith('linear-digits-seed0-'))).toHaveLength(2)
    const compared = folders.filter((name) => name.startsWith('compare-'))
    expect(compared).toHaveLength(2)
    for (const name of compared)
      expect((await readdir(at('runs', name))).sort()).toEqual(['comparison', 'linear-wasm-seed0'])
  })
})

/** Trains with --out in a folder that a file takes the place of after the first epoch. */
const withoutFolder = async (args: readonly string[], name: string) => {
  const held = holdAtEpoch(at(`${name} held`))
  const replace = async () => {
    await rm(at(name), { recursive: true })
    await writeFile(at(name), 'a file')
    held.letGo()
  }
  const stopLooking = onceAtEpoch(at(name, 'events.jsonl'), () => void replace())
  const ended = await digitlab([...args, '--out', name], { env: { ...held.env, TMPDIR: place.folder } })
  stopLooking()
  return ended
}

test('where the run cannot be written in the end it is written elsewhere, and the place is said', async () => {
  const args = ['train', '--model', 'linear', '--dataset', 'digits', '--epochs', '6', '--no-report', '--workers', '1']
  const whole = await command([...args, '--out', 'undisturbed'])
  expect(whole.code, whole.err).toBe(0)
  const { code, err, out } = await withoutFolder(args, 'gone')
  expect(code, err).toBe(1)
  expect(out).toBe('')
  expect(err).toContain('accuracy ')
  const [, kept = ''] = /could not write the run to gone \(.*\): it was written to (\S+) instead$/m.exec(err) ?? []
  expect((await readdir(kept)).sort()).toEqual(runFiles.filter((name) => name !== 'events.jsonl')) // of what went before
  for (const name of ['weights.safetensors', 'predictions.safetensors'])
    expect(await readFile(join(kept, name))).toEqual(await readFile(at('undisturbed', name)))
  expect(await readFile(at('gone'), 'utf8')).toBe('a file')
  const evaluated = await command(['evaluate', kept, '--json'])
  expect(evaluated.code, evaluated.err).toBe(0)
})

test('so is a checkpoint, and --resume goes on from there', async () => {
  const args = ['train', '--model', 'linear', '--dataset', 'digits', '--epochs', '6', '--no-report', '--workers', '1']
  const { code, err } = await withoutFolder([...args, '--checkpoint-every', '1epoch'], 'away')
  expect(code, err).toBe(1)
  const [, kept = ''] = /could not write the checkpoint to away \(.*\): it was written to (\S+) instead/.exec(err) ?? []
  const again = await command(['train', '--resume', kept, '--no-report'])
  expect(again.code, again.err).toBe(0)
  expect(await readFile(join(kept, 'weights.safetensors'))).toEqual(
    await readFile(at('undisturbed', 'weights.safetensors')),
  )
})

test('a result that standard output has no room for is said, and the run is there', async ({ skip }) => {
  if (!existsSync('/dev/full')) return skip('this system has no /dev/full')
  const full = openSync('/dev/full', 'w')
  try {
    for (const args of [[...linear, '--out', 'full', '--json'], ['evaluate', 'done', '--json'], ['backends']]) {
      const { code, err } = await digitlab(args, { stdout: full })
      expect(err).toContain('digitlab: could not write the result to standard output (ENOSPC')
      expect(code).toBe(1)
    }
  } finally {
    closeSync(full)
  }
  expect((await readdir(at('full'))).sort()).toEqual(runFiles)
})
