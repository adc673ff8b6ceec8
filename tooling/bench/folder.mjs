// @ts-check
// What one shared folder bears: small processes that claim runs of a sweep, wait as long as a short run lasts, and write what a run writes.
// They train nothing; claims, locks and writing are the command's own. `node folder.mjs [runs] [workers] [milliseconds]`, in the folder
// that DIGITLAB_SCALE names, or one for temporary files. Prints JSON.
import { fork } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as wait } from 'node:timers/promises'
import { build } from 'esbuild'

const cli = fileURLToPath(new URL('../../apps/cli/', import.meta.url))

/**
 * @typedef {Pick<typeof import('../../apps/cli/src/sweep/drain'), 'drain'> & Pick<typeof import('../../apps/cli/src/atomic-file'), 'writeAtomic'> &
 *   Pick<typeof import('../../apps/cli/src/events-log'), 'eventsLog'> & Pick<typeof import('../../apps/cli/src/runs-index'), 'indexedRuns'>} Bundle
 */

/** The command's own claims and writing, as a module. */
const bundle = (/** @type {string} */ outfile) =>
  build({
    stdin: {
      contents: `export { drain } from './src/sweep/drain'\nexport { writeAtomic } from './src/atomic-file'\nexport { eventsLog } from './src/events-log'\nexport { indexedRuns } from './src/runs-index'`,
      resolveDir: cli,
    },
    ...{ bundle: true, format: 'esm', platform: 'node', outfile, conditions: ['@digitlab/source'], logLevel: 'error' },
    banner: { js: `import { createRequire as r } from 'node:module'; const require = r(import.meta.url)` },
  })

const runOf = (/** @type {string} */ name, /** @type {number} */ n) => ({
  format: 'digitlab-run',
  version: 1,
  id: name,
  experiment: {
    model: n % 2 ? 'cnn' : 'linear',
    dataset: 'mnist',
    seed: n,
    epochs: 5,
    batchSize: 64,
    optimizer: { name: 'sgd', learningRate: 0.1 },
  },
  status: 'completed',
  startedAt: '2026-01-01T00:00:00.000Z',
  model: { name: n % 2 ? 'cnn' : 'linear', parameters: 7850 },
  dataset: { name: 'mnist' },
  backend: { id: 'wasm', device: 'SIMD', threads: 1 },
  history: {
    stepLosses: Array.from({ length: 1000 }, (_, step) => 1 / (step + 1)),
    epochs: [1, 2, 3, 4, 5].map((epoch) => ({
      epoch,
      trainLoss: 1 / epoch,
      testLoss: 1 / epoch,
      testAccuracy: 0.9 + n / 1e6,
    })),
  },
  metrics: { accuracy: 0.9 + n / 1e6, meanLoss: 0.3 },
  timing: { trainSeconds: 0.1, evaluationSeconds: 0.01, secondsPerEpoch: 0.02, imagesPerSecond: 1e6 },
})

const [first] = process.argv.slice(2)
if (first === '--worker') {
  const [, module = '', folder = '', index, count, lasts] = process.argv.slice(2)
  const { drain, writeAtomic, eventsLog } = /** @type {Bundle} */ (await import(module))
  const runs = Array.from(
    { length: Number(count) },
    (_, n) => /** @type {import('../../apps/cli/src/sweep/sweep-folder').SweepRun} */ ({ name: `run-${n}` }),
  )
  const weights = new Uint8Array(31_400)
  const told = await drain(
    folder,
    { runs },
    {
      index: Number(index),
      signal: new AbortController().signal,
      carryOut: async (claimed, { name }) => {
        const run = runOf(name, Number(name.slice(4)))
        const events = eventsLog(claimed.path)
        await wait(Number(lasts))
        await claimed.check()
        await writeAtomic(join(claimed.path, 'predictions.safetensors'), weights)
        await writeAtomic(join(claimed.path, 'weights.safetensors'), weights)
        await writeAtomic(join(claimed.path, 'run.json'), JSON.stringify(run))
        await events.end(/** @type {import('@digitlab/train').Run} */ (/** @type {unknown} */ (run)))
        return true
      },
    },
  )
  process.send?.(told)
  process.disconnect()
} else {
  const [count = 10_000, workers = 32, lasts = 100] = process.argv.slice(2).map(Number)
  const folder = await mkdtemp(join(process.env['DIGITLAB_SCALE'] || tmpdir(), 'digitlab-scale-'))
  try {
    const module = join(folder, 'drain.mjs')
    await bundle(module)
    await mkdir(join(folder, 'runs'))
    const began = performance.now()
    const ended = await Promise.all(
      Array.from({ length: workers }, (_, index) => {
        const child = fork(
          fileURLToPath(import.meta.url),
          ['--worker', module, folder, index, count, lasts].map(String),
        )
        return /** @type {Promise<number>} */ (
          new Promise((resolve, reject) => {
            /** @type {{ done: number } | undefined} */
            let told
            child.on('message', (message) => (told = /** @type {{ done: number }} */ (message)))
            child.on('exit', (code) =>
              code === 0 && told ? resolve(told.done) : reject(new Error(`worker ${index}: exit code ${code}`)),
            )
          })
        )
      }),
    )
    const seconds = (performance.now() - began) / 1000
    const done = ended.reduce((sum, each) => sum + each, 0)
    const names = await readdir(join(folder, 'runs'))
    let [files, bytes] = [0, 0]
    for (const name of names.slice(0, 100))
      for (const file of await readdir(join(folder, 'runs', name))) {
        files++
        bytes += (await stat(join(folder, 'runs', name, file))).size
      }
    const { indexedRuns } = /** @type {Bundle} */ (await import(module))
    const look = async () => {
      const from = performance.now()
      const found = await indexedRuns(join(folder, 'runs'))
      return { runs: found.length, seconds: Number(((performance.now() - from) / 1000).toFixed(2)) }
    }
    const [cold, warm] = [await look(), await look()]
    console.log(
      JSON.stringify(
        {
          ...{ count, workers, lasts, seconds, done, folders: names.length },
          runsPerSecond: done / seconds,
          filesPerRun: files / 100,
          bytesPerRun: bytes / 100,
          fewest: Math.min(...ended),
          most: Math.max(...ended),
          cold,
          warm,
        },
        null,
        2,
      ),
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
