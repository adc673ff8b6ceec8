// Sweeps on a Slurm cluster of one node: what its workers leave is what an undisturbed sweep on this machine leaves.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { slurmScript } from './sweep/slurm'
import { makeWorkplace, type Workplace } from './testing/command'
import { holdAtEpoch } from './testing/held-run'
import { noSlurm, startCluster, type Cluster } from './testing/slurm'
import { sweepOutcome } from './testing/sweep-outcome'

describe('the script', () => {
  const script = slurmScript("runs/it's 100% mine", {
    ...{ jobs: 8, partition: 'gpu', time: '30', gpus: 1, cpus: 2, setup: 'module load node' },
    sbatch: [
      ['comment', 'a "word"'],
      ['exclusive', ''],
    ],
  })

  test('is one that bash takes, with every path in quotes', () => {
    const { status, stderr } = spawnSync('bash', ['-n'], { input: script, encoding: 'utf8' })
    expect(status, stderr).toBe(0)
    expect(script).toContain(
      String.raw`'sweep' 'work' '${process.cwd()}/runs/it'\''s 100% mine' --index "$SLURM_ARRAY_TASK_ID"`,
    )
    expect(script).toContain(`#SBATCH --output="${process.cwd()}/runs/it's 100%% mine/logs/%A_%a.log"`)
  })

  test('has its options as directives', () => {
    const directives = script.split('\n').filter((line) => line.startsWith('#SBATCH'))
    expect(directives).toEqual(
      expect.arrayContaining([
        '#SBATCH --array=0-7',
        '#SBATCH --signal=B:USR1@90',
        '#SBATCH --requeue',
        '#SBATCH --partition=gpu',
        '#SBATCH --time=30',
        '#SBATCH --gpus-per-node=1',
        '#SBATCH --cpus-per-task=2',
        '#SBATCH --comment="a \\"word\\""',
        '#SBATCH --exclusive',
      ]),
    )
    expect(script).toContain('\nmodule load node\n')
    expect(script).toContain('scontrol requeue "$task"')
  })
})

/** What waits for Slurm's clocks, again and again. */
const slow = (name: string, work: () => Promise<void>) =>
  test(name, async ({ skip }) => {
    if (process.env['DIGITLAB_ALL'] !== '1') return skip('waits long on Slurm: npm test -- --all runs it')
    await work()
  })

const reason = noSlurm()
if (reason !== undefined) console.log(`sweeps on Slurm are not tested: ${reason}`)

// Slurm looks at its queue every some seconds, and at limits of time every half a minute.
describe.skipIf(reason !== undefined)('on a cluster', { timeout: 900_000 }, () => {
  let cluster: Cluster
  let place: Workplace
  let undisturbed: Awaited<ReturnType<typeof sweepOutcome>>
  /** Twelve runs, which are over within a second or two. */
  const plan = '--models linear,two-layer --seeds 0..5 --dataset ./digits --epochs 40 --backend wasm'.split(' ')
  let holding: Readonly<Record<string, string>> = {}
  const digitlab = (args: readonly string[]) => place.digitlab(args, { env: { ...cluster.env, ...holding } })
  const at = (...names: readonly string[]) => join(place.folder, ...names)
  const submit = (out: string, ...more: readonly string[]) =>
    digitlab(['sweep', ...plan, '--out', out, '--on', 'slurm', '--jobs', '2', ...more])
  const done = async (out: string) => {
    const runs = await readdir(at(out, 'runs')).catch((): string[] => [])
    return runs.filter((name) => existsSync(at(out, 'runs', name, 'run.json'))).length
  }
  const logs = async (out: string) =>
    (await Promise.all((await readdir(at(out, 'logs'))).map((name) => readFile(at(out, 'logs', name), 'utf8')))).join(
      '\n',
    )
  const drained = async (out: string) => {
    await cluster.until(`no worker of ${out}`, () => cluster.run('squeue', '--noheader') === '')
    expect(await done(out), await logs(out)).toBe(12)
    expect(await sweepOutcome(at(out))).toEqual(undisturbed)
  }
  /** The runs at hand that have such an event. */
  const inProgress = async (out: string, type: 'started' | 'epoch') => {
    const runs = await readdir(at(out, 'runs')).catch((): string[] => [])
    return runs.filter((name) => {
      const [events, whole] = [at(out, 'runs', name, 'events.jsonl'), at(out, 'runs', name, 'run.json')]
      return existsSync(events) && readFileSync(events, 'utf8').includes(`"${type}"`) && !existsSync(whole)
    })
  }
  const midway = (out: string) =>
    cluster.until(`a run of ${out} in progress`, async () => (await inProgress(out, 'started')).length > 0)
  /**
   * Both workers, each at the end of the first epoch of a run, where it stays until the work is done: they are neither at their beginning nor
   * over, however fast the machine is.
   */
  const withBothHeld = async (out: string, work: () => void | Promise<void>) => {
    const held = holdAtEpoch(at(out))
    holding = held.env
    const { code, err } = await submit(out, '--detach').finally(() => (holding = {}))
    expect(code, err).toBe(0)
    await cluster.until(`two runs of ${out} in progress`, async () => (await inProgress(out, 'epoch')).length === 2)
    await work()
    held.letGo()
  }

  beforeAll(async () => {
    cluster = await startCluster()
    place = await makeWorkplace('slurm', { trainCount: 500, testCount: 50 })
    const { code, err } = await digitlab(['sweep', ...plan, '--out', 'undisturbed'])
    expect(code, err).toBe(0)
    undisturbed = await sweepOutcome(at('undisturbed'))
  })
  afterAll(async () => {
    await cluster?.stop()
    await place?.remove()
  })

  slow('two workers drain twelve runs, from a folder with spaces, and are followed to the end', async () => {
    const { code, err, out } = await submit('a b/two workers')
    expect(code, err).toBe(0)
    expect(err).toMatch(/submitted 2 workers as array \d+/)
    expect(out).toContain('12 of 12 runs done')
    await drained('a b/two workers')
    expect((await readdir(at('a b/two workers/logs'))).filter((name) => /^\d+_[01]\.log$/.test(name))).toHaveLength(2)
  })

  test('a killed worker is replaced, and another goes on with what it had at hand', async () => {
    await withBothHeld('killed', () => {
      const { stdout } = spawnSync('pgrep', ['-f', `sweep work ${at('killed')} --index 0`], { encoding: 'utf8' })
      const [worker = '', ...others] = stdout.match(/\d+/g) ?? []
      expect([worker, ...others], 'the first worker').toEqual([expect.stringMatching(/^\d+$/)])
      process.kill(Number(worker), 'SIGKILL')
    })
    await drained('killed')
    expect(await logs('killed')).toContain('the worker was killed (exit code 137)')
  })

  slow('one task that is requeued goes on, and the other does not notice', async () => {
    const { err } = await submit('requeued', '--detach')
    const [, job = ''] = /array (\d+)/.exec(err) ?? []
    await midway('requeued')
    expect(cluster.run('scontrol', 'requeue', `${job}_0`)).toBe('')
    await drained('requeued')
  })

  slow('where the time is nearly up, a checkpoint is made and exactly that task is put back', async () => {
    // 90 seconds before the end of a minute is at once, as soon as Slurm looks, which is every half minute: one run that
    // lasts longer on any machine (4,000 epochs took 19 s on an idle one).
    const long = [
      'sweep',
      '--models',
      'two-layer',
      '--seeds',
      '0',
      '--dataset',
      './digits',
      '--epochs',
      '12000',
      '--backend',
      'wasm',
    ]
    const { err } = await digitlab([
      ...long,
      '--out',
      'timed',
      '--on',
      'slurm',
      '--jobs',
      '1',
      '--detach',
      '--time',
      '1',
    ])
    const [, job = ''] = /array (\d+)/.exec(err) ?? []
    await cluster.until('a requeued task', async () => (await logs('timed')).includes('goes back into the queue'))
    expect(await done('timed')).toBe(0)
    cluster.run('scontrol', 'update', `JobId=${job}`, 'TimeLimit=10') // time enough from now on
    await cluster.until('no worker of timed', () => cluster.run('squeue', '--noheader') === '')
    expect(await logs('timed')).toContain(`${job}_0 goes back into the queue`)
    const whole = await digitlab([...long, '--out', 'timed-whole'])
    expect(whole.code, whole.err).toBe(0)
    expect(await sweepOutcome(at('timed'))).toEqual(await sweepOutcome(at('timed-whole')))
  })

  slow('a job of higher priority preempts the workers, and they go on afterwards', async () => {
    const { err } = await submit('preempted', '--detach', '--partition', 'low', '--jobs', '1')
    const [, job = ''] = /array (\d+)/.exec(err) ?? []
    await midway('preempted')
    const script = at('important.sh')
    await writeFile(script, '#!/bin/bash\nsleep 1\n')
    cluster.run('sbatch', '--partition=high', '--exclusive', '--output=/dev/null', script)
    await cluster.until('a preempted worker', () => /Restarts=[1-9]/.test(cluster.run('scontrol', 'show', 'job', job)))
    await drained('preempted')
  })

  slow('two submitters at once share one folder', async () => {
    const both = await Promise.all([submit('both'), submit('both')])
    expect(
      both.map(({ code }) => code),
      both.map(({ err }) => err).join('\n'),
    ).toEqual([0, 0])
    await drained('both')
  })

  test('a log folder that cannot be written is said before anything is submitted', async ({ skip }) => {
    await mkdir(at('unlogged'), { recursive: true })
    await writeFile(at('unlogged', 'logs'), 'a file in its place')
    if (process.getuid?.() !== 0) {
      await mkdir(at('locked', 'logs'), { recursive: true })
      await chmod(at('locked', 'logs'), 0o500)
    }
    const { code, err } = await submit('unlogged')
    expect(code).toBe(1)
    expect(err).toContain('the logs of the workers cannot be written to')
    expect(cluster.run('squeue', '--noheader')).toBe('')
    if (process.getuid?.() === 0)
      return skip('a superuser may write where nothing may be written: only a file in its place was tried')
    expect((await submit('locked')).err).toContain('the logs of the workers cannot be written to')
  })

  test('what sbatch refuses is said in its words, and what it does not know before', async () => {
    const refused = await submit('refused', '--partition', 'none-such')
    expect(refused.code).toBe(1)
    expect(refused.err).toMatch(/sbatch refused the workers \(.*partition/)
    const unknown = await submit('unknown', '--sbatch', 'memory=4G')
    expect(unknown.code).toBe(2)
    expect(unknown.err).toContain('sbatch has no option "memory": it takes account,')
    const decided = await submit('unknown', '--sbatch', 'array=0-99')
    expect(decided.err).toContain('the script decides array itself')
    expect(existsSync(at('unknown'))).toBe(false)
    const taken = await submit('tested', '--dry-run', '--sbatch', 'mem=100M', '--sbatch', 'comment=two words')
    expect(taken.out).toContain('#SBATCH --comment="two words"')
    await writeFile(at('tested.sh'), taken.out.slice(taken.out.indexOf('#!/bin/bash')))
    expect(cluster.run('sbatch', '--test-only', at('tested.sh'))).toMatch(/Job \d+ to start at/)
  })

  test('"cancel" stops what runs and what waits, in a folder with spaces, and the same command is followed to the end', async () => {
    const out = 'a b/stopped'
    await withBothHeld(out, async () => {
      expect((await digitlab(['sweep', 'cancel', out])).code).toBe(0)
    })
    await cluster.until('an empty queue', () => cluster.run('squeue', '--noheader') === '')
    expect(await done(out)).toBeLessThan(12)
    const followed = await submit(out)
    expect([followed.code, followed.out], followed.err).toEqual([0, expect.stringContaining('12 of 12 runs done')])
    await drained(out)
  })
})
