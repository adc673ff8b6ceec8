// @digitlab/data/web in Chromium: a mirror of another origin, the Cache API, and files of a page.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { catalogue } from '@digitlab/data'
import { writeIdx } from '@digitlab/idx'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chromiumMissing } from './chromium.ts'
import { sharedChromium } from './shared.ts'
import type { DataPage } from './pages/data.ts'
import { bundle, serve, type Files, type Site } from './site.ts'

const images = (count: number) =>
  writeIdx({ type: 'uint8', shape: [count, 28, 28], data: new Uint8Array(count * 784).fill(9) })
const labels = (count: number) =>
  writeIdx({ type: 'int32', shape: [count, 8], data: Int32Array.from({ length: count * 8 }, (_, i) => (i / 8) % 10) })

const { trainImages, trainLabels, testImages, testLabels } = catalogue.qmnist.files
const files = new Map(
  [trainImages, trainLabels, testImages, testLabels].map(({ name }) => {
    const count = name.includes('train') ? 300 : 30
    return [name, gzipSync(name.includes('images') ? images(count) : labels(count))]
  }),
)

describe('data sets in Chromium', () => {
  let browser: Browser
  let pageFiles: Files
  const sites: Site[] = []
  let cut = false
  /** Lets pages of other origins read it, as the mirrors do. */
  const mirror = (request: IncomingMessage, response: ServerResponse) => {
    const file = files.get((request.url ?? '').slice(1))
    response.setHeader('access-control-allow-origin', '*')
    if (!file) return void response.writeHead(404).end()
    if (!cut) return void response.end(file)
    response.writeHead(200, { 'content-length': file.length })
    response.write(file.subarray(0, 30), () => setTimeout(() => response.destroy(), 50))
  }
  beforeEach(({ skip }) => skip(chromiumMissing !== undefined, chromiumMissing))
  beforeAll(async () => {
    if (chromiumMissing !== undefined) return
    ;[browser, pageFiles] = await Promise.all([
      sharedChromium({ gpu: false }),
      bundle(fileURLToPath(new URL('pages/data.ts', import.meta.url))),
    ])
    sites.push(await serve(pageFiles), await serve(new Map(), { isolated: false, other: mirror }))
  })
  afterAll(async () => {
    await browser?.close()
    await Promise.all(sites.map((site) => site.close()))
  })

  /** Loads QMNIST in a page whose fetch finds the mirrors here. */
  const load = (page: Page, name: 'qmnist' | 'auto' = 'qmnist') =>
    page.evaluate(
      async ([name, mirrorUrl]) => {
        const { loadDataset } = (globalThis as unknown as { digitlab: DataPage }).digitlab
        const notices: string[] = []
        let received = 0
        try {
          const data = await loadDataset(name, {
            fetch: (input, init) => fetch((input as string).replace(/^https:\/\/.*\//, mirrorUrl), init),
            onNotice: (sentence) => void notices.push(sentence),
            onProgress: (progress) => void (received = progress.received),
          })
          return { name: data.name, origin: data.origin, count: data.train.count, notices, received }
        } catch (error) {
          return { failed: (error as Error).message, notices, received }
        }
      },
      [name, sites[1]?.url ?? ''] as const,
    )

  test('are downloaded from another origin, kept, and there when offline', async () => {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(sites[0]?.url ?? '')
    cut = true
    expect((await load(page)).failed).toMatch(/^could not download qmnist-train-images-idx3-ubyte\.gz/)
    cut = false
    expect(await load(page)).toMatchObject({ origin: 'a download, now kept by this browser', count: 300, notices: [] })
    await page.reload()
    await context.setOffline(true)
    expect(await load(page)).toMatchObject({ origin: 'what this browser has kept', count: 300, received: 0 })
    const auto = await load(page, 'auto')
    expect(auto).toMatchObject({ name: 'strokes' })
    expect(auto.notices).toEqual([expect.stringContaining('could not download train-images-idx3-ubyte.gz')])
    await context.close()
  })

  test('come from files, and a wrong one is said', async () => {
    const page = await browser.newPage()
    await page.goto(sites[0]?.url ?? '')
    const given = [...files].map(([name, bytes]) => ({ name, bytes: bytes.toString('base64') }))
    const read = (given: readonly { name: string; bytes: string }[]) =>
      page.evaluate(async (given) => {
        const { datasetFromFileList } = (globalThis as unknown as { digitlab: DataPage }).digitlab
        const files = given.map(
          ({ name, bytes }) => new File([Uint8Array.from(atob(bytes), (character) => character.charCodeAt(0))], name),
        )
        return datasetFromFileList(files).then(
          ({ name, train }) => `${name} ${train.count}`,
          (error: Error) => error.message,
        )
      }, given)
    expect(await read(given)).toBe('files 300')
    const damaged = given.map((file, i) => (i === 0 ? { ...file, bytes: file.bytes.slice(0, 60) } : file))
    expect(await read(damaged)).toMatch(
      /^expected 235216 bytes for \[300, 28, 28\] uint8, the file has 45 of gzip, which hold less .*qmnist-train-images-idx3-ubyte\.gz/,
    )
    await page.close()
  })
})
