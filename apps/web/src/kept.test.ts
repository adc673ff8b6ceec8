// The built page in Chromium: what the browser keeps may be of another version, damaged, refused, full, or in use by another tab.
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chromiumMissing } from '../../../tooling/chromium/chromium.ts'
import { sharedChromium } from '../../../tooling/chromium/shared.ts'
import type { Site } from '../../../tooling/chromium/site.ts'
import {
  choose,
  giveData,
  lend,
  openPage,
  phase,
  probed,
  servePage,
  setSpeed,
  smallData,
  train,
  trainButton,
} from './testing/built-page'
import { keptKeys, put } from './testing/storage'

/** Runs a script in the lab before its own. */
const inLab = async (context: BrowserContext, script: string): Promise<void> => {
  await context.route(/assets\/lab-[^/]*\.js$/, async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, body: `${script}\n${await response.text()}` })
  })
}

describe.skipIf(chromiumMissing !== undefined)('what the browser keeps', { timeout: 240_000 }, () => {
  let browser: Browser
  let site: Site
  let files: Awaited<ReturnType<typeof smallData>>['files']
  beforeAll(async () => {
    ;[browser, site, { files }] = await Promise.all([sharedChromium({ gpu: false }), servePage(), smallData(128, 32)])
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
  })

  const lent = lend(() => openPage(browser, site.url))
  const quick = { model: 'linear', threads: '1', epochs: 1 } as const

  test('runs of another version and damaged ones are said, and can be discarded; the others are there', () =>
    lent(async ({ page }) => {
      await giveData(page, files)
      await choose(page, quick)
      const run = await train(page)
      await put(page, 'runs', 'nothing', null)
      await put(page, 'runs', 'no-files', { key: 'no-files', startedAt: 7 })
      await put(page, 'runs', 'newer', { files: { 'run.json': JSON.stringify({ ...run, version: 99 }) } })
      await put(page, 'checkpoints', 'other', { key: 'other', settings: { model: 'transformer' }, bytes: 'none' })
      await page.reload()
      const notices = page.locator('.notice', { hasText: 'A run that this browser keeps cannot be read' })
      await expect.poll(() => notices.count()).toBe(4)
      const said = (await notices.allInnerTexts()).join()
      expect(said).toContain('run.json has version 99, this digitlab reads version')
      expect(said).toContain('It holds no run.json')
      expect(said).toContain('It was kept by another version of digitlab, or is damaged')
      // The newest run is the one that is looked at, and that reads drawings.
      expect(await page.locator('#look .facts code').getAttribute('title')).toBe(run.id)
      expect(await page.locator('#draw select option:checked').innerText()).toContain('linear')
      for (let left = 4; left > 0; left--) {
        await notices.first().getByRole('button', { name: 'Discard' }).click()
        await expect.poll(() => notices.count()).toBe(left - 1)
      }
      await expect.poll(() => keptKeys(page, 'checkpoints')).toHaveLength(0)
      await expect.poll(() => keptKeys(page, 'runs')).toHaveLength(1)
      await page.getByRole('button', { name: 'Remove from this browser' }).click()
      await page.locator('#look', { hasText: 'Nothing has been trained yet' }).waitFor()
      await page.reload()
      await probed(page)
      await page.locator('#look', { hasText: 'Nothing has been trained yet' }).waitFor()
      expect(await notices.count()).toBe(0)
    }))

  test('a damaged checkpoint is refused where it was to go on', () =>
    lent(async ({ page }) => {
      await probed(page)
      const counts = { epoch: 1, step: 1, stepsTaken: 1, savedAt: 1 }
      const bytes = new Uint8Array(20)
      await put(page, 'checkpoints', 'cut', { key: 'cut', data: 'strokes', dataTitle: 'strokes', ...counts, bytes })
      await page.reload()
      await page.getByRole('button', { name: 'Go on' }).click()
      await page.locator('.messages .notice.wrong', { hasText: 'The checkpoint is damaged' }).waitFor()
      await phase(page, 'idle')
      await page.getByRole('button', { name: 'Discard' }).click()
      await page.locator('.notice', { hasText: 'is not done' }).waitFor({ state: 'hidden' })
    }))

  test('what comes while a button is pressed does not move it from under the pointer', () =>
    lent(async ({ page }) => {
      await giveData(page, files)
      await choose(page, quick)
      await page.evaluate(() => scrollTo(0, 0)) // further down a browser holds what is seen in its place
      const box = async () => (await trainButton(page).boundingBox()) ?? { x: NaN, y: NaN, width: NaN, height: NaN }
      const { x, y, width, height } = await box()
      await put(page, 'runs', 'nothing', null)
      await page.mouse.move(x + width / 2, y + height / 2)
      await page.mouse.down()
      await page.evaluate(() => new BroadcastChannel('digitlab-kept').postMessage('changed'))
      await page.waitForTimeout(500)
      expect((await box()).y).toBe(y)
      await page.mouse.up()
      await page.locator('[data-phase=idle]', { hasText: 'done' }).waitFor()
      await page.locator('.notice', { hasText: 'A run that this browser keeps cannot be read' }).waitFor()
    }))

  // The last that is lent the page: a lock that it takes there stays taken.
  test('two tabs do not go on with one run, and know of each other', () =>
    lent(async ({ page, context }) => {
      await giveData(page, files)
      await choose(page, { ...quick, model: 'cnn', epochs: 1000 })
      await setSpeed(page, 'slow') // longer than this test
      await trainButton(page).click()
      await phase(page, 'training')
      const other = await context.newPage()
      await other.goto(site.url)
      await probed(other)
      const notDone = (tab: Page) => tab.locator('.notice', { hasText: 'is not done: it stands at step' })
      expect(await notDone(other).count()).toBe(0) // it is being trained
      await page.bringToFront() // a tab behind another is not drawn
      await page.getByRole('button', { name: 'Stop' }).click()
      await notDone(other).waitFor()
      await notDone(page).waitFor()
      // The other tab goes on; here it is no longer offered.
      await other.bringToFront()
      await setSpeed(other, 'slow')
      await other.getByRole('button', { name: 'Go on' }).click()
      await phase(other, 'training')
      await notDone(page).waitFor({ state: 'hidden' })
      await other.close()
      await notDone(page).waitFor()
      // Somebody took it between what is shown and the click.
      await page.evaluate(
        (keys) => {
          for (const key of keys) void navigator.locks.request(`digitlab-run-${key}`, () => new Promise(() => {}))
        },
        await keptKeys(page, 'checkpoints'),
      )
      await page.getByRole('button', { name: 'Go on' }).click()
      await page.locator('.messages .notice.wrong', { hasText: 'is being trained in another tab' }).waitFor()
      await phase(page, 'idle')
    }))

  test.each([
    [
      'refuses storage',
      `Object.defineProperty(globalThis, 'indexedDB', { get() { throw new Error('denied') } })`,
      /denied/,
    ],
    [
      'has no room',
      `IDBObjectStore.prototype.put = () => { throw new DOMException('no room', 'QuotaExceededError') }`,
      /its storage is full, so remove runs under Look, or download it/,
    ],
  ])('a browser that %s trains, and says that the run is not kept', async (_, script, said) => {
    const { page, context, complaints } = await openPage(browser, 'about:blank')
    await context.addInitScript(() => {
      const refuse = () => {
        throw new DOMException('denied', 'SecurityError')
      }
      Object.defineProperty(globalThis, 'localStorage', { get: refuse })
    })
    await inLab(context, script)
    await page.goto(site.url)
    await probed(page)
    await giveData(page, files)
    await page.locator('.notice', { hasText: 'This browser cannot keep the files that were given' }).waitFor()
    await choose(page, quick)
    expect((await train(page)).status).toBe('completed')
    const notice = page.locator('.messages .notice', { hasText: 'This browser cannot keep the run' })
    await notice.waitFor()
    expect(await notice.innerText()).toMatch(said)
    expect(complaints.filter((complaint) => !complaint.includes(site.url))).toEqual([])
    await context.close()
  })

  test('a browser whose storage does not answer says what it computes on all the same', async () => {
    const { page, context } = await openPage(browser, 'about:blank')
    await inLab(context, 'IDBFactory.prototype.open = () => new EventTarget()')
    await page.goto(site.url)
    await page.getByText('JavaScript, one thread').waitFor()
    await context.close()
  })

  test('on plain http it says what is missing and does not offer to train', async () => {
    const { page, context, complaints } = await openPage(browser, 'about:blank')
    await page.goto(site.url.replace('127.0.0.1', 'plain.test'))
    await page.locator('.notice', { hasText: 'open it by https, or from' }).waitFor()
    await page.getByText('JavaScript, one thread').waitFor()
    expect(await trainButton(page).isDisabled()).toBe(true)
    await page.getByText('This page needs https, or localhost, to train.').waitFor()
    expect(complaints.filter((complaint) => complaint.startsWith('uncaught'))).toEqual([])
    await context.close()
  })
})

if (chromiumMissing !== undefined)
  describe('what the browser keeps', () => {
    beforeEach(({ skip }) => skip(chromiumMissing))
    test('in Chromium', () => {})
  })
