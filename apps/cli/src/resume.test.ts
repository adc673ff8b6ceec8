// What --resume goes on with: the newest checkpoint, the one before it, or what the run was begun with.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { parseRun } from '@digitlab/train'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bin, makeWorkplace, type Workplace } from './testing/command'

let place: Workplace
const at = (...names: string[]) => join(place.folder, ...names)
const digitlab: Workplace['command'] = (...all) => place.command(...all)

// Where a signal comes from another process, as with --all, training must last until it is there.
const [epochs, longEpochs] = process.env['DIGITLAB_ALL'] === '1' ? [60, 500] : [6, 6]
const cnn = ['train', '--model', 'cnn', '--dataset', 'digits', '--epochs', String(epochs), '--workers', '1']
const newest = ['checkpoint', 'checkpoint.safetensors'] as const
const earlier = ['checkpoint', 'earlier.safetensors'] as const
const finished = ['events.jsonl', 'predictions.safetensors', 'report.html', 'run.json', 'weights.safetensors']

/** Runs the command and sends a signal once, when standard error matches. */
const signalled = (args: readonly string[], when: RegExp, signal: 'SIGINT' | 'SIGTERM') => {
  let sent = false
  return digitlab(args, {
    onErr: (err, running) => {
      if (sent || !when.test(err)) return
      sent = true
      running.kill(signal)
    },
  })
}

/** A copy of the run that was stopped, to go on with in its own way. */
const copied = async (name: string): Promise<string> => {
  await cp(at('stopped'), at(name), { recursive: true })
  return name
}

const damage = async (path: string): Promise<void> => {
  const bytes = await readFile(path)
  bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1
  await writeFile(path, bytes)
}

/** The run in a folder ends in the bytes of the one that nobody disturbed, with its page and nothing left over. */
const expectUndisturbed = async (name: string): Promise<void> => {
  for (const file of ['weights.safetensors', 'predictions.safetensors'])
    expect(await readFile(at(name, file)), `${name}/${file}`).toEqual(await readFile(at('whole', file)))
  expect((await readdir(at(name))).sort()).toEqual(finished)
}

beforeAll(async () => {
  place = await makeWorkplace('resume', { trainCount: 500, testCount: 50 })
  const whole = await digitlab([...cnn, '--out', 'whole'])
  const stopped = await signalled([...cnn, '--out', 'stopped', '--checkpoint-every', '1epoch'], /epoch 3\//, 'SIGINT')
  expect(whole.code, whole.err).toBe(0)
  expect(stopped.code, stopped.err).toBe(130)
  expect(stopped.err).toContain('continue with --resume stopped')
})
afterAll(() => place.remove())

test('Ctrl-C leaves a run that says so, with two generations of its checkpoint', async () => {
  expect(parseRun(await readFile(at('stopped', 'run.json'), 'utf8')).status).toBe('interrupted')
  expect((await readdir(at('stopped', 'checkpoint'))).sort()).toEqual([
    'begun.json',
    'checkpoint.safetensors',
    'earlier.safetensors',
  ])
})

describe('another experiment or backend is refused', () => {
  const refused: [string[], string][] = [
    [['--seed', '3'], "its seed is 0, this one's 3; leave the option out"],
    [['--epochs', '3'], `its epochs is ${epochs}, this one's 3`],
    [['--model', 'linear'], `its model is "cnn", this one's "linear"`],
    [['--optimizer', 'adam'], 'its optimizer is'],
    [['--optimizer', 'momentum'], 'its optimizer is'],
    [['--learning-rate', '0.3'], 'its optimizer is {"learningRate":0.1'],
    [['--backend', 'cpu'], 'was trained on wasm, not on cpu'],
    [['--out', 'other'], '--resume decides'],
    [['--device', '0'], '--device belongs to --backend cuda'],
  ]
  test.each(refused)('%j', async (more, message) => {
    const ended = await digitlab(['train', '--resume', 'stopped', ...more])
    expect(ended.err).toContain(message)
    expect(ended.code).toBe(1)
    expect((await readdir(at('stopped'))).filter((name) => name.startsWith('.'))).toEqual([])
  })
})

test('what is said beside --resume and is so goes on, to the bit, with a page', async () => {
  const name = await copied('agreed')
  const more = ['--model', 'cnn', '--dataset', 'auto', '--optimizer', 'sgd', '--epochs', String(epochs), '--seed', '0']
  const { code, err } = await digitlab(['train', '--resume', name, ...more])
  expect(code, err).toBe(0)
  await expectUndisturbed(name)
})

test('an optimizer is held to what is said of it, and not to what it would be without', async () => {
  const args = ['train', '--model', 'linear', '--dataset', 'digits', '--epochs', String(longEpochs), '--out', 'rate']
  const rate = ['--learning-rate', '0.02', '--momentum', '0.5']
  const stopped = await signalled([...args, ...rate, '--workers', '1', '--no-report'], /epoch 2\//, 'SIGTERM')
  expect(stopped.code, stopped.err).toBe(130)
  const other = await digitlab(['train', '--resume', 'rate', '--optimizer', 'sgd', '--learning-rate', '0.1'])
  expect(other.err).toContain('its optimizer is {"learningRate":0.02,"momentum":0.5')
  const { code, err } = await digitlab(['train', '--resume', 'rate', '--optimizer', 'sgd', '--momentum', '0.5'])
  expect(code, err).toBe(0)
  expect((await readdir(at('rate'))).sort()).toEqual(finished.filter((file) => file !== 'report.html')) // as at the start
})

test('without --checkpoint-every Ctrl-C keeps a checkpoint all the same', async () => {
  const stopped = await signalled([...cnn, '--out', 'plain'], /epoch 2\//, 'SIGINT')
  expect(stopped.code, stopped.err).toBe(130)
  expect(stopped.err).toContain('continue with --resume plain')
  const { code, err } = await digitlab(['train', '--resume', 'plain'])
  expect(code, err).toBe(0)
  await expectUndisturbed('plain')
})

test('a damaged checkpoint is gone on from with the one before it, and two damaged ones are refused', async () => {
  const name = await copied('damaged')
  await damage(at(name, ...newest))
  const both = await copied('damaged-both')
  for (const generation of [newest, earlier]) await damage(at(both, ...generation))
  const { code, err } = await digitlab(['train', '--resume', name])
  expect(code, err).toBe(0)
  expect(err).toContain('resuming from the previous checkpoint')
  expect(err).toContain('is damaged: its checksum does not match')
  await expectUndisturbed(name)
  const refused = await digitlab(['train', '--resume', both])
  expect([refused.code, refused.err]).toEqual([
    1,
    expect.stringContaining('is damaged: its checksum does not match') as string,
  ])

  // Killed after the newest became the earlier one, before the new one had its name.
  const between = await copied('between')
  await rm(at(between, ...earlier))
  await cp(at(between, ...newest), at(between, ...earlier))
  await rm(at(between, ...newest))
  const gone = await digitlab(['train', '--resume', between])
  expect(gone.code, gone.err).toBe(0)
  await expectUndisturbed(between)
})

test('a run that was killed before its first checkpoint begins from the start', async () => {
  const name = await copied('begun')
  for (const path of [newest, earlier, ['run.json']]) await rm(at(name, ...path))
  const other = await digitlab(['train', '--resume', name, '--seed', '3'])
  expect([other.code, other.err]).toEqual([1, expect.stringContaining("its seed is 0, this one's 3") as string])
  const { code, err } = await digitlab(['train', '--resume', name])
  expect(code, err).toBe(0)
  expect(err).toContain('nothing of the run in begun has been trained yet: it begins from the start')
  await expectUndisturbed(name)
})

test('an empty checkpoint/ says nothing of what was to be: with --model it begins there', async () => {
  await mkdir(at('hollow', 'checkpoint'), { recursive: true })
  const unknown = await digitlab(['train', '--resume', 'hollow'])
  expect(unknown.code).toBe(1)
  expect(unknown.err).toContain('hollow holds no checkpoint, and nothing says what was to be trained')
  const { code, err } = await digitlab([...cnn, '--resume', 'hollow'])
  expect(code, err).toBe(0)
  await expectUndisturbed('hollow')
})

test('a run that was killed before its page gets it, and a complete one is left as it is', async () => {
  await cp(at('whole'), at('pageless'), { recursive: true })
  await rm(at('pageless', 'report.html'))
  const complete = 'is complete: there is nothing left to train'
  const alone = await digitlab(['train', '--resume', 'pageless'])
  expect([alone.code, alone.err]).toEqual([0, `the run in pageless ${complete}\n`])
  expect(existsSync(at('pageless', 'report.html'))).toBe(false) // as with --no-report: nothing says that one is wanted

  await mkdir(at('pageless', 'checkpoint'))
  await writeFile(at('pageless', `.digitlab-lock-4194999-1-1764115200000-01234567-${hostname()}`), '')
  const killed = await digitlab(['train', '--resume', 'pageless'])
  expect(killed.code, killed.err).toBe(0)
  expect(killed.err).toContain(complete)
  await expectUndisturbed('pageless')
  const page = await readFile(at('pageless', 'report.html'), 'utf8')
  expect(page).toContain('digitlab train --experiment pageless') // the command that makes it again names its folder
  expect(page.replaceAll('pageless', 'whole')).toBe(await readFile(at('whole', 'report.html'), 'utf8'))
})

test('a run that still trains is not gone on with by another process, and is not disturbed', async () => {
  const name = await copied('busy')
  await writeFile(at(name, '.run.json.1.part'), "somebody else's")
  let second: { readonly status: number | null; readonly stderr: string } | undefined
  const first = await place.here(['train', '--resume', name, '--log-every', '1'], {
    onErr: (err) => {
      // This process waits for the other one: it finds a run in the middle of its training, however fast the machine.
      if (/ {2}step \d/.test(err))
        second ??= spawnSync(process.execPath, [bin, 'train', '--resume', name], {
          ...{ cwd: place.folder, encoding: 'utf8' },
          env: { ...process.env, ...place.environment },
        })
    },
  })
  expect(second?.status, second?.stderr).toBe(1)
  expect(second?.stderr).toMatch(/busy is in use: process \d+ \(since 20\S+Z\) trains there; wait for it or stop it/)
  expect(first.code, first.err).toBe(0)
  expect(await readFile(at(name, '.run.json.1.part'), 'utf8')).toBe("somebody else's")
  await rm(at(name, '.run.json.1.part'))
  await expectUndisturbed(name)
})
