// Ctrl-C in places where nothing has been trained yet, or where the process does not come round to it.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeWorkplace, type Workplace } from './testing/command'

let place: Workplace
beforeAll(async () => {
  place = await makeWorkplace('interrupt', { trainCount: 500, testCount: 50 })
})
afterAll(() => place.remove())

/** Whether something of a file has come into a folder. */
const beginningIn = (folder: string): boolean =>
  existsSync(folder) &&
  readdirSync(folder).some((name) => (statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0) > 0)

test.each([
  [['train', '--model', 'linear', '--dataset', 'mnist', '--out', 'new']],
  [['compare', '--dataset', 'mnist', '--out', 'new']],
  [['parity', '--dataset', 'mnist']],
  [['data', 'fetch', 'mnist']],
])('during a download %j ends as an interrupt', async (args) => {
  const cache = join(place.folder, 'cache')
  await rm(cache, { recursive: true, force: true })
  // Sends the beginning of a file, and then nothing more.
  const mirror = createServer((_, response) => {
    response.writeHead(200, { 'content-length': '9912422' })
    response.write('the beginning')
  })
  await new Promise<void>((resolve) => mirror.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = mirror.address() as AddressInfo
    let looking: NodeJS.Timeout | undefined
    const { code, err } = await place.digitlab(args, {
      env: { DIGITLAB_MIRROR: `http://127.0.0.1:${port}` },
      onStart(child) {
        looking = setInterval(() => {
          if (beginningIn(join(cache, 'mnist')) && child.kill('SIGINT')) clearInterval(looking)
        }, 20)
      },
    })
    clearInterval(looking)
    expect(err).toContain('stopping')
    expect(err).not.toMatch(/bug|^ {4}at /m)
    expect(code).toBe(130)
    expect(existsSync(join(place.folder, 'new'))).toBe(false)
    expect((await readdir(join(cache, 'mnist'))).join()).toBe('train-images-idx3-ubyte.gz.part')
  } finally {
    mirror.closeAllConnections()
    await new Promise((resolve) => mirror.close(resolve))
  }
})

test.each(['SIGINT', 'SIGTERM'] as const)(
  'the second %s ends a process that does not come round to it',
  async (signal) => {
    // Blocks the thread for good just after the first one was answered, as a loop without end would.
    const block = join(place.folder, 'block.mjs')
    await writeFile(
      block,
      `const write = process.stderr.write
    process.stderr.write = function (text, ...more) {
      if (String(text).startsWith('stopping')) setTimeout(() => { write.call(this, 'blocked\\n'); for (;;); }, 1)
      return write.call(this, text, ...more)
    }`,
    )
    let [first, second] = [false, false]
    const args = [
      'train',
      '--model',
      'cnn',
      '--dataset',
      'digits',
      '--epochs',
      '1000',
      '--workers',
      '1',
      '--out',
      signal,
    ]
    const ended = await place.digitlab(args, {
      env: { NODE_OPTIONS: `--import ${pathToFileURL(block).href}` },
      onErr: (err, child) => {
        if (!first && err.includes('epoch 1/')) first = child.kill(signal)
        if (!second && err.includes('blocked')) second = child.kill(signal)
      },
    })
    expect(ended.signal, ended.err).toBe(signal)
    expect(second).toBe(true)
  },
)
