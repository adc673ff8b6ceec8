// The built page in Chromium: the same digits in every format train to the losses of their IDX files, given by the chooser or fetched
// from an address.
import { wasmBackend } from '@digitlab/backend-wasm'
import { strokes, type Dataset, type Split } from '@digitlab/data'
import { completeExperiment, runExperiment } from '@digitlab/train'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  byClass,
  digitFiles,
  imagesOf,
  pictureFolders,
  zipped,
  type Files,
} from '../../../packages/data/src/testing/digit-files.ts'
import { chromiumMissing } from '../../../tooling/chromium/chromium.ts'
import { sharedChromium } from '../../../tooling/chromium/shared.ts'
import type { Site } from '../../../tooling/chromium/site.ts'
import { choose, give, lend, openPage, servePage, train } from './testing/built-page'

/** Each takes a training and its figures: some by default, as packages/data holds all of them to the same bytes. */
const everything = process.env['DIGITLAB_ALL'] === '1'
const sample = ['npz', 'Parquet', 'webp', 'jpg']
const isTried = (format: string) => everything || sample.includes(format)

describe.skipIf(chromiumMissing !== undefined)('formats in the page', { timeout: 240_000 }, () => {
  let [browser, site, other, digits]: [Browser?, Site?, Site?, Dataset?] = []
  let [losses, lossesByClass]: (readonly number[])[] = []
  const asked: string[] = []

  const lossesOf = async (data: Dataset) => {
    const experiment = completeExperiment({ model: 'linear', epochs: 1, batchSize: 16, dataset: data.name })
    return (await runExperiment(experiment, { data, backend: wasmBackend() })).run.history.stepLosses
  }
  beforeAll(async () => {
    digits = await strokes({ trainCount: 90, testCount: 30 })
    const npz = digitFiles(digits)['npz']?.[0]?.[1] ?? new Uint8Array(0)
    ;[browser, site, other] = await Promise.all([
      sharedChromium({ gpu: false }),
      servePage(),
      // Another origin: one file that pages may read, one that they may not.
      servePage({
        other: ({ url = '' }, response) => {
          asked.push(url)
          const open = url.startsWith('/open/')
          response.writeHead(200, {
            'cross-origin-resource-policy': 'cross-origin',
            ...(open ? { 'access-control-allow-origin': '*' } : {}),
          })
          response.end(npz)
        },
      }),
    ])
    losses = await lossesOf(digits)
    lossesByClass = await lossesOf({ ...digits, train: byClass(digits.train), test: byClass(digits.test) })
  })
  afterAll(async () => {
    await browser?.close()
    await Promise.all([site?.close(), other?.close()])
  })

  const lent = lend(() => {
    if (!browser || !site) throw new Error('nothing was started')
    return openPage(browser, site.url)
  })

  const given = async (page: Page, files: Files) => {
    await give(
      page,
      files.map(([name, content]) => ({
        name,
        mimeType: 'application/octet-stream',
        buffer: Buffer.from(content),
      })),
    )
    await page.getByText(', from files given to this page').waitFor()
    await page.locator('#data .notice', { hasText: 'is loaded' }).waitFor()
  }

  /** A picture as the browser writes it: WebP of quality 1 loses nothing. */
  const written = async (page: Page, split: Split, type: string): Promise<Uint8Array[]> => {
    const encoded = await page.evaluate(
      async ([images, type]) => {
        // All at once: Chromium encodes when it has nothing else to do, and may wait half a second for that.
        return Promise.all(
          images.map(async (image) => {
            const canvas = new OffscreenCanvas(28, 28)
            const pixels = Uint8ClampedArray.from(image.flatMap((g) => [g, g, g, 255]))
            canvas.getContext('2d')?.putImageData(new ImageData(pixels, 28, 28), 0, 0)
            const bytes = new Uint8Array(await (await canvas.convertToBlob({ type, quality: 1 })).arrayBuffer())
            return btoa(String.fromCharCode(...bytes))
          }),
        )
      },
      [imagesOf(split).map((image) => Array.from(image)), type] as const,
    )
    return encoded.map((text) => new Uint8Array(Buffer.from(text, 'base64')))
  }

  test('train to the losses of IDX', () =>
    lent(async ({ page }) => {
      if (!digits) throw new Error('nothing was started')
      await choose(page, { model: 'linear', threads: '1', epochs: 1, batchSize: 16 })
      for (const [format, files] of Object.entries(digitFiles(digits))) {
        if (!isTried(format)) continue
        await given(page, files)
        expect((await train(page)).history.stepLosses, format).toEqual(losses)
      }
      for (const [ending, type] of [
        ['png', undefined],
        ['webp', 'image/webp'],
        ['jpg', 'image/jpeg'],
      ] as const) {
        if (!isTried(ending)) continue
        const all = type && [...(await written(page, digits.train, type)), ...(await written(page, digits.test, type))]
        let next = 0
        const write = all && (() => all[next++] ?? new Uint8Array(0))
        const pictures = await pictureFolders(digits, ending, write)
        await given(page, [['pictures.zip', zipped(pictures)]])
        const found = (await train(page)).history.stepLosses
        if (ending !== 'jpg') expect(found, ending).toEqual(lossesByClass)
        // JPEG loses a little.
        else found.forEach((loss, i) => expect(loss).toBeCloseTo(lossesByClass?.[i] ?? NaN, 1))
      }
    }))

  test('are fetched from an address whose server lets pages read it, else that is said', () =>
    lent(async ({ page, complaints }) => {
      if (!other) throw new Error('nothing was started')
      await choose(page, { model: 'linear', threads: '1', epochs: 1, batchSize: 16 })
      const address = page.getByLabel('Or the address of a file')
      const fetchIt = async (text: string) => {
        await address.fill(text)
        await page.getByRole('button', { name: 'Fetch', exact: true }).click()
      }
      await fetchIt(`${other.url}closed/digits.npz`)
      await page
        .locator('#data .notice', { hasText: 'its server lets no page of another origin read it (CORS)' })
        .waitFor()
      await fetchIt('ftp://example.org/digits.npz')
      await page.locator('#data .notice', { hasText: 'expected an address such as https' }).waitFor()
      await fetchIt(`${other.url}open/digits.npz#sha256=${'0'.repeat(64)}`)
      await page.locator('#data .notice', { hasText: 'xpected the SHA-256 000' }).waitFor()
      await fetchIt(`${other.url}open/digits.npz#classes=0,1,2,3,4,5,6,7,8,9`)
      await page.locator('#data .notice', { hasText: 'is loaded' }).waitFor()
      expect((await train(page)).history.stepLosses).toEqual(losses)
      await page.reload()
      expect(asked.filter((url) => url.startsWith('/open/'))).toHaveLength(2)
      complaints.splice(0) // of the other origin, and of what it does not let pages read
    }))
})
