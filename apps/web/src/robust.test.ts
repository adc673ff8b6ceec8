// The built page in Chromium: what goes wrong is said, and no run is lost.
import { wasmBackend } from '@digitlab/backend-wasm'
import { completeExperiment, runExperiment } from '@digitlab/train'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chromiumMissing } from '../../../tooling/chromium/chromium.ts'
import { sharedChromium } from '../../../tooling/chromium/shared.ts'
import type { Site } from '../../../tooling/chromium/site.ts'
import {
  choose,
  downloadedRun,
  dropFiles,
  give,
  giveData,
  lend,
  openPage,
  phase,
  prepared,
  probed,
  servePage,
  setSpeed,
  smallData,
  train,
  trainButton,
  type GivenFile,
} from './testing/built-page'
import { keptStep } from './testing/storage'

const [trainCount, testCount] = [640, 40]

/** What takes seconds is not asked for twenty times a second. */
const seldom = { interval: 400 }

/** Waits until the page offers to go on. */
const notDone = (page: Page): Promise<void> =>
  page.locator('.notice', { hasText: 'is not done: it stands at step' }).waitFor()

/** The worker that computes. */
const labOf = (page: Page) => {
  const lab = page.workers().find((worker) => /\/lab-/.test(worker.url()))
  if (!lab)
    throw new Error(
      `there is no lab among ${page
        .workers()
        .map((worker) => worker.url())
        .join(', ')}`,
    )
  return lab
}

/** The worker's scope, where its GPU devices can be taken away. */
interface Losable {
  lose: (() => void)[]
  readonly GPUAdapter: { prototype: { requestDevice: (...given: unknown[]) => Promise<{ destroy(): void }> } }
  readonly OffscreenCanvas: {
    prototype: {
      getContext: (...given: unknown[]) => { getExtension?: (name: string) => { loseContext(): void } | null } | null
    }
  }
}

describe.skipIf(chromiumMissing !== undefined)('a page that things happen to', { timeout: 240_000 }, () => {
  let browser: Browser
  let withGpu: Browser
  let site: Site
  let files: GivenFile[]
  let losses: readonly number[]
  let linearLosses: readonly number[]

  /** So slow that it can be interrupted four times, whatever else the machine does, and within an epoch. */
  const long = { model: 'cnn', threads: '1', epochs: 5, batchSize: 8 } as const
  const stepsPerEpoch = trainCount / long.batchSize

  beforeAll(async () => {
    const small = await smallData(trainCount, testCount)
    ;[browser, withGpu, site] = await Promise.all([sharedChromium({ gpu: false }), sharedChromium(), servePage()])
    files = small.files
    const lossesOf = async (model: string, epochs: number, batchSize = 64) => {
      const experiment = completeExperiment({ model, dataset: 'files', epochs, batchSize })
      return (await runExperiment(experiment, { data: { ...small.data, name: 'files' }, backend: wasmBackend() })).run
        .history.stepLosses
    }
    losses = await lossesOf(long.model, long.epochs, long.batchSize)
    linearLosses = await lossesOf('linear', 1)
  })
  afterAll(async () => {
    await Promise.all([browser?.close(), withGpu?.close(), site?.close()])
  })

  const lent = lend(() => openPage(browser, site.url))

  const goOn = async (page: Page) => {
    await setSpeed(page, 'fast')
    await page.getByRole('button', { name: 'Go on' }).click()
    await page.locator('[data-phase=idle]', { hasText: 'done' }).waitFor()
    await prepared(page)
    return downloadedRun(page)
  }

  test('a run that is paused, reloaded in the middle of an epoch, loses its worker and is stopped ends to the bit as if nothing had been', () =>
    lent(async ({ page }) => {
      await giveData(page, files)
      await choose(page, long)
      await setSpeed(page, 'slow')
      await trainButton(page).click()
      await phase(page, 'training')

      await page.getByRole('button', { name: 'Pause' }).click()
      await phase(page, 'paused')
      const steps = page.locator('[data-value=steps]')
      const paused = await steps.innerText()
      await setSpeed(page, 'fast') // once it goes on
      await page.waitForTimeout(300)
      expect(await steps.innerText()).toBe(paused)
      await setSpeed(page, 'slow')
      await page.getByRole('button', { name: 'Resume' }).click()

      // What was kept last lies within an epoch: no more than a few seconds are lost.
      await expect.poll(() => keptStep(page), seldom).toBeGreaterThan(0)
      const kept = await keptStep(page)
      expect(kept % stepsPerEpoch).toBeGreaterThan(0)
      await page.reload()
      await notDone(page)
      const at = (await page.locator('.notice', { hasText: 'is not done' }).innerText()).match(/at step ([\d,]+)/)?.[1]
      expect(Number(at?.replaceAll(',', ''))).toBeGreaterThanOrEqual(kept)
      await setSpeed(page, 'slow')
      await page.getByRole('button', { name: 'Go on' }).click()
      await phase(page, 'training')

      await labOf(page).evaluate(() => self.close())
      await page
        .locator('#train .notice', { hasText: 'The worker that computes was closed; a new one has been started.' })
        .waitFor()
      await notDone(page)
      await page.getByRole('button', { name: 'Go on' }).click()
      await phase(page, 'training')

      await page.getByRole('button', { name: 'Stop' }).click()
      await page.locator('[data-phase=idle]', { hasText: 'stopped' }).waitFor()
      await prepared(page)
      const stopped = await downloadedRun(page)
      expect(stopped.status).toBe('interrupted')
      expect(stopped.history.stepLosses.length).toBeGreaterThanOrEqual(kept)
      expect(stopped.history.stepLosses).toEqual(losses.slice(0, stopped.history.stepLosses.length))

      const whole = await goOn(page)
      expect(whole.status).toBe('completed')
      expect(whole.history.stepLosses).toEqual(losses)
    }))

  // By default WebGPU's loss is tooling/chromium's alone.
  test.each(process.env['DIGITLAB_ALL'] === '1' ? ['webgpu', 'webgl'] : ['webgl'])(
    'a GPU that is lost on %s ends the run with a sentence, and it goes on from what was kept',
    async (backend) => {
      const small = await smallData(256, 32)
      const { page } = await openPage(withGpu, site.url)
      await probed(page) // what is asked for from now on is used
      await labOf(page).evaluate(() => {
        const scope = globalThis as unknown as Losable
        scope.lose = []
        const askDevice = scope.GPUAdapter.prototype.requestDevice
        scope.GPUAdapter.prototype.requestDevice = async function (...given) {
          const device = await askDevice.apply(this, given)
          scope.lose.push(() => device.destroy())
          return device
        }
        const askContext = scope.OffscreenCanvas.prototype.getContext
        scope.OffscreenCanvas.prototype.getContext = function (...given) {
          const context = askContext.apply(this, given)
          const loser = context?.getExtension?.('WEBGL_lose_context')
          if (loser) scope.lose.push(() => loser.loseContext())
          return context
        }
      })
      await giveData(page, small.files)
      await choose(page, { model: 'linear', backend, epochs: 2, batchSize: 8 })
      await setSpeed(page, 'slow')
      await trainButton(page).click()
      await expect.poll(() => keptStep(page), seldom).toBeGreaterThan(0)
      await labOf(page).evaluate(() => {
        for (const lose of (globalThis as unknown as Losable).lose) lose()
      })
      const failure = page.locator('.notice.wrong')
      await failure.waitFor()
      expect(await failure.innerText()).toContain(`The device of the backend "${backend}" is lost`)
      const run = await goOn(page)
      expect(run.status).toBe('completed')
      expect(run.history.stepLosses).toHaveLength(64)
      expect(run.backend.id).toBe(backend)
      await page.context().close()
    },
  )

  test('broken files are refused with what is wrong, and what is loaded stays', () =>
    lent(async ({ page }) => {
      await giveData(page, files)
      const broken = files.map((file, n) => (n === 0 ? { ...file, buffer: file.buffer.subarray(0, 5000) } : file))
      await give(page, broken)
      const failure = page.locator('#data .notice.wrong')
      await failure.waitFor()
      expect(await failure.innerText()).toMatch(/train-images-idx3-ubyte/)
      await choose(page, { model: 'linear', threads: '1', epochs: 1, batchSize: 64 })
      expect((await train(page)).history.stepLosses).toEqual(linearLosses)

      await give(page, [{ name: 'run.json', mimeType: 'application/json', buffer: Buffer.from('{"format":') }])
      await page.locator('#data .notice').getByText('add weights.safetensors of the same folder').waitFor()
      await give(page, [
        { name: 'run.json', mimeType: 'application/json', buffer: Buffer.from('{"format":') },
        { name: 'weights.safetensors', mimeType: 'application/octet-stream', buffer: Buffer.from('none') },
      ])
      await page
        .locator('#data .notice')
        .getByText(/run\.json is not JSON/)
        .waitFor()
      await choose(page, { learningRate: -1 })
      const rate = page.getByRole('spinbutton', { name: 'Learning rate' })
      await page.getByText('Learning rate must be a number from 0, not -1.').waitFor()
      expect(await rate.getAttribute('aria-invalid')).toBe('true')
      expect(await page.locator(`#${await rate.getAttribute('aria-describedby')}`).innerText()).toContain('from 0')
      expect(await trainButton(page).isDisabled()).toBe(true)
      for (const label of ['Epochs', 'Seed', 'Batch size']) {
        const field = page.getByRole('spinbutton', { name: label })
        await field.fill('')
        await page.getByText(`${label} is empty: type a number.`).waitFor()
        await field.fill('1')
      }
      await choose(page, { learningRate: 1e9, epochs: 2, batchSize: 64, seed: 0 })
      await trainButton(page).click()
      await page
        .locator('#train .notice', {
          hasText: /The loss grew from 2\.\d+ to \d+ in epoch 1: .* try a learning rate of 0\.1/,
        })
        .waitFor()
      await page.locator('[data-phase=idle]', { hasText: 'done' }).waitFor()
      await choose(page, { learningRate: 1e38 })
      await trainButton(page).click()
      await page
        .locator('#train .notice', { hasText: /The loss became (NaN|Infinity) at step \d+ of epoch 1/ })
        .waitFor()
    }))

  test('files are dropped anywhere on the page', () =>
    lent(async ({ page }) => {
      await dropFiles(page, (await smallData(192, 64)).files)
      await page.locator('.answer .notice', { hasText: 'The data set “files” is loaded' }).waitFor()
      await page.locator('#data', { hasText: '192' }).waitFor()
      await dropFiles(page, [{ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('none') }])
      await page.locator('.answer .notice.wrong', { hasText: 'Notes.txt is nothing that this page opens' }).waitFor()
    }))

  test('offline it says so, goes on with what it has, and takes strokes where MNIST cannot be had', () =>
    lent(async ({ page, context, complaints }) => {
      await giveData(page, files)
      await choose(page, { model: 'linear', threads: '1', epochs: 1, learningRate: 0.1 })
      await train(page)
      await context.setOffline(true)
      await page.getByText('You are offline.').waitFor()
      await choose(page, { seed: 1 })
      expect((await train(page)).experiment.seed).toBe(1)
      await page.locator('#data select').first().selectOption('mnist')
      await page.locator('#data .notice.wrong', { hasText: /train-images-idx3-ubyte\.gz/ }).waitFor()
      await page.locator('#data select').first().selectOption('auto')
      await page.locator('#data .loud', { hasText: 'NOT MNIST' }).waitFor()
      await context.setOffline(false)
      complaints.splice(0) // of what could not be fetched
    }))
})

if (chromiumMissing !== undefined)
  describe('a page that things happen to', () => {
    beforeEach(({ skip }) => skip(chromiumMissing))
    test('in Chromium', () => {})
  })
