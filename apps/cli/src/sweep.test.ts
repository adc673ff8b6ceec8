// Sweeps as a user runs them: a folder that is drained, stopped, gone on with, failed, retried and cancelled.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeWorkplace, type Ended, type Workplace } from './testing/command'
import { holdUntilTold } from './testing/held-run'
import { sweepOutcome } from './testing/sweep-outcome'

let place: Workplace
let undisturbed: Awaited<ReturnType<typeof sweepOutcome>>

const plan = ['--models', 'linear,two-layer', '--seeds', '0..2', '--dataset', './digits', '--epochs', '2']
/** Where one run alone is left, a second worker would find nothing to do. */
const sweep = (out: string, jobs: 1 | 2 = 2): Promise<Ended> => place.digitlab(sweepArgs(out, jobs))
/** Where the workers are what matters, and not the process that starts them. */
const sweepHere = (out: string, jobs: 1 | 2): Promise<Omit<Ended, 'signal'>> => place.command(sweepArgs(out, jobs))
const sweepArgs = (out: string, jobs: 1 | 2) => ['sweep', ...plan, '--out', out, '--jobs', String(jobs)]
const json = async <T>(...args: readonly string[]): Promise<T> => {
  const { out, err } = await place.command([...args, '--json'])
  expect(out, err).not.toBe('')
  return JSON.parse(out) as T
}
interface States {
  readonly done: readonly string[]
  readonly running: readonly string[]
  readonly failed: readonly string[]
  readonly open: readonly string[]
}
const status = (folder: string) => json<States>('sweep', 'status', folder)
/** The sweep that nobody disturbed, in another folder. */
const copied = async (out: string): Promise<string> => {
  const folder = join(place.folder, out)
  await cp(join(place.folder, 'whole'), folder, { recursive: true })
  return folder
}

beforeAll(async () => {
  place = await makeWorkplace('sweep', { trainCount: 500, testCount: 50 })
  const { code, err } = await sweep('whole')
  expect(code, err).toBe(0)
  undisturbed = await sweepOutcome(join(place.folder, 'whole'))
})
afterAll(() => place.remove())

test('each run is whole in a folder of its own, and has its events', async () => {
  expect(undisturbed.map(({ name }) => name.replace(/-[0-9a-f]{12}$/, ''))).toEqual(
    ['linear', 'two-layer'].flatMap((model) => [0, 1, 2].map((seed) => `${model}-seed${seed}`)),
  )
  const folder = join(place.folder, 'whole')
  expect((await readdir(folder)).sort()).toEqual(['logs', 'runs', 'sweep.json', 'workers'])
  expect(await readdir(join(folder, 'workers'))).toEqual([])
  const { name, id } = undisturbed[0]!
  const events = (await readFile(join(folder, 'runs', name, 'events.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; time: string; id?: string })
  expect(events[0]).toMatchObject({ type: 'started', id, stepsPerEpoch: 8 })
  expect(events.map(({ type }) => type).filter((type) => type !== 'step')).toEqual([
    'started',
    'epoch',
    'epoch',
    'ended',
  ])
  expect(events.map(({ type }) => type)).toContain('step')
  expect(events.every(({ time }) => new Date(time).toISOString() === time)).toBe(true)
})

test('what a worker left that was killed behind the last byte of its run is removed by the next one', async () => {
  const folder = await copied('left')
  const run = join(folder, 'runs', undisturbed[0]!.name)
  const events = await readFile(join(run, 'events.jsonl'), 'utf8')
  const lines = events.trimEnd().split('\n')
  await writeFile(join(run, 'events.jsonl'), `${lines.slice(0, -1).join('\n')}\n`)
  await mkdir(join(run, 'checkpoint'))
  await writeFile(join(run, 'checkpoint', 'checkpoint.safetensors'), 'of no use any more')
  const gone = spawnSync(process.execPath, ['-e', '']).pid
  await writeFile(join(run, `.digitlab-lock-${gone}-1-1795692528988-04b2f1a7-${hostname()}`), '\n')
  const { code, err } = await sweepHere('left', 1)
  expect(code, err).toBe(0)
  expect(await sweepOutcome(folder)).toEqual(undisturbed)
  const now = (await readFile(join(run, 'events.jsonl'), 'utf8')).trimEnd().split('\n')
  const untimed = (line: string | undefined) => ({ ...(JSON.parse(line ?? '{}') as object), time: '' })
  expect(now.map(untimed)).toEqual(lines.map(untimed))
})

test('a run of a sweep is that of "digitlab train", to the bit', async () => {
  const train = await place.digitlab([
    'train',
    '--model',
    'two-layer',
    '--seed',
    '1',
    '--dataset',
    './digits',
    '--epochs',
    '2',
    '--workers',
    '1',
    '--no-report',
    '--out',
    'alone',
  ])
  expect(train.code, train.err).toBe(0)
  const { weights, id } = undisturbed.find(({ name }) => name.startsWith('two-layer-seed1'))!
  expect(await readFile(join(place.folder, 'alone', 'weights.safetensors'))).toEqual(weights)
  expect(JSON.parse(await readFile(join(place.folder, 'alone', 'run.json'), 'utf8'))).toMatchObject({ id })
})

test('the same command again does nothing, and another plan is refused with the difference', async () => {
  const again = await sweepHere('whole', 2)
  expect([again.code, again.out], again.err).toEqual([0, 'whole: 6 of 6 runs done\n'])
  expect(again.err).toContain('resuming whole: 6 of 6 runs done')
  const other = await place.command(['sweep', ...plan, '--learning-rate', '0.5', '--seeds', '0..3', '--out', 'whole'])
  expect(other.code).toBe(1)
  expect(other.err).toContain('whole holds another sweep: ')
  expect(other.err).toContain('vary.optimizer.learningRate is [0.5] here, and not given there')
  expect(other.err).toContain('vary.seed is [0,1,2,3] here, and [0,1,2] there')
  expect(await sweepOutcome(join(place.folder, 'whole'))).toEqual(undisturbed)
})

/** Both signals are handled alike: one of them unless all is asked for. */
const [signals, epochs] =
  process.env['DIGITLAB_ALL'] === '1' ? ([['SIGINT', 'SIGTERM'], '300'] as const) : ([['SIGTERM'], '40'] as const)
test.each(signals)('%s leaves checkpoints, and the same command goes on to the same bytes', async (signal) => {
  const name = `stopped-${signal}`
  const models = ['--models', 'linear,two-layer', '--seeds', '0', '--jobs', '2']
  const long = [...models, '--dataset', './digits', '--epochs', epochs]
  // The second run is held in its first epoch until the first is whole and the signal has come.
  const env = holdUntilTold(join(place.folder, 'hold', name), 'two-layer')
  const events = () => {
    const runs = join(place.folder, name, 'runs')
    const held = readdirSync(runs).find((run) => run.startsWith('two-layer'))
    return held === undefined ? '' : join(runs, held, 'events.jsonl')
  }
  let sent = false
  let looking: NodeJS.Timeout | undefined
  const stopped = await place.digitlab(['sweep', ...long, '--out', name], {
    env,
    onErr: (err, child) => {
      if (!err.includes('1/2')) return
      looking ??= setInterval(() => {
        if (!sent && existsSync(events()) && readFileSync(events(), 'utf8').includes('"epoch"'))
          sent = child.kill(signal)
      }, 10)
    },
  })
  clearInterval(looking)
  expect(sent, stopped.err).toBe(true)
  expect(stopped.code, stopped.err).toBe(130)
  expect(stopped.err).toContain(`the same command again resumes it in ${name}`)
  const { done, running, open } = await status(name)
  expect(running).toEqual([])
  expect([done.length, open.length]).toEqual([1, 1])
  expect(existsSync(join(place.folder, name, 'runs', open[0]!, 'checkpoint', 'checkpoint.safetensors'))).toBe(true)
  const resumed = await place.command(['sweep', ...long, '--out', name])
  expect(resumed.code, resumed.err).toBe(0)
  const reference = await place.command(['sweep', ...long, '--out', `${name}-whole`])
  expect(reference.code, reference.err).toBe(0)
  expect(await sweepOutcome(join(place.folder, name))).toEqual(await sweepOutcome(join(place.folder, `${name}-whole`)))
})

describe('runs that fail', () => {
  test('are tried three times, left with their sentence, and tried again after "retry"', async () => {
    const args = [
      'sweep',
      '--models',
      'linear',
      '--set',
      'optimizer.learningRate=0.1,1e300',
      '--dataset',
      './digits',
      '--epochs',
      '1',
      '--jobs',
      '1',
      '--out',
      'failing',
    ]
    const first = await place.command(args)
    expect(first.code, first.err).toBe(1)
    expect(first.err.match(/^failed: linear-seed0-\w+: /gm)).toHaveLength(3)
    expect(first.err).toContain('1 of 2 runs failed: "digitlab sweep status failing" says why')
    const { done, failed } = await status('failing')
    expect([done.length, failed.length]).toEqual([1, 1])
    expect((await place.command(['sweep', 'status', 'failing'])).out).toMatch(
      /failed 3 times: linear-seed0-\w+: .*loss/,
    )
    // Left: nothing is tried once more.
    const second = await place.command(args)
    expect(second.err).not.toMatch(/^failed: /m)
    const { retried } = await json<{ retried: readonly string[] }>('sweep', 'retry', 'failing')
    expect(retried).toEqual(failed)
    expect((await place.command(args)).err.match(/^failed: /gm)).toHaveLength(3)
  })

  test('a worker that lacks what it needs fails no run', async () => {
    const { code, err } = await place.command(['sweep', ...plan, '--out', 'elsewhere', '--jobs', '2', '--dry-run'])
    expect(code, err).toBe(0)
    await copied('gone')
    for (const { name } of undisturbed.slice(0, 2))
      await rm(join(place.folder, 'gone', 'runs', name), { recursive: true })
    const written = join(place.folder, 'gone', 'sweep.json')
    await writeFile(written, (await readFile(written, 'utf8')).replaceAll('./digits', './nowhere'))
    const worked = await place.command(['sweep', 'work', 'gone'])
    expect(worked.code).toBe(1)
    expect(worked.err).toContain('nowhere')
    expect(await status('gone')).toMatchObject({ failed: [], open: { length: 2 } })
  })
})

test('a full disk stops the sweep with its sentence, fails no run, and the same command goes on once there is room', async ({
  skip,
}) => {
  const mount = (...args: readonly string[]) => spawnSync('mount', [...args], { encoding: 'utf8' })
  const small = join(place.folder, 'small')
  await mkdir(small)
  const mounted = mount('-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', small)
  if (mounted.error || mounted.status !== 0)
    return skip('no small disk can be mounted here: that needs a superuser on Linux')
  try {
    const full = await place.digitlab(['sweep', ...plan, '--out', 'small/s', '--jobs', '1'], {
      env: { TMPDIR: place.folder },
    })
    expect(full.code, full.err).toBe(1)
    expect(full.err).toContain('ENOSPC')
    const { done, failed, open } = await status('small/s')
    expect([failed.length, done.length + open.length]).toEqual([0, 6])
    expect(open.length).toBeGreaterThan(0)
    expect(mount('-o', 'remount,size=20m', small).status).toBe(0)
    const again = await sweepHere('small/s', 1)
    expect(again.code, again.err).toBe(0)
    expect(await sweepOutcome(join(small, 's'))).toEqual(undisturbed)
  } finally {
    spawnSync('umount', [small])
  }
})

test('"cancel" stops workers wherever they are, and the same command goes on', async () => {
  const args = [
    'sweep',
    '--models',
    'two-layer',
    '--seeds',
    '0,1',
    '--dataset',
    './digits',
    '--epochs',
    '100000',
    '--out',
    'cancelled',
    '--jobs',
    '2',
  ]
  let cancelled: ReturnType<Workplace['command']> | undefined
  const timer = setInterval(() => {
    const runs = join(place.folder, 'cancelled', 'runs')
    if (cancelled || !existsSync(runs)) return
    void readdir(runs).then((names) => {
      if (names.length === 2 && names.every((name) => existsSync(join(runs, name, 'events.jsonl'))))
        cancelled ??= place.command(['sweep', 'cancel', 'cancelled'])
    })
  }, 50)
  const { code, err } = await place.digitlab(args)
  clearInterval(timer)
  expect((await cancelled)?.code).toBe(0)
  expect(code, err).toBe(1)
  expect(err).toContain('was cancelled')
  expect(await status('cancelled')).toMatchObject({ done: [], running: [], open: { length: 2 } })
})

test('two commands at once drain one folder', async () => {
  const ended = await Promise.all([
    sweep('both'),
    sweep('both'),
    place.digitlab(['sweep', ...plan, '--seeds', '7', '--out', 'both']),
  ])
  const [refused, ...worked] = ended.sort(
    (a, b) => Number(b.err.includes('another sweep')) - Number(a.err.includes('another sweep')),
  )
  if (worked.every(({ code }) => code === 0)) {
    expect(refused?.code, refused?.err).toBe(1)
    expect(await sweepOutcome(join(place.folder, 'both'))).toEqual(undisturbed)
  } else expect(worked.map(({ err }) => err).join()).toContain('another sweep') // the third was the first to come
})

test('a run that is held elsewhere is left to its holder, and taken over once that shows no life', async () => {
  const { name } = undisturbed[3]!
  const folder = join(await copied('held'), 'runs', name)
  await rm(folder, { recursive: true })
  await mkdir(folder)
  const lock = join(folder, `.digitlab-lock-77-99-${Date.now()}-00c0ffee-node7`)
  await writeFile(lock, '\n')
  const busy = await sweepHere('held', 1)
  expect(busy.code, busy.err).toBe(0)
  expect(busy.out).toBe(`held: 5 of 6 runs done, 1 in progress\nin progress: ${name}\n`)
  const before = new Date(Date.now() - 90_000)
  await utimes(lock, before, before)
  const taken = await sweepHere('held', 1)
  expect(taken.out, taken.err).toBe('held: 6 of 6 runs done\n')
  expect(await sweepOutcome(join(place.folder, 'held'))).toEqual(undisturbed)
})

test('a plan in a file', async () => {
  const file = join(place.folder, 'plan.json')
  const written = {
    experiment: { dataset: './digits', epochs: 1 },
    vary: { model: ['linear'], optimizer: [{ name: 'sgd' }, { name: 'adam' }] },
    random: { count: 2, seed: 3, vary: { 'optimizer.learningRate': { logUniform: [0.001, 0.1] } } },
    when: [{ if: 'optimizer.name=sgd', vary: { 'optimizer.momentum': [0, 0.9] } }],
  }
  await writeFile(file, JSON.stringify(written))
  const { runs } = await json<{ runs: readonly { experiment: { optimizer: { learningRate: number } } }[] }>(
    'sweep',
    'plan.json',
    '--out',
    'planned',
    '--dry-run',
  )
  expect(runs).toHaveLength(6)
  expect(new Set(runs.map(({ experiment }) => experiment.optimizer.learningRate)).size).toBe(2)
  expect(existsSync(join(place.folder, 'planned'))).toBe(false)
})

test.each([
  [['sweep', '--out', 'x'], 1, 'a sweep needs models'],
  [['sweep', '--models', 'linear'], 2, "required option '--out <folder>' not specified"],
  [['sweep', '--models', 'linear', '--seeds', '3..1', '--out', 'x'], 2, '3..1 must go up'],
  [['sweep', '--models', 'ccn', '--out', 'x'], 2, 'there is no model "ccn"'],
  [['sweep', '--models', 'linear', '--set', 'epoch=2', '--out', 'x'], 2, 'has no "epoch"'],
  [['sweep', '--models', 'linear', '--learning-rate', '-1', '--out', 'x'], 2, 'learningRate must be a number from 0'],
  [['sweep', 'nothing.json', '--out', 'x'], 1, 'could not read a plan from nothing.json'],
  [['sweep', 'whole/sweep.json', '--models', 'linear', '--out', 'x'], 1, '--models would change'],
  [['sweep', 'status', 'digits'], 1, 'digits holds no sweep'],
  [['sweep', 'work', 'nowhere'], 1, 'nowhere holds no sweep'],
] as const)('refuses %j', async (args, code, said) => {
  const ended = await place.command(args)
  expect(ended.err).toContain(said)
  expect(ended.code, ended.err).toBe(code)
  expect(existsSync(join(place.folder, 'x'))).toBe(false)
})
