// The walk, as its page runs it in Chromium: every figure of a run is the one that the command has for the same experiment.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EpochRecord } from '@digitlab/train'
import { parseRun } from '@digitlab/train'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeWorkplace, type Workplace } from '../../apps/cli/src/testing/command'
import { chromiumMissing } from '../chromium/chromium'
import { sharedChromium } from '../chromium/shared'
import { bundle, serve } from '../chromium/site'
import { root } from '../packages/published'
import type { CellOutput } from './protocol'
import type { WalkPage } from './walk-page'

const all = process.env['DIGITLAB_ALL'] === '1'

const walk = readFileSync(join(root, 'docs/walk.md'), 'utf8')
const cells = [...walk.matchAll(/^```js live\n([\s\S]*?)^```$/gm)].map(([, code = '']) => code)
/** By default the first model's training; all of them take minutes beside other tests. */
const tried = all ? cells : cells.slice(0, 1 + cells.findIndex((code) => code.includes("train('linear')")))
const results = all ? { linear: 'linear', twoLayer: 'two-layer', cnn: 'cnn' } : { linear: 'linear' }

const open = async () => {
  const browser = await sharedChromium({ gpu: false })
  const site = await serve(await bundle(fileURLToPath(new URL('walk-page.ts', import.meta.url))), { isolated: false })
  const page = await browser.newPage()
  const asked: string[] = []
  page.on('request', (request) => {
    if (!request.url().startsWith(site.url)) asked.push(request.url())
  })
  await page.goto(site.url)
  return {
    asked,
    run: (cells: readonly string[]): Promise<CellOutput[][]> =>
      page.evaluate((cells) => (globalThis as unknown as { digitlab: WalkPage }).digitlab.run(cells), cells),
    close: async (): Promise<void> => {
      await browser.close()
      await site.close()
    },
  }
}

const textsOf = (outputs: readonly CellOutput[]): string[] =>
  outputs.flatMap((output) => (output.type === 'text' ? [output.text] : []))

describe.skipIf(chromiumMissing !== undefined)('the walk', () => {
  let workplace: Workplace
  beforeAll(async () => {
    workplace = await makeWorkplace('walk')
  })
  afterAll(() => workplace.remove())

  test('its losses and accuracies are those of the command, to the bit', { timeout: 600_000 }, async () => {
    const { asked, run, close } = await open()
    try {
      const records = Object.keys(results).map((name) => `${name}: ${name}.run.history.epochs`)
      const shown = await run([...tried, `console.log(JSON.stringify({ ${records.join(', ')} }))`])
      const inPage = JSON.parse(textsOf(shown.at(-1) ?? [])[0] ?? '') as Record<string, EpochRecord[]>
      const figures = (records: readonly EpochRecord[]) =>
        records.map(({ epoch, trainLoss, testLoss, testAccuracy }) => ({ epoch, trainLoss, testLoss, testAccuracy }))
      for (const [name, model] of Object.entries(results)) {
        const { code, err } = await workplace.digitlab([
          ...['train', '--model', model, '--dataset', 'strokes', '--seed', '1', '--epochs', '2'],
          ...['--backend', 'wasm', '--out', `runs/${model}`],
        ])
        expect(code, err).toBe(0)
        const { history } = parseRun(readFileSync(join(workplace.folder, `runs/${model}/run.json`), 'utf8'))
        expect(history.epochs).toHaveLength(2)
        expect(figures(inPage[name] ?? []), model).toEqual(figures(history.epochs))
        const { testAccuracy = NaN, testLoss = NaN } = history.epochs[1] ?? {}
        expect(shown.flatMap(textsOf)).toContain(
          `epoch 2: accuracy ${(100 * testAccuracy).toFixed(2)} %, loss ${testLoss.toFixed(4)}`,
        )
      }
      // Every cell of it shows something, and nobody else is asked for anything.
      for (const [i, outputs] of shown.entries()) expect(outputs.length, `cell ${i + 1}`).toBeGreaterThan(0)
      expect(asked).toEqual([])
      if (all) expect(shown.flatMap(textsOf).join('\n')).toContain('the same predictions: true')
    } finally {
      await close()
    }
  })
})
