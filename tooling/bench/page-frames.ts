// How smoothly the page moves while it trains: `npx tsx tooling/bench/page-frames.ts`. In Chromium without a window, drawn by the processor,
// which trains as well, at 1,280 x 900 pixels; the gaps between the frames that the page is given (requestAnimationFrame), first while nothing
// happens, then while each model trains with its curves and the activations of a drawing on show.
import { parseArgs } from 'node:util'
import { chromiumMissing, launchChromium } from '../chromium/chromium'
import { servedPage } from './served-page'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    models: { type: 'string', default: 'linear,two-layer,cnn' },
  },
})
if (chromiumMissing !== undefined) {
  console.error(chromiumMissing)
  process.exit(1)
}

type Browser = Awaited<ReturnType<typeof launchChromium>>
type Page = Awaited<ReturnType<Browser['newPage']>>

/** Milliseconds from each frame to the next, for so long. */
const gaps = (page: Page, milliseconds: number): Promise<number[]> =>
  page.evaluate(
    (end) =>
      new Promise<number[]>((resolve) => {
        const at: number[] = []
        const frame = (now: number): void => {
          at.push(now)
          if (now - (at[0] ?? now) < end) requestAnimationFrame(frame)
          else resolve(at.slice(1).map((each, i) => each - (at[i] ?? each)))
        }
        requestAnimationFrame(frame)
      }),
    milliseconds,
  )

const row = (what: string, found: readonly number[]): string => {
  const sorted = found.toSorted((a, b) => a - b)
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? NaN).toFixed(1)
  const perSecond = (1000 * found.length) / found.reduce((sum, gap) => sum + gap, 0)
  const late = found.filter((gap) => gap > 25).length
  return `| ${what} | ${perSecond.toFixed(1)} | ${at(0.5)} | ${at(0.99)} | ${at(1)} | ${late} of ${found.length} |`
}

const served = await servedPage()
const browser = await launchChromium({ gpu: false })
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  page.setDefaultTimeout(120_000)
  // tsx names functions by a call of its own, which a page lacks.
  await page.addInitScript('globalThis.__name = (made) => made')
  const milliseconds = 1000 * Number(values.seconds)
  console.log('| what | frames/s | median gap, ms | 99 of 100, ms | longest, ms | gaps above 25 ms |')
  console.log('| :-- | --: | --: | --: | --: | --: |')
  for (const model of values.models.split(',')) {
    await page.goto(`${served.url}?model=${model}&seed=0&epochs=1000&data=strokes`)
    const train = page.getByRole('button', { name: `Train ${model}`, exact: true })
    await train.waitFor()
    await page.waitForTimeout(2000)
    console.log(row(`nothing (${model} chosen)`, await gaps(page, milliseconds)))
    await train.click()
    await page.locator('[data-phase=training]').waitFor()
    await page.getByRole('button', { name: 'Test image' }).click()
    await page.locator('.said strong').waitFor()
    await page.waitForTimeout(1000)
    console.log(row(`${model} in training`, await gaps(page, milliseconds)))
    await page.getByRole('button', { name: 'Stop' }).click()
    await page.locator('[data-phase=idle]').waitFor()
  }
  console.log(`Chromium ${browser.version()}, ${values.seconds} s each`)
} finally {
  await browser.close()
  await served.close()
}
