// A sweep whose processes are killed at random moments, workers and the one that watches them, against one that nobody disturbs.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bin, makeWorkplace, type Workplace } from './testing/command'
import { sweepOutcome } from './testing/sweep-outcome'

/** 6 kills over 6 runs, or with `npm test -- --all` 200 over 40; of them every third or tenth hits the one that watches. */
const [kills, seeds, each] = process.env['DIGITLAB_ALL'] === '1' ? [200, 20, 10] : [6, 3, 3]

let place: Workplace
beforeAll(async () => {
  place = await makeWorkplace('sweep-kills', { trainCount: 500, testCount: 50 })
})
afterAll(() => place.remove())

/** The processes that a process has started and that live, as Linux tells. */
const childrenOf = ({ pid = 0 }: ChildProcess): readonly number[] => {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .trim()
      .split(' ')
      .map(Number)
      .filter((child) => child > 0)
  } catch {
    return []
  }
}

const any = <T>(list: readonly T[]): T | undefined => list[Math.floor(Math.random() * list.length)]

test.skipIf(process.platform !== 'linux')(
  `after ${kills} kills every run is there once, with the bytes of an undisturbed sweep`,
  async () => {
    const plan = [
      'sweep',
      '--models',
      'linear,two-layer',
      '--seeds',
      `0..${seeds - 1}`,
      '--dataset',
      './digits',
      '--epochs',
      '60',
      '--jobs',
      '2',
    ]
    const every = ['--checkpoint-every', '20']
    const whole = await place.digitlab([...plan, ...every, '--out', 'whole'])
    expect(whole.code, whole.err).toBe(0)
    const undisturbed = await sweepOutcome(join(place.folder, 'whole'))

    const written = new Map<string, string>()
    const rewritten: string[] = []
    const look = (runs: string) => {
      for (const name of existsSync(runs) ? readdirSync(runs) : []) {
        const found = statSync(join(runs, name, 'run.json'), { throwIfNoEntry: false })
        if (!found) continue
        const now = `${found.ino} ${found.mtimeMs}`
        if ((written.get(name) ?? now) !== now) rewritten.push(name)
        written.set(name, now)
      }
    }
    let [workers, watchers, sweeps] = [0, 0, 1]
    const start = (out: string) => {
      const child = spawn(process.execPath, [bin, ...plan, ...every, '--out', out], {
        cwd: place.folder,
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let err = ''
      child.stderr.on('data', (text: Buffer) => (err += text.toString()))
      const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
      return { child, ended, said: () => err }
    }
    for (;;) {
      const out = `killed-${sweeps}`
      const runs = join(place.folder, out, 'runs')
      const { child, ended, said } = start(out)
      let over = false
      void ended.then(() => (over = true))
      while (!over && workers + watchers < kills) {
        await wait(100 + 700 * Math.random())
        look(runs)
        // The workers of a watcher see that it is gone, and stop.
        const isWatcher = (workers + watchers) % each === each - 1
        const pid = isWatcher ? child.pid : any(childrenOf(child))
        if (over || pid === undefined) continue
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          continue // it was over before
        }
        if (isWatcher) watchers++
        else workers++
      }
      const code = await ended
      look(runs)
      // Five workers in a row that ended without a whole run are said, and the command ends: it is given again here.
      if (code !== 0 && code !== null) expect(said()).toContain('workers in a row ended')
      if (code !== 0) continue
      expect(await sweepOutcome(join(place.folder, out))).toEqual(undisturbed)
      expect(rewritten).toEqual([])
      const listed = await place.digitlab(['runs', out, '--json'])
      const ids = (JSON.parse(listed.out) as { runs: readonly { id: string }[] }).runs.map(({ id }) => id)
      expect(ids).toHaveLength(2 * seeds)
      expect(new Set(ids).size).toBe(2 * seeds)
      if (workers + watchers >= kills) break
      sweeps++
      written.clear()
    }
    console.log(
      `${workers} workers and ${watchers} watchers were killed over ${sweeps} sweeps of ${2 * seeds} runs; none lost, none twice`,
    )
  },
  1_800_000,
)
