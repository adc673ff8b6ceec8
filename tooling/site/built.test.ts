// The site as "npm run site" builds it, page by page in Chromium. It takes minutes beside other tests, so only --all does it.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { execa } from 'execa'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumMissing } from '../chromium/chromium'
import { sharedChromium } from '../chromium/shared'
import { serve, type Files, type Site } from '../chromium/site'
import { root } from '../packages/published'
import { pages } from './pages'

const base = '/digitlab/docs/'

const filesOf = (folder: string): Files =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name)
        return [relative(folder, path).replaceAll('\\', '/'), readFileSync(path)] as const
      }),
  )

describe.skipIf(process.env['DIGITLAB_ALL'] !== '1' || chromiumMissing !== undefined)('the built site', () => {
  let folder: string
  let browser: Browser
  let site: Site
  let files: Files
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'digitlab-site-'))
    const script = join(root, 'tooling/site/site.ts')
    await execa('tsx', [script, '--base', base, '--out', folder], { preferLocal: true, localDir: root })
    files = filesOf(folder)
    site = await serve(files, { isolated: false, base })
    browser = await sharedChromium({ gpu: false })
  }, 600_000)
  afterAll(async () => {
    await browser?.close()
    await site?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('has every page, the API, and all that they link to', () => {
    const html = [...files.keys()].filter((file) => file.endsWith('.html'))
    for (const page of pages.values()) expect(html).toContain(page.replace(/\.md$/, '.html'))
    expect(html).toContain('api/index.html')
    const broken: string[] = []
    for (const page of pages.values()) {
      const text = new TextDecoder().decode(files.get(page.replace(/\.md$/, '.html')) as Uint8Array)
      for (const [, target = ''] of text.matchAll(/ (?:href|src)="([^"#?]+)/g)) {
        if (/^(https?|data|mailto):/.test(target)) continue
        const path = new URL(target, `${site.url}${page}`).pathname.slice(base.length) || 'index.html'
        if (!existsSync(join(folder, path)) && !existsSync(join(folder, `${path}index.html`)))
          broken.push(`${page}: ${target}`)
      }
    }
    expect(broken).toEqual([])
    const vocabulary = new TextDecoder().decode(files.get('vocabulary.html') as Uint8Array)
    expect(vocabulary).toContain('{&quot;name&quot;:&quot;oneCycle&quot;,&quot;maxLearningRate&quot;:0.15}')
  })

  /** The pages of the API that are about a module, and of each other kind the one with the longest name. */
  const ofApi = (): string[] => {
    const paths = [...files.keys()].filter((path) => /^api\/.*\.html$/.test(path))
    const longestFirst = paths.sort((a, b) => b.length - a.length)
    return longestFirst.filter((path, i) => {
      const kind = dirname(path)
      if (kind === 'api' || kind === 'api/modules') return true
      return longestFirst.findIndex((other) => dirname(other) === kind) === i
    })
  }

  test.each([390, 1280])('asks nobody else for anything and fits %i pixels', { timeout: 300_000 }, async (width) => {
    const page: Page = await browser.newPage({ viewport: { width, height: 900 } })
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('request', (request) => {
      const address = request.url()
      if (!/^(blob|data):/.test(address) && !address.startsWith(site.url)) complaints.push(address)
    })
    const ours = [...pages.values()].map((path) => path.replace(/\.md$/, '.html'))
    expect(ofApi().length).toBeGreaterThan(30)
    for (const path of [...ours, ...ofApi()]) {
      await page.goto(site.url + path)
      expect(await page.evaluate(() => document.documentElement.scrollWidth), path).toBeLessThanOrEqual(width)
    }
    expect(complaints).toEqual([])
    await page.close()
  })

  test('runs a cell of the walk, as it is and as somebody has changed it', async () => {
    const page = await browser.newPage()
    await page.goto(`${site.url}walk.html`)
    const cell = page.locator('.live-cell').first()
    await cell.getByRole('button', { name: 'Run' }).click()
    await cell.locator('.figure svg').waitFor()
    await cell.getByRole('button', { name: 'Edit' }).click()
    await cell.getByRole('textbox').fill('console.log(6 * 7); nothing()')
    await cell.getByRole('button', { name: 'Run' }).click()
    await cell.locator('.failure').waitFor()
    expect(await cell.locator('.output pre').allTextContents()).toEqual([
      '42',
      'ReferenceError: nothing is not defined',
    ])
    await cell.getByRole('button', { name: 'Reset' }).click()
    await cell.getByRole('textbox').waitFor({ state: 'detached' })
    await page.close()
  })
})
