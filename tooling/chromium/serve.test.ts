// The page as `digitlab serve` gives it, in Chromium: isolated, under its policy, with the data of this machine.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chromiumMissing } from './chromium.ts'
import { sharedChromium } from './shared.ts'
import { mnistFolder } from '../vitest/golden.ts'
import { choose, giveData, lend, openPage, smallData, train } from '../../apps/web/src/testing/built-page.ts'

const bin = fileURLToPath(new URL('../../apps/cli/bin/digitlab.js', import.meta.url))
const mnist = mnistFolder()

describe('the page of digitlab serve', { timeout: 240_000 }, () => {
  let browser: Browser
  let server: ReturnType<typeof spawn>
  let url = ''
  beforeEach(({ skip }) => skip(chromiumMissing !== undefined, chromiumMissing))
  beforeAll(async () => {
    if (chromiumMissing !== undefined) return
    browser = await sharedChromium()
    const data = mnist === undefined ? [] : ['--data-dir', mnist]
    server = spawn(process.execPath, [bin, 'serve', '--port', '0', '--json', ...data], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let out = ''
    server.stdout?.on('data', (text: Buffer) => (out += text.toString()))
    while (!out.endsWith('}\n')) await Promise.race([once(server.stdout ?? server, 'data'), once(server, 'close')])
    url = (JSON.parse(out) as { url: string }).url
  })
  afterAll(async () => {
    await browser?.close()
    if (!server || server.exitCode !== null) return
    server.kill('SIGINT')
    await once(server, 'close')
  })

  const lent = lend(() => openPage(browser, url))

  test('trains MNIST of this machine in two threads, and asks nobody else for anything', async ({ skip }) => {
    if (mnist === undefined) return skip('MNIST is not at hand: set DIGITLAB_DATA')
    await lent(async ({ page }) => {
      await page.getByText('from the server of this page').waitFor()
      await choose(page, { model: 'linear', threads: '2', epochs: 1 })
      const run = await train(page)
      expect(run.dataset).toMatchObject({ name: 'mnist', trainCount: 60_000, origin: 'the server of this page' })
      expect(run.backend).toMatchObject({ id: 'wasm', threads: 2 })
      expect(run.metrics.accuracy).toBeGreaterThan(0.89)
    })
  })

  // webgpu is left to training.test.ts: it takes the software adapter a minute here, and nothing of the server's.
  test.each(process.env['DIGITLAB_ALL'] === '1' ? ['cpu', 'webgl'] : ['webgl'])('lets %s compute', (backend) =>
    lent(async ({ page, complaints }) => {
      await giveData(page, (await smallData(64, 16)).files)
      await choose(page, { model: 'linear', backend, epochs: 1 })
      const run = await train(page)
      expect(run.backend.id).toBe(backend)
      expect(run.history.stepLosses).toHaveLength(1)
      if (mnist === undefined) complaints.splice(0) // without it the page asks a mirror
    }),
  )
})
