// The command "data": what is there, what is fetched, and what a fetch leaves that is ended.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, join } from 'node:path'
import { mnistFolder } from '../../../tooling/vitest/golden.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bin, makeWorkplace, type Workplace } from './testing/command'
import { runHere } from './testing/in-process'

let place: Workplace
let folder = ''

beforeAll(async () => {
  place = await makeWorkplace('data')
  folder = place.folder
})
afterAll(() => place.remove())

/** Within this process: what is tested is what the command says and writes. */
const here = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runHere(folder, args, { ...place.environment, ...env })

test('data says of a set in DIGITLAB_DATA, or in the folder that is named, that it is there', async ({ skip }) => {
  const mnist = mnistFolder()
  if (!mnist) return skip('MNIST is not at hand: set DIGITLAB_DATA')
  const given = { DIGITLAB_DATA: mnist }
  expect((await here(['data', 'info'], given)).out).toContain(`mnist: MNIST, 10 classes`)
  expect((await here(['data', 'info'], given)).out).toContain(`in the folder ${mnist}\n`)
  for (const [args, env] of [
    [['data', 'verify'], given],
    [['data', 'verify', '--data-dir', mnist], {}],
  ] as const) {
    const { code, out } = await here(args, env)
    expect([code, out.match(/^right/gm)?.length, out.trimEnd().endsWith(`in ${mnist}`)]).toEqual([0, 4, true])
  }
  const other = await here(['data', 'verify', 'kmnist', '--data-dir', mnist])
  expect([other.code, other.out.match(/^wrong/gm)?.length]).toEqual([1, 4])
  expect(other.err).toContain(`kmnist is not whole in the folder ${mnist}: put its four files there`)
})

test('Ctrl-C during a download ends it in one sentence, and what came is gone on with', async ({ skip }) => {
  const mnist = mnistFolder()
  if (!mnist) return skip('MNIST is not at hand: set DIGITLAB_DATA')
  const whole = await readFile(join(mnist, 'train-images-idx3-ubyte.gz'))
  const ranges: (string | undefined)[] = []
  const mirror = createServer((request, response) => {
    ranges.push(request.headers.range)
    response.writeHead(200, { 'content-length': whole.length })
    response.write(whole.subarray(0, 100_000))
  })
  await new Promise<void>((resolve) => mirror.listen(0, '127.0.0.1', resolve))
  try {
    const env = {
      DIGITLAB_MIRROR: `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`,
      DIGITLAB_CACHE: join(folder, 'stopped'),
      DIGITLAB_DATA: '',
    }
    const partial = async (): Promise<number> => {
      const names = await readdir(join(folder, 'stopped', 'mnist')).catch((): string[] => [])
      const sizes = await Promise.all(
        names.map(async (name) => (await stat(join(folder, 'stopped', 'mnist', name))).size),
      )
      return Math.max(0, ...sizes)
    }
    for (const args of [
      ['data', 'fetch'],
      ['train', '--model', 'linear', '--dataset', 'mnist', '--out', join(folder, 'never')],
    ]) {
      const child = spawn(process.execPath, [bin, ...args], { env: { ...process.env, ...env }, cwd: folder })
      let err = ''
      child.stderr.on('data', (text: Buffer) => (err += text.toString()))
      const asked = ranges.length
      while (ranges.length === asked || (await partial()) < 100_000)
        await new Promise((resolve) => setTimeout(resolve, 50))
      child.kill('SIGINT')
      const [code] = (await once(child, 'close')) as [number | null]
      expect(code, err).toBe(130)
      expect(err).not.toMatch(/bug|Error|^ +at /m)
      expect(await readdir(join(folder, 'stopped', 'mnist'))).toEqual(['train-images-idx3-ubyte.gz.part'])
    }
    expect(ranges).toEqual([undefined, 'bytes=100000-'])
  } finally {
    mirror.closeAllConnections()
    await new Promise((resolve) => mirror.close(resolve))
  }
})

test('two processes that fetch at once leave one whole data set in the cache', async ({ skip }) => {
  const mnist = mnistFolder()
  if (!mnist) return skip('MNIST is not at hand: set DIGITLAB_DATA')
  const asked: string[] = []
  const mirror = createServer((request, response) => {
    asked.push(request.url ?? '')
    void readFile(join(mnist, basename(request.url ?? ''))).then((bytes) => response.end(bytes))
  })
  await new Promise<void>((resolve) => mirror.listen(0, '127.0.0.1', resolve))
  try {
    const env = {
      DIGITLAB_MIRROR: `http://127.0.0.1:${(mirror.address() as AddressInfo).port}`,
      DIGITLAB_CACHE: join(folder, 'both'),
    }
    const both = await Promise.all([1, 2].map(() => place.digitlab(['data', 'fetch', '--json'], { env })))
    for (const { code, err } of both) expect(code, err).toBe(0)
    expect(new Set(asked)).toContain('/mnist/train-images-idx3-ubyte.gz')
    expect((await readdir(join(folder, 'both', 'mnist'))).filter((name) => !name.endsWith('ubyte.gz'))).toEqual([])
    expect((await here(['data', 'verify'], env)).code).toBe(0)
  } finally {
    await new Promise((resolve) => mirror.close(resolve))
  }
})
