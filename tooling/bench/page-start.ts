// How soon the page takes its first step once its data are there: in Chromium, the page as "digitlab serve" gives it.
import { setTimeout as sleep } from 'node:timers/promises'
import { chromiumMissing, launchChromium } from '../chromium/chromium'
import { servedPage } from './served-page'
import type { StartUpFigures } from './start-up'

/** When the page and its worker told each other what, in milliseconds of the page. */
interface Heard {
  readonly type: string
  readonly at: number
}

/** Runs in the page before anything else: notes what goes to workers and comes from them. */
const listen = (): void => {
  const heard: Heard[] = []
  const note = (message: unknown) => {
    const { type } = Object(message) as { type?: unknown }
    if (typeof type === 'string') heard.push({ type, at: performance.now() })
  }
  const Own = Worker
  const Heard = class extends Own {
    constructor(...given: ConstructorParameters<typeof Worker>) {
      super(...given)
      this.addEventListener('message', ({ data }) => note(data))
    }
    override postMessage(message: unknown, ...more: never[]): void {
      note(message)
      super.postMessage(message, ...more)
    }
  }
  Object.assign(globalThis, { Worker: Heard, heard })
}

/** Opens the page again and again, and trains in it. @returns nothing where there is no Chromium */
export const measurePageStart = async (
  models: readonly string[],
  { data }: { readonly data: string },
  { rounds, say }: { readonly rounds: number; readonly say: (sentence: string) => void },
): Promise<StartUpFigures[]> => {
  if (chromiumMissing !== undefined) {
    say(`the page is left out: ${chromiumMissing}`)
    return []
  }
  const { url, close } = await servedPage(['--data-dir', data])
  const browser = await launchChromium()
  try {
    const found = models.map((model) => ({ model, seconds: [] as number[] }))
    for (let round = 0; round <= rounds; round++)
      for (const { model, seconds } of found) {
        const context = await browser.newContext()
        const page = await context.newPage()
        // tsx names functions by a call of its own, which a page lacks.
        await page.addInitScript(`globalThis.__name = (made) => made; (${String(listen)})()`)
        await page.goto(url)
        const waitFor = async (type: string): Promise<number> => {
          const first = `globalThis.heard.find((each) => each.type === ${JSON.stringify(type)})?.at`
          for (;;) {
            const at = await page.evaluate<number | undefined>(first)
            if (at !== undefined) return at
            await sleep(20) // the page's policy lets nothing wait in it that is written in words
          }
        }
        await waitFor('data')
        await page.locator(`input[name=model][value="${model}"]`).check()
        await page.getByRole('button', { name: `Train ${model}`, exact: true }).click()
        const from = await waitFor('train')
        const step = await waitFor('standing')
        if (round > 0) seconds.push((step - from) / 1000)
        await context.close()
      }
    say(`the page in Chromium ${browser.version()}: ${rounds} rounds`)
    const where = `the page in Chromium ${browser.version().split('.')[0] ?? ''}`
    return found.map(({ model, seconds }) => ({ what: `${where}: ${model}, first step shown`, seconds }))
  } finally {
    await browser.close()
    await close()
  }
}
