// The built page in Chromium, for tests: served from loopback, with small data sets to give it.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { strokes, type Dataset } from '@digitlab/data'
import { writeIdx } from '@digitlab/idx'
import { parseRun, type Run } from '@digitlab/train'
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { expect } from 'vitest'
import { serve, type Files, type Site, type SiteOptions } from '../../../../tooling/chromium/site.ts'

const dist = fileURLToPath(new URL('../../dist', import.meta.url))

/** The files that "npm run build" made. */
export const builtFiles = (): Files => {
  if (!existsSync(join(dist, 'index.html'))) throw new Error('the page is not built: run "npm run build"')
  const paths = readdirSync(dist, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(
    paths.map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return [relative(dist, path).replaceAll('\\', '/'), readFileSync(path)]
    }),
  )
}

export const servePage = (options: SiteOptions = {}): Promise<Site> => serve(builtFiles(), options)

export interface Opened {
  readonly page: Page
  readonly context: BrowserContext
  /** What the page complained of: uncaught errors, refused requests, requests to anybody else. */
  readonly complaints: string[]
  /** The addresses that it asked for. */
  readonly asked: readonly string[]
}

/** Opens the page in a browser of its own, with nothing kept. */
export const openPage = async (browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Opened> => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })
  context.setDefaultTimeout(100_000) // of a machine that does other things beside
  const page = await context.newPage()
  const complaints: string[] = []
  const asked: string[] = []
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('request', (request) => {
    const address = request.url()
    asked.push(address)
    if (!/^(blob|data):/.test(address) && !address.startsWith(new URL(url).origin)) complaints.push(`asked ${address}`)
  })
  await page.goto(url)
  return { page, context, complaints, asked }
}

/**
 * Lends tests of a file one page, one after the other: to load it takes longer than most of them. Each leaves it so that the next can go on,
 * and may expect nothing of those before it; where one fails, the next gets another page. What the page complains of fails the test.
 */
export const lend = (open: () => Promise<Opened>): ((use: (opened: Opened) => Promise<void>) => Promise<void>) => {
  let lent: Promise<Opened> | undefined
  return async (use) => {
    lent ??= open()
    try {
      const opened = await lent
      await use(opened)
      expect(opened.complaints).toEqual([])
    } catch (error) {
      const failed = lent
      lent = undefined
      await failed.then(({ context }) => context.close()).catch(() => {})
      throw error
    }
  }
}

/** A file as a page is given it. */
export interface GivenFile {
  readonly name: string
  readonly mimeType: string
  readonly buffer: Buffer
}

/** A data set of strokes, and the four IDX files that hold it. */
export const smallData = async (
  trainCount: number,
  testCount: number,
): Promise<{ data: Dataset; files: GivenFile[] }> => {
  const data = await strokes({ trainCount, testCount })
  const file = (name: string, content: Uint8Array): GivenFile => ({
    name,
    mimeType: 'application/octet-stream',
    buffer: Buffer.from(content),
  })
  const images = ({ images, count }: Dataset['train']) =>
    writeIdx({ type: 'uint8', shape: [count, 28, 28], data: images })
  const labels = ({ labels, count }: Dataset['train']) => writeIdx({ type: 'uint8', shape: [count], data: labels })
  return {
    data,
    files: [
      file('train-images-idx3-ubyte', images(data.train)),
      file('train-labels-idx1-ubyte', labels(data.train)),
      file('t10k-images-idx3-ubyte', images(data.test)),
      file('t10k-labels-idx1-ubyte', labels(data.test)),
    ],
  }
}

/** Gives the page files through its own chooser. */
export const give = (page: Page, files: GivenFile[]): Promise<void> =>
  page.locator('#data input[type=file]').setInputFiles(files)

/** Drops files onto the page. */
export const dropFiles = async (page: Page, given: readonly GivenFile[]): Promise<void> => {
  const dataTransfer = await page.evaluateHandle(
    (sent) => {
      const transfer = new DataTransfer()
      for (const { name, base64 } of sent)
        transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name))
      return transfer
    },
    given.map(({ name, buffer }) => ({ name, base64: buffer.toString('base64') })),
  )
  await page.dispatchEvent('h2 >> nth=0', 'dragenter', { dataTransfer })
  await page.locator('.drop', { hasText: 'the files of a data set' }).waitFor()
  await page.dispatchEvent('h2 >> nth=0', 'drop', { dataTransfer })
  await page.locator('.drop').waitFor({ state: 'hidden' })
}

/** Gives the page a small data set, and waits until it has it. */
export const giveData = async (page: Page, files: GivenFile[]): Promise<void> => {
  await give(page, files)
  await page.getByText('files, from files given to this page').waitFor()
}

export interface FormValues {
  readonly model?: string
  readonly backend?: string
  readonly threads?: string
  readonly epochs?: number
  readonly seed?: number
  readonly batchSize?: number
  readonly learningRate?: number
}

/** Fills in the form. */
export const choose = async (page: Page, values: FormValues): Promise<void> => {
  const { model, backend, threads, ...numbers } = values
  if (model !== undefined) await page.locator(`input[name=model][value="${model}"]`).check()
  if (backend !== undefined) await page.locator(`input[name=backend][value="${backend}"]`).check()
  if (threads !== undefined) await page.getByLabel('Threads').selectOption(threads)
  const labels = { epochs: 'Epochs', seed: 'Seed', batchSize: 'Batch size', learningRate: 'Learning rate' } as const
  for (const name of ['epochs', 'seed', 'batchSize', 'learningRate'] as const)
    if (numbers[name] !== undefined)
      await page.getByRole('spinbutton', { name: labels[name] }).fill(String(numbers[name]))
}

export const trainButton = (page: Page): Locator => page.getByRole('button', { name: /^Train (linear|two-layer|cnn)$/ })

export const phase = (page: Page, name: string): Promise<void> => page.locator(`[data-phase=${name}]`).waitFor()

/** Waits until every backend has said what it computes on, or why it does not: until then their answers move what is below them. */
export const probed = async (page: Page): Promise<void> => {
  await page.locator('input[name=backend]').last().waitFor()
  await page.waitForFunction(() =>
    [...document.querySelectorAll('.card small')].every(({ textContent }) => !textContent.includes('looking …')),
  )
}

/** How fast what is trained from now on goes: two steps a second, or as fast as it can. */
export const setSpeed = async (page: Page, how: 'slow' | 'fast'): Promise<void> => {
  const speed = page.getByRole('slider', { name: 'Speed' })
  await speed.fill(how === 'slow' ? '1' : '8')
  expect(await speed.getAttribute('aria-valuetext')).toBe(how === 'slow' ? '2 steps a second' : 'as fast as it can')
}

/** Waits until the figures of the run that is looked at can be drawn. */
export const prepared = (page: Page): Promise<void> =>
  page.locator('#look button:enabled', { hasText: 'report.html' }).waitFor()

/** Scrolls past the figures of a panel, until all of them are drawn, and so many at least. */
export const drawnIn = async (page: Page, panel: string, least: number): Promise<void> => {
  await page.waitForFunction(
    ([panel, least]) => {
      const waiting = document.querySelector(`${panel} .waiting`)
      waiting?.scrollIntoView({ behavior: 'instant' })
      return waiting === null && document.querySelectorAll(`${panel} .drawing`).length >= least
    },
    [panel, least] as const,
  )
}

/** Scrolls past the figures of the run that is looked at, until all of them are drawn. */
export const looked = async (page: Page): Promise<void> => {
  await prepared(page)
  await page.locator('#look figure').first().waitFor()
  await drawnIn(page, '#look', 1)
  await page.locator('#look [data-cell]').first().waitFor()
}

const downloaded = async (page: Page, press: () => Promise<void>): Promise<Buffer> => {
  const [download] = await Promise.all([page.waitForEvent('download'), press()])
  return buffer(await download.createReadStream())
}

/** The bytes that a button hands out. */
export const downloadBy = (page: Page, name: string | RegExp): Promise<Buffer> =>
  downloaded(page, () => page.getByRole('button', { name }).click())

/** The run that is looked at, by its own download, wherever the page is scrolled to: figures that come into sight are drawn. */
export const downloadedRun = async (page: Page): Promise<Run> => {
  const button = page.locator('#look button', { hasText: 'run.json' })
  return parseRun((await downloaded(page, () => button.dispatchEvent('click'))).toString('utf8'))
}

/** Trains what the form says to the end. */
export const train = async (page: Page): Promise<Run> => {
  await trainButton(page).click()
  await page.locator('[data-phase=idle]', { hasText: /done|stopped/ }).waitFor()
  await prepared(page)
  return downloadedRun(page)
}

/** Draws lines on the sheet with the mouse; places are shares of its sides. */
export const draw = async (page: Page, ...strokes: readonly (readonly [x: number, y: number][])[]): Promise<void> => {
  const sheet = page.locator('#draw .sheet canvas')
  await sheet.scrollIntoViewIfNeeded()
  const box = await sheet.boundingBox()
  expect(box).not.toBeNull()
  const { x: left = 0, y: top = 0, width = 0, height = 0 } = box ?? {}
  for (const [first, ...rest] of strokes) {
    if (!first) continue
    await page.mouse.move(left + first[0] * width, top + first[1] * height)
    await page.mouse.down()
    for (const [x, y] of rest) await page.mouse.move(left + x * width, top + y * height, { steps: 6 })
    await page.mouse.up()
  }
}
