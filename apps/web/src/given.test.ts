// The built page in Chromium: whatever file it is given, it answers where the file was given, and in words.
import { wasmBackend } from '@digitlab/backend-wasm'
import { completeExperiment, parseRun, readableJson, runExperiment, runFiles, type Run } from '@digitlab/train'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chromiumMissing } from '../../../tooling/chromium/chromium.ts'
import { sharedChromium } from '../../../tooling/chromium/shared.ts'
import type { Site } from '../../../tooling/chromium/site.ts'
import {
  draw,
  dropFiles,
  give,
  giveData,
  lend,
  looked,
  openPage,
  servePage,
  smallData,
  type GivenFile,
} from './testing/built-page'

const file = (name: string, content: string | Uint8Array): GivenFile => ({
  name,
  mimeType: 'application/octet-stream',
  buffer: Buffer.from(content),
})

/** What is asked for where MNIST is wanted. */
const mnist = /train-images/

/** The answer to what was dropped. */
const answer = (page: Page) => page.locator('.answer .notice')

describe.skipIf(chromiumMissing !== undefined)('what is given to the page', { timeout: 240_000 }, () => {
  let browser: Browser
  let site: Site
  let small: Awaited<ReturnType<typeof smallData>>
  let files: Record<string, string | Uint8Array>
  let run: Run
  beforeAll(async () => {
    ;[browser, site, small] = await Promise.all([sharedChromium({ gpu: false }), servePage(), smallData(128, 40)])
    const experiment = completeExperiment({ model: 'linear', dataset: 'strokes', epochs: 1 })
    const result = await runExperiment(experiment, { data: small.data, backend: wasmBackend() })
    files = runFiles(result, small.data.test.labels)
    run = parseRun(files['run.json'] as string)
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
  })

  const lent = lend(() => openPage(browser, site.url))

  /** The files of the run, with another run.json. */
  const changed = (change: object): GivenFile[] =>
    Object.entries({ ...files, 'run.json': readableJson({ ...run, ...change }) }).map(([name, content]) =>
      file(name, content),
    )

  const wrong: readonly (readonly [GivenFile[], string])[] = [
    [[file('net.pth', 'PK\x03\x04')], "net.pth holds weights alone, not a run: give a run's run.json"],
    [[file('net.onnx', '\x08\x08')], 'net.onnx holds weights alone, not a run'],
    [[file('model.json', '{}')], 'model.json is no run.json: this page opens a run'],
    [[file('notes.txt', 'hello')], 'Notes.txt is nothing that this page opens'],
    [
      [file('a.png', '\x89PNG'), file('b.png', '\x89PNG')].map((one) => ({
        ...one,
        buffer: Buffer.from([0x89, 0x50, 0x4e, 0x47]),
      })),
      'A.png, b.png are 2 pictures: give one at a time',
    ],
    [
      [{ ...file('cut.png', ''), buffer: Buffer.from([0x89, 0x50, 0x4e, 0x47]) }],
      'Cut.png is damaged, or a picture of a kind that this browser cannot show',
    ],
    [
      [file('run.json', '{}'), file('run (1).json', '{}')],
      'There are 2 runs (run.json, run (1).json): give the files of one of them',
    ],
    [[file('evil\u001b[31m\u202e.txt', 'x')], 'Evil [31m .txt is nothing that this page opens'],
  ]

  test('a picture is read, by the chooser too, and a drawing takes its place', () =>
    lent(async ({ page }) => {
      await draw(page, [
        [0.5, 0.12],
        [0.5, 0.88],
      ])
      const drawn = page.locator('.said strong')
      await drawn.waitFor()
      const picture = await page.locator('#draw .sheet canvas').screenshot()
      await page.getByRole('button', { name: 'Clear' }).click()
      await give(page, [{ name: 'one.png', mimeType: 'image/png', buffer: picture }])
      await page.locator('#data .notice', { hasText: 'The model reads one.png' }).waitFor()
      await drawn.waitFor()
      expect(await page.locator('#draw .hint').innerText()).toBe('one.png')
      await draw(page, [
        [0.3, 0.2],
        [0.7, 0.2],
      ])
      await page.locator('#draw .hint').waitFor({ state: 'hidden' })
    }))

  test('wrong files are answered by what they are, in sight', () =>
    lent(async ({ page }) => {
      await page.setViewportSize({ width: 1280, height: 500 })
      await page.locator('#look').scrollIntoViewIfNeeded()
      for (const [given, said] of wrong) {
        await dropFiles(page, given)
        await answer(page).filter({ hasText: said }).waitFor()
        const box = await answer(page).boundingBox()
        expect(box?.y ?? -1).toBeGreaterThanOrEqual(0)
        expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(500) // wherever the page was scrolled to
      }
      await page.setViewportSize({ width: 1280, height: 900 })
    }))

  test('a data set whose files were dropped takes the place of another that is being loaded', () =>
    lent(async ({ page, context, complaints }) => {
      let held: (() => void) | undefined
      await context.route(mnist, (route) => new Promise<void>((resolve) => (held = () => resolve(route.abort()))))
      await page.locator('#data select').first().selectOption('mnist')
      await expect.poll(() => held).toBeDefined()
      await dropFiles(page, small.files)
      await answer(page).filter({ hasText: 'The data set “files” is loaded' }).waitFor()
      held?.()
      await page.waitForTimeout(300)
      await page.locator('#data .head', { hasText: 'files, from files given to this page' }).waitFor()
      expect(await page.locator('#data progress').count()).toBe(0)
      expect(await page.locator('#data .notice.wrong').count()).toBe(0)
      await context.unroute(mnist)
      complaints.splice(0) // of the request that was refused
    }))

  test('tables of text are data sets; of one alone a part is set aside', () =>
    lent(async ({ page }) => {
      const rows = (count: number) =>
        Array.from({ length: count }, (_, i) => [i % 3, ...new Array<number>(16).fill(20 * (i % 3))].join(','))
      await dropFiles(page, [file('train.csv', rows(12).join('\n')), file('test.csv', rows(6).join('\n'))])
      await answer(page).filter({ hasText: 'The data set “files” is loaded' }).waitFor()
      await dropFiles(page, [file('digits.csv', rows(20).join('\n'))])
      await answer(page).filter({ hasText: 'The data set “digits#test=0.1” is loaded' }).waitFor()
      await page
        .getByText('There are no images to test on: a tenth of those to train on is set aside.')
        .first()
        .waitFor()
    }))

  test('a run of a data set that is not at hand leaves the Data panel as it was', () =>
    lent(async ({ page, context, complaints }) => {
      await context.route(mnist, (route) => route.abort())
      await giveData(page, small.files)
      const before = await page.locator('#data .head').innerText()
      await dropFiles(page, changed({ dataset: { ...run.dataset, name: 'mnist', title: 'MNIST' } }))
      await answer(page).filter({ hasText: 'The run is open: linear' }).waitFor()
      await page.locator('#look', { hasText: 'Not drawn here: its images are not at hand' }).waitFor()
      expect(await page.locator('#data .head').innerText()).toBe(before)
      expect(await page.locator('#data progress').count()).toBe(0)
      await context.unroute(mnist)
      complaints.splice(0) // of the request that was refused
    }))

  test('a hostile run shows its words as words', () =>
    lent(async ({ page }) => {
      const evil = `<img src=x onerror="document.title='gone'">\u001b]0;gone\u0007\u202e`
      const long = evil + 'x'.repeat(20_000)
      const { classNames } = run.dataset
      const given = changed({
        model: { ...run.model, name: long },
        dataset: {
          ...run.dataset,
          name: '../../../../etc',
          title: long,
          notice: long,
          classNames: classNames.map(() => evil),
        },
        backend: { ...run.backend, device: long },
      })
      await giveData(page, small.files)
      await dropFiles(page, given)
      await answer(page).filter({ hasText: 'The run is open: <img' }).waitFor()
      await looked(page)
      const text = await page.locator('#look').innerText()
      expect(text).toContain('<img src=x')
      // eslint-disable-next-line no-control-regex -- they are what is looked for
      expect(text).not.toMatch(/[\u0000-\u0008\u000e-\u001f\u007f-\u009f\u202a-\u202e]/)
      expect(text).not.toContain('x'.repeat(400))
      await page.locator('[data-cell="0,0"]').click()
      await page.locator('.cell').waitFor()
      expect(await page.title()).toContain('digitlab')
      expect(await page.locator('#look img').count()).toBe(0)
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
    }))
})

if (chromiumMissing !== undefined)
  describe('what is given to the page', () => {
    beforeEach(({ skip }) => skip(chromiumMissing))
    test('in Chromium', () => {})
  })
