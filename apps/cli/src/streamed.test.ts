// Images that are streamed from a disk train to the same bits as from memory.
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { cpuBackend } from '@digitlab/backend-cpu'
import { wasmBackend } from '@digitlab/backend-wasm'
import { strokes, type Dataset } from '@digitlab/data'
import { loadDataset } from '@digitlab/data/node'
import { writeIdx } from '@digitlab/idx'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runExperiment, type Progress } from '@digitlab/train'

const everything = process.env['DIGITLAB_ALL'] === '1'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'digitlab-streamed-'))
  const { train, test } = await strokes({ trainCount: 1000, testCount: 60 })
  // Two blocks of 8 MB and a part of a third, of a size that batches do not divide.
  const copies = 25
  const images = new Uint8Array(copies * train.images.length)
  for (let copy = 0; copy < copies; copy++)
    images.set(
      train.images.map((pixel) => pixel ^ copy),
      copy * train.images.length,
    )
  const labels = Uint8Array.from({ length: copies * train.count }, (_, i) => train.labels[i % train.count] ?? 0)
  for (const [part, split] of Object.entries({ train: { images, labels, count: labels.length }, t10k: test })) {
    const packed = writeIdx({ type: 'uint8', shape: [split.count, 28, 28], data: split.images })
    await writeFile(join(folder, `${part}-images-idx3-ubyte.gz`), gzipSync(packed, { level: 1 }))
    await writeFile(
      join(folder, `${part}-labels-idx1-ubyte`),
      writeIdx({ type: 'uint8', shape: [split.count], data: split.labels }),
    )
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test.each([
  ['wasm', wasmBackend],
  ['cpu', cpuBackend],
])('on %s', { timeout: 120_000 }, async (id, backend) => {
  const env = { DIGITLAB_CACHE: join(folder, 'cache') }
  const notices: string[] = []
  const name = `${folder}#transpose`
  const [whole, streamed] = [
    await loadDataset(name, { env, stream: false }),
    await loadDataset(name, { env, stream: true, onNotice: (sentence) => notices.push(sentence) }),
  ]
  expect(streamed.files).toEqual(whole.files)
  expect(streamed.train.images).toHaveLength(0)
  expect(Buffer.from(streamed.test.images).equals(Buffer.from(whole.test.images))).toBe(true)
  expect(notices.join()).toMatch(/^the images of .* are read from the disk as they are needed$/)
  const epochs = id === 'wasm' || everything ? 2 : 1
  const experiment = { model: 'linear', epochs, seed: 3 } as const
  const train = (data: Dataset) => {
    const controller = new AbortController()
    let steps = 0
    // A batch has images from everywhere: on cpu, which is slow, a quarter of them is enough.
    const onProgress = ({ type }: Progress) =>
      void (type === 'step' && ++steps === 100 && id === 'cpu' && !everything && controller.abort())
    return runExperiment(experiment, { data, backend: backend(), onProgress, signal: controller.signal })
  }
  const [inMemory, fromDisk] = [await train(whole), await train(streamed)]
  expect(inMemory.run.history.stepLosses.length).toBeGreaterThanOrEqual(100)
  expect(fromDisk.run.history.stepLosses).toEqual(inMemory.run.history.stepLosses)
  expect([...fromDisk.weights].map(([key, { data }]) => [key, [...data]])).toEqual(
    [...inMemory.weights].map(([key, { data }]) => [key, [...data]]),
  )
  streamed.train.stream?.close()
})

/** A process of its own that trains a pass over `count` images, and what it took of memory. */
const program = `
import { readFileSync } from 'node:fs'
import { cpuBackend, loadDataset, runExperiment } from './module.mjs'
const memory = (name) => 1024 * Number(new RegExp('^' + name + ':\\\\s*(\\\\d+)', 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1])
const data = await loadDataset(process.argv[2], { stream: process.argv[3] === 'stream' })
const { run } = await runExperiment({ model: 'linear', epochs: 1, batchSize: 256 }, { data, backend: cpuBackend() })
process.stdout.write(JSON.stringify({ peak: memory('VmHWM'), images: data.train.count, steps: run.history.stepLosses.length }))
`

test.skipIf(process.platform !== 'linux')(
  'a set larger than the heap takes less memory than its images',
  async () => {
    const count = everything ? 1_000_000 : 150_000
    const large = join(folder, 'large')
    const bundle = join(folder, 'bundle')
    await build({
      stdin: {
        contents: `export { loadDataset } from '@digitlab/data/node'; export { runExperiment } from '@digitlab/train'; export { cpuBackend } from '@digitlab/backend-cpu'`,
        resolveDir: fileURLToPath(new URL('.', import.meta.url)),
      },
      outfile: join(bundle, 'module.mjs'),
      ...{ bundle: true, platform: 'node', format: 'esm', logLevel: 'error', conditions: ['@digitlab/source'] },
      banner: {
        js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url)",
      },
    })
    await writeFile(join(bundle, 'main.mjs'), program)
    await mkdir(large)
    const file = await open(join(large, 'train-images-idx3-ubyte'), 'w')
    const head = Buffer.alloc(16)
    head.writeUInt32BE(0x803)
    head.writeUInt32BE(count, 4)
    head.writeUInt32BE(28, 8)
    head.writeUInt32BE(28, 12)
    await file.write(head)
    const digits = await strokes({ trainCount: 1000, testCount: 100 })
    for (let i = 0; i < count; i += 1000) await file.write(digits.train.images)
    await file.close()
    const labels = Uint8Array.from({ length: count }, (_, i) => digits.train.labels[i % 1000] ?? 0)
    await writeFile(join(large, 'train-labels-idx1-ubyte'), writeIdx({ type: 'uint8', shape: [count], data: labels }))
    await writeFile(
      join(large, 't10k-images-idx3-ubyte'),
      writeIdx({ type: 'uint8', shape: [100, 28, 28], data: digits.test.images }),
    )
    await writeFile(
      join(large, 't10k-labels-idx1-ubyte'),
      writeIdx({ type: 'uint8', shape: [100], data: digits.test.labels }),
    )
    const run = async (path: string, how: string) => {
      const args = ['--max-old-space-size=128', join(bundle, 'main.mjs'), path, how]
      const { stdout } = await promisify(execFile)(process.execPath, args, {
        env: { ...process.env, NODE_OPTIONS: '' },
      })
      return JSON.parse(stdout) as { peak: number; images: number; steps: number }
    }
    const idle = await run(`${folder}#limit=1000`, 'memory')
    const streamed = await run(large, 'stream')
    expect(streamed).toMatchObject({ images: count, steps: Math.ceil(count / 256) })
    // Over a run on a small set: blocks, their copies on the backend, labels, the order and its drawing.
    const grown = streamed.peak - idle.peak
    console.info(
      `${count} images: ${Math.round(streamed.peak / 2 ** 20)} MB at most, ${Math.round(grown / 2 ** 20)} MB over a small set`,
    )
    expect(grown).toBeLessThan(96 * 2 ** 20 + 16 * count)
    expect(streamed.peak).toBeLessThan(512 * 2 ** 20)
  },
  300_000,
)
