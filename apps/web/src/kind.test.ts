// The built page: small, in one set of colours, and fit for whoever uses it.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import {
  completeExperiment,
  experimentId,
  experimentParts,
  optimizerTypes,
  scheduleTypes,
  withRecipe,
  type ExperimentInput,
} from '@digitlab/train'
import type { ModelDefinition } from '@digitlab/models'
import type { run } from 'axe-core'
import type { Browser, Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { palettes, seriesColours } from '../../../packages/report/src/theme'
import { chromiumMissing } from '../../../tooling/chromium/chromium.ts'
import { sharedChromium } from '../../../tooling/chromium/shared.ts'
import type { Site } from '../../../tooling/chromium/site.ts'
import {
  builtFiles,
  choose,
  draw,
  giveData,
  lend,
  looked,
  openPage,
  prepared,
  probed,
  servePage,
  smallData,
  train,
  trainButton,
} from './testing/built-page'

const themes = ['light', 'dark'] as const
type Theme = (typeof themes)[number]

/** Bytes of JavaScript, compressed, that a page may take before a backend is chosen. */
const most = 400_000

test('the colours are those of the figures', () => {
  const css = readFileSync(fileURLToPath(new URL('colours.css', import.meta.url)), 'utf8')
  const blocks = [...css.matchAll(/:root[^{}]*\{([^{}]*--paper[^{}]*)\}/g)].map(([, block = '']) =>
    Object.fromEntries([...block.matchAll(/--([\w-]+):\s*(#\w+)/g)].map(([, name = '', colour]) => [name, colour])),
  )
  const series = (theme: 'light' | 'dark') =>
    Object.fromEntries(seriesColours(theme).map((colour, n) => [`series-${n}`, colour]))
  expect(blocks).toHaveLength(3)
  expect(blocks[0]).toMatchObject({ ...palettes.light, ...series('light') })
  for (const dark of blocks.slice(1)) expect(dark).toMatchObject({ ...palettes.dark, ...series('dark') })
})

describe.skipIf(chromiumMissing !== undefined)('the page', { timeout: 240_000 }, () => {
  let browser: Browser
  let site: Site
  beforeAll(async () => {
    ;[browser, site] = await Promise.all([sharedChromium({ gpu: false }), servePage()])
  })
  afterAll(async () => {
    await browser?.close()
    await site?.close()
  })

  const lent = lend(() => openPage(browser, site.url))

  test('takes less than 400 kB of JavaScript before a backend is chosen, and asks nobody else for anything', () =>
    lent(async ({ page, asked }) => {
      const files = builtFiles()
      await page.getByText('JavaScript, one thread').waitFor()
      await page.waitForLoadState('networkidle')
      const total = asked
        .map((address) => new URL(address).pathname.slice(1))
        .filter((path) => path.endsWith('.js'))
        .reduce((sum, path) => sum + gzipSync(files.get(path) ?? '').length, 0)
      expect(total).toBeGreaterThan(50_000)
      expect(total).toBeLessThan(most)
    }))

  test.each([320, 2560])('nothing stands out of a page of %i pixels', (width) =>
    lent(async ({ page }) => {
      await probed(page)
      await page.setViewportSize({ width, height: 900 })
      expect(await page.evaluate(() => [innerWidth, document.documentElement.scrollWidth <= innerWidth])).toEqual([
        width,
        true,
      ])
    }),
  )

  test('is where it will be as soon as a field has the focus: a click that follows hits what it meant', () =>
    lent(async ({ page }) => {
      await page.setViewportSize({ width: 1280, height: 500 })
      await probed(page)
      const field = page.getByRole('spinbutton', { name: 'Epochs' })
      const top = () => field.evaluate((field) => field.getBoundingClientRect().top)
      expect(await top()).toBeGreaterThan(500)
      const at = await field.evaluate((field) => {
        field.focus()
        return field.getBoundingClientRect().top
      })
      expect(at).toBeLessThan(500)
      await page.waitForTimeout(300)
      expect(await top()).toBe(at)
    }))

  test('the buttons of a training stay where they are while its curves and figures come', () =>
    lent(async ({ page }) => {
      await page.setViewportSize({ width: 1280, height: 700 })
      await giveData(page, (await smallData(128, 32)).files)
      await probed(page)
      await choose(page, { model: 'linear', epochs: 1 })
      await page.evaluate(() => scrollTo(0, 400))
      const place = () =>
        page.evaluate(() => [scrollY, document.querySelector('#train h2')?.getBoundingClientRect().top])
      const before = await place()
      expect(before[0]).toBe(400)
      await trainButton(page).click()
      await page.locator('[data-phase=idle]', { hasText: 'done' }).waitFor()
      await prepared(page)
      await page.locator('#look figure').first().waitFor()
      await page.locator('#train figure svg').nth(1).waitFor()
      expect(await place()).toEqual(before)
      // Its lower edge comes into sight where the page is scrolled on.
      const lower = () => page.locator('#train').evaluate((panel) => panel.getBoundingClientRect().bottom)
      expect(await lower()).toBeGreaterThan(700)
      await page.mouse.wheel(0, 500)
      await expect.poll(lower).toBeLessThan(700)
      // Below, far out of sight, nothing has been drawn; it is where the page is to be printed.
      const figures = await page.locator('#look figure').count()
      expect(await page.locator('#look .waiting').count()).toBe(figures)
      await page.evaluate(() => dispatchEvent(new Event('beforeprint')))
      await expect.poll(() => page.locator('#look .drawing').count()).toBe(figures)
    }))

  test('the colours follow the switch, which is kept', () =>
    lent(async ({ page }) => {
      await page.emulateMedia({ colorScheme: 'light' })
      const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
      expect(await paper()).toBe('rgb(255, 255, 255)')
      await page.locator('input[name=theme][value=dark]').check()
      expect(await paper()).toBe('rgb(20, 23, 28)')
      await page.reload()
      await expect.poll(paper).toBe('rgb(20, 23, 28)')
    }))

  /** What axe finds that keeps anybody out; of colours alone where all else has been looked at. */
  const axeFinds = async (page: Page, ofColours = false): Promise<string[]> => {
    const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
    await page.evaluate(`globalThis.axe ?? (() => { ${source} })()`)
    return page.evaluate(async (ofColours) => {
      const { axe } = globalThis as unknown as { axe: { run: typeof run } }
      const rules = ofColours ? { runOnly: { type: 'tag' as const, values: ['cat.color'] } } : {}
      const { violations } = await axe.run(document, { resultTypes: ['violations'], ...rules })
      return violations.flatMap(({ id, impact, nodes }) =>
        impact === 'serious' || impact === 'critical'
          ? nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`)
          : [],
      )
    }, ofColours)
  }

  /** The same page in both: what differs is its colours. */
  const inEachTheme = async (page: Page, found: Partial<Record<Theme, string[]>>) => {
    for (const colorScheme of themes) {
      await page.emulateMedia({ colorScheme })
      found[colorScheme] = [...(found[colorScheme] ?? []), ...(await axeFinds(page, colorScheme === 'dark'))]
    }
  }
  let seen: Promise<Partial<Record<Theme, string[]>>> | undefined
  const emptyAndFull = async () => {
    const found: Partial<Record<Theme, string[]>> = {}
    const { files } = await smallData(320, 100)
    const { page } = await openPage(browser, site.url, { reducedMotion: 'reduce' })
    await probed(page)
    await inEachTheme(page, found)
    await giveData(page, files)
    await choose(page, { model: 'linear', epochs: 1 })
    await draw(page, [
      [0.5, 0.2],
      [0.5, 0.8],
    ])
    await train(page)
    await looked(page)
    await page.locator('[data-cell="0,0"]').click()
    await choose(page, { learningRate: -1 })
    await page.locator('input[name=model][value=own]').check()
    await page.setViewportSize({ width: 360, height: 740 })
    await looked(page)
    await inEachTheme(page, found)
    const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
    expect(content).toBeLessThanOrEqual(width ?? 0)
    await page.context().close()
    return found
  }
  test.each(themes)('axe finds nothing serious in the %s, empty and full, wide and narrow', async (theme) => {
    expect((await (seen ??= emptyAndFull()))[theme]).toEqual([])
  })

  const form = lend(() => openPage(browser, site.url))

  test("a model's recipe is filled in where it is chosen, and can be left out", () =>
    form(async ({ page }) => {
      const idOf = (input: ExperimentInput) => experimentId(completeExperiment(input))
      const shows = async (input: ExperimentInput) =>
        page.locator(`[data-experiment-id="${await idOf(input)}"]`).waitFor()
      const recipe = page.getByRole('checkbox', { name: /^Its recipe/ })
      await choose(page, { model: 'linear', epochs: 2 })
      expect(await recipe.count()).toBe(0)
      await choose(page, { model: 'champion' })
      await shows(withRecipe({ model: 'champion' }))
      await choose(page, { epochs: 1 })
      await shows(withRecipe({ model: 'champion', epochs: 1 }))
      expect(await recipe.isChecked()).toBe(false)
      await recipe.check()
      await shows(withRecipe({ model: 'champion' }))
      await page.reload()
      await shows(withRecipe({ model: 'champion' }))
      await choose(page, { model: 'linear', epochs: 2 })
      await choose(page, { model: 'champion' })
      await recipe.uncheck()
      await shows({ model: 'champion', epochs: 2 })
      await choose(page, { model: 'cnn' })
      await shows({ model: 'cnn', epochs: 2 })
    }))

  test('the form offers what the tables have, and its experiment is the one that the command has', () =>
    form(async ({ page }) => {
      const select = (label: string, value: string) => page.getByRole('combobox', { name: label }).selectOption(value)
      const words = (key: string) => key.replace(/[A-Z]/g, ' $&').toLowerCase()
      /** Waits until every key has its label in there. */
      const labelled = (within: Locator, keys: readonly string[]) =>
        expect
          .poll(async () => {
            const labels = await within.locator('.label').allInnerTexts()
            return labels.map((text) => text.trim().toLowerCase())
          })
          .toEqual(expect.arrayContaining(keys.map(words)))
      await choose(page, { model: 'cnn', epochs: completeExperiment({ model: 'cnn' }).epochs })
      for (const [label, types] of [
        ['Optimizer', optimizerTypes],
        ['Schedule', scheduleTypes],
      ] as const)
        for (const { name, options } of types) {
          await select(label, name)
          await labelled(page.getByRole('group', { name: label, exact: true }), Object.keys(options))
        }
      await select('Optimizer', 'sgd')
      await select('Schedule', 'step')
      await page.getByText('Step size is empty: type a number.').waitFor()
      await page.getByRole('spinbutton', { name: 'Step size' }).fill('2')
      await page.getByRole('spinbutton', { name: 'Momentum' }).fill('0.9')
      await page.getByText('During training').click()
      await labelled(page.locator('details'), ['accumulate', 'labelSmoothing', 'clipGradNorm', 'keep'])
      for (const [part, options] of Object.entries(experimentParts)) {
        await page.getByRole('checkbox', { name: words(part) }).check()
        await labelled(page.getByRole('group', { name: new RegExp(`^${words(part)}$`, 'i') }), Object.keys(options))
      }
      const experiment = completeExperiment({
        model: 'cnn',
        optimizer: { name: 'sgd', momentum: 0.9 },
        schedule: { name: 'step', stepSize: 2 },
        ...{ validation: 0.1, earlyStopping: {}, averageWeights: {}, normalize: { mean: 0.1307, std: 0.3081 } },
      })
      await page.locator(`[data-experiment-id="${await experimentId(experiment)}"]`).waitFor()
      expect(new URL(page.url()).search).toContain('momentum=0.9&schedule=step&schedule.stepSize=2')
      await select('Then', 'cosine')
      const first = page.getByRole('group', { name: 'Schedule', exact: true })
      await first.getByRole('spinbutton', { name: 'For', exact: true }).fill('2')
      const schedule = [{ name: 'step', stepSize: 2, for: 2 }, { name: 'cosine' }] as const
      const listed = completeExperiment({ ...experiment, schedule })
      await page.locator(`[data-experiment-id="${await experimentId(listed)}"]`).waitFor()
      await page.getByRole('group', { name: 'Then (3)', exact: true }).waitFor()
      await page.getByRole('combobox', { name: 'Then' }).first().selectOption('')
      await page.locator(`[data-experiment-id="${await experimentId(experiment)}"]`).waitFor()
      // A model of one's own, as JSON: what is wrong is told beside its line, and leads there.
      await page.locator('input[name=model][value=own]').check()
      const text = page.getByRole('textbox', { name: /^Model as JSON/ })
      const begun = await text.inputValue()
      await text.fill(begun.replace('"out": 32', '"out": 0'))
      await page.locator('.own .problem', { hasText: /Line 8: layers\[3\]\.out/ }).waitFor()
      expect(await page.locator('.gutter .here').innerText()).toBe('8')
      await page.locator('[data-problem]').waitFor()
      await page.getByRole('button', { name: 'Line 8' }).click()
      const before = await text.evaluate(({ value, selectionStart }: HTMLTextAreaElement) =>
        value.slice(0, selectionStart),
      )
      expect(before.split('\n')).toHaveLength(8)
      const own = begun.replace('"out": 32', '"out": 8')
      await text.fill(own)
      const model = JSON.parse(own) as ModelDefinition
      await page.locator(`[data-experiment-id="${await experimentId({ ...experiment, model })}"]`).waitFor()
      await page.getByRole('button', { name: 'Train my-cnn' }).waitFor()
      expect(new URL(page.url()).searchParams.get('model')).toBe(JSON.stringify(model))
      await page.reload()
      await page.locator(`[data-experiment-id="${await experimentId({ ...experiment, model })}"]`).waitFor()
    }))

  test('within another page it is Draw, or Train and Draw, without what surrounds them', async () => {
    const { page, complaints } = await openPage(browser, `${site.url}?seed=3&embed=draw`, {
      viewport: { width: 320, height: 700 },
    })
    const headings = () => page.getByRole('heading', { level: 2 }).allInnerTexts()
    await draw(page, [
      [0.5, 0.2],
      [0.5, 0.8],
    ])
    await page.locator('.said strong').waitFor()
    expect(await headings()).toEqual(['Draw'])
    expect(await page.locator('header, nav').count()).toBe(0)
    expect(await axeFinds(page)).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320)
    await page.goto(`${site.url}?model=linear&seed=3&embed`)
    await trainButton(page).waitFor()
    expect(await headings()).toEqual(['Train', 'Draw'])
    expect(await axeFinds(page)).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320)
    const whole = await page.getByRole('link', { name: 'Open in digitlab' }).getAttribute('href')
    expect(whole).toMatch(/\?model=linear&seed=3/)
    // What it showed there is not what whoever comes back to the page itself has set.
    await page.goto(site.url)
    await page.getByRole('button', { name: 'Train cnn' }).waitFor()
    expect(complaints).toEqual([])
    await page.context().close()
  })
})

if (chromiumMissing !== undefined)
  describe('the page', () => {
    beforeEach(({ skip }) => skip(chromiumMissing))
    test('in Chromium', () => {})
  })
