// A worker that was too slow to show that it lives: another machine took its run over, and there are others to do.
import { readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isLock } from './folder-lock'
import { runsOf, settleSweep } from './sweep/sweep-folder'
import { work } from './sweep/work'
import { makeWorkplace, type Workplace } from './testing/command'

let place: Workplace
beforeAll(async () => {
  place = await makeWorkplace('lost', { trainCount: 200, testCount: 20 })
})
afterAll(() => place.remove())

test('it goes on with the next run, and leaves that one to whoever has it', async () => {
  const out = join(place.folder, 'sweep')
  const dataset = join(place.folder, 'digits')
  const plan = { vary: { model: ['linear'], seed: [0, 1] }, experiment: { dataset, epochs: 1, batchSize: 20 } }
  const { sweep } = await settleSweep(out, {
    ...{ format: 'digitlab-sweep', version: 1, plan, from: place.folder },
    conditions: { backend: 'cpu', checkpointEvery: { steps: 3 }, threads: 1 },
    runs: await runsOf(plan, dataset),
  })
  const first = join(out, 'runs', sweep.runs[0]?.name ?? '')
  /** As if a machine called "elsewhere" had found no sign of life, and had laid a lock of its own. */
  const takeOver = () => {
    const [own = ''] = readdirSync(first).filter(isLock)
    renameSync(join(first, own), join(first, own.replace(/[\w.]+$/, 'elsewhere')))
  }
  const told: string[] = []
  const found = await work(out, sweep, {
    signal: new AbortController().signal,
    onEvent(event) {
      if (event.type !== 'progress')
        told.push(`${event.type} ${sweep.runs.findIndex(({ name }) => name === event.run)}`)
      else if (event.progress.type === 'step' && event.progress.step === 2 && told.length === 1) takeOver()
    },
  })
  expect(told).toEqual(['claimed 0', 'lost 0', 'claimed 1', 'done 1'])
  expect(found).toEqual({ done: 1, failed: 0 })
  const left = readdirSync(first)
  expect(left.filter(isLock)).toEqual([expect.stringMatching(/-elsewhere$/)])
  expect(left).not.toContain('run.json')
}, 60_000)
