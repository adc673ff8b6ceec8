// Training processes that are killed at random moments and gone on with, some of them while another one wants the same folder,
// against one that nobody disturbs.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, watch } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseRun } from '@digitlab/train'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bin, makeWorkplace, type Workplace } from './testing/command'

const everything = process.env['DIGITLAB_ALL'] === '1'
/** Kills of each kind of run, and how many of them in the final writing: 4 of one kind, or with `npm test -- --all` 150 of three. */
const [kills, finalKills] = everything ? [50, 5] : [4, 1]

let place: Workplace
beforeAll(async () => {
  place = await makeWorkplace('kills', { trainCount: 500, testCount: 50 })
})
afterAll(() => place.remove())

/** When a process gets its SIGKILL. */
type Kill =
  /** Once it has told so many steps, and some milliseconds later. */
  | { readonly steps: number; readonly after: number }
  /** Once it is done with training, at the n-th change in the run's folder. */
  | { readonly change: number }

interface Ended {
  readonly code: number | null
  readonly err: string
  /** Whether it was done with training. */
  readonly trained: boolean
}

const stepsIn = (err: string): number => err.match(/ {2}step \d/g)?.length ?? 0

/** Runs the command in the workplace, and kills it. @param folder of the run */
const digitlab = (args: readonly string[], folder: string, epochs: number, kill?: Kill): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child: ChildProcess = spawn(process.execPath, [bin, ...args], { cwd: place.folder })
    const end = () => child.kill('SIGKILL')
    let err = ''
    let armed = false
    let stop = () => {}
    const trained = () => err.includes(`epoch ${epochs}/${epochs}  loss`)
    child.stderr?.on('data', (text: Buffer) => {
      err += text.toString()
      if (armed || !kill) return
      if ('steps' in kill) {
        armed = err.includes('data set:') && stepsIn(err) >= kill.steps
        if (armed) setTimeout(end, kill.after)
      } else if (trained()) {
        armed = true
        let changes = 0
        const watcher = watch(join(place.folder, folder), () => {
          if (++changes === kill.change) end()
        })
        stop = () => watcher.close()
      }
    })
    child.on('error', reject)
    child.on('close', (code) => {
      stop()
      resolve({ code, err, trained: trained() })
    })
  })

/** What may not differ by a bit: the files of weights and predictions, and every figure of the run but the clock. */
const outcome = async (name: string) => {
  const folder = join(place.folder, name)
  const run = parseRun(await readFile(join(folder, 'run.json'), 'utf8'))
  expect(run.status).toBe('completed')
  expect((await readdir(folder)).sort()).toEqual([
    'events.jsonl',
    'predictions.safetensors',
    'report.html',
    'run.json',
    'weights.safetensors',
  ])
  // The page is that of this very run.
  const drawn = await place.digitlab(['report', name, '--data-dir', 'digits', '--out', `${name}-drawn`])
  expect(drawn.code, drawn.err).toBe(0)
  const page = await readFile(join(folder, 'report.html'), 'utf8')
  expect(page).toBe(await readFile(join(place.folder, `${name}-drawn`, 'report.html'), 'utf8'))
  return {
    ...{ id: run.id, metrics: run.metrics, stepLosses: run.history.stepLosses },
    epochs: run.history.epochs.map((record) => ({ ...record, trainSeconds: 0, evaluationSeconds: 0 })),
    figures: [...page.matchAll(/data-figure="([^"]+)"/g)].map(([, id]) => id),
    weights: await readFile(join(folder, 'weights.safetensors')),
    predictions: await readFile(join(folder, 'predictions.safetensors')),
  }
}

const twoLayer = ['--model', 'two-layer', '--optimizer', 'momentum', '--learning-rate', '0.02']
const cnn = ['--model', 'cnn', '--optimizer', 'adam']

const kinds = [
  ['wasm', 1, cnn, 25],
  ['wasm', 2, twoLayer, 80],
  ['cpu', 1, twoLayer, 40],
] as const

// Eight steps an epoch: enough of them for several kills within some 12 steps and 25 milliseconds each.
describe.concurrent.each(everything ? kinds : kinds.slice(0, 1))(
  'on %s with %d workers',
  (backend, workers, model, epochs) => {
    const kind = `${backend}-${workers}`
    const args = ['train', ...model, '--dataset', 'digits', '--epochs', String(epochs), '--backend', backend]
    const from = [...args, '--workers', String(workers)]

    test(`killed ${kills} times and gone on with, the end is that of an undisturbed run to the bit, with its page`, async () => {
      const whole = await digitlab([...from, '--out', `${kind}-whole`], '', epochs)
      expect(whole.code, whole.err).toBe(0)
      const undisturbed = await outcome(`${kind}-whole`)

      let [killed, inTraining, inTheEnd, refused, runs] = [0, 0, 0, 0, 1]
      for (;;) {
        const name = `${kind}-${runs}`
        const begun = existsSync(join(place.folder, name, 'checkpoint', 'begun.json'))
        // A checkpoint every five steps: of an epoch's eight, so that it falls on every place within one.
        const first = [...from, '--checkpoint-every', '5', '--log-every', '1', '--out', name]
        const command =
          begun || existsSync(join(place.folder, name, 'run.json'))
            ? ['train', '--resume', name, '--log-every', '1']
            : first
        const wanted = killed < kills
        // Where the end is near enough its writing; else every third while it starts, the others while it trains: wherever the clock falls.
        const last = kills - killed <= finalKills - inTheEnd
        const steps = killed % 3 === 0 ? 0 : 1 + Math.floor(12 * Math.random())
        const kill: Kill = last
          ? { change: 1 + Math.floor(12 * Math.random()) }
          : { steps, after: Math.random() * (steps === 0 ? 300 : 25) }
        // Every fifth has a rival, which comes at the same time and wants the folder as well.
        const rival = begun && killed % 5 === 1 ? digitlab(command, name, epochs, wanted ? kill : undefined) : undefined
        const both = await Promise.all([
          digitlab(command, name, epochs, wanted ? kill : undefined),
          ...(rival ? [rival] : []),
        ])
        for (const { code, err, trained } of both) {
          if (code === 1 && rival) {
            expect(err).toMatch(/is in use: process \d+/)
            refused++
            continue
          }
          expect([null, 0], err).toContain(code)
          if (code !== null) continue
          killed++
          if (trained) inTheEnd++
          else if (stepsIn(err) > 0) inTraining++
        }
        if (!both.some(({ code }) => code === 0)) continue
        expect(await outcome(name)).toEqual(undisturbed)
        if (killed >= kills && inTheEnd >= finalKills) break
        runs++
      }
      const again = await digitlab(['train', '--resume', `${kind}-${runs}`], '', epochs)
      expect([again.code, again.err]).toEqual([
        0,
        `the run in ${kind}-${runs} is complete: there is nothing left to train\n`,
      ])
      console.log(
        `${kind}: ${killed} kills, ${inTraining} between two steps, ${inTheEnd} in the final writing, ${refused} rivals refused, ${runs} runs`,
      )
      expect(inTraining, 'times killed between two steps').toBeGreaterThanOrEqual(kills / 6)
    }, 1_800_000)
  },
)
