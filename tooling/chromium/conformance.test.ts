// The operations' conformance suite on the backends of a page, in Chromium.
import { fileURLToPath } from 'node:url'
import { conformanceCases } from '@digitlab/ops/conformance'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chromiumMissing } from './chromium.ts'
import { sharedChromium } from './shared.ts'
import type { ConformancePage } from './pages/conformance.ts'
import { bundle, serve, type Site } from './site.ts'

const names = conformanceCases().map(({ name }) => name)

/**
 * In Node every case is tried on wasm and cpu, and on a GPU's adapter each new shape is a shader to compile: one case of each kind, and there
 * one for all its numbers.
 */
const whole = process.env['DIGITLAB_ALL'] === '1'
const kindOf = (name: string): string =>
  name
    .replace(/\[.*/, '')
    .replace(/ with .*| \{.*/, '')
    .trim()
const firstOf = (kind: (name: string) => string): readonly string[] =>
  whole ? names : names.filter((name, i) => names.findIndex((other) => kind(other) === kind(name)) === i)
const chosen = firstOf(kindOf)
const onGpu = firstOf((name) => kindOf(name).replace(/-?[\d.]+/g, '#'))

/** Those that other kernels of ours make up on the processor. */
const madeUp = { cpu: ['batchNorm', 'batchNormGrad', 'dropout', 'convolution', 'convolutionGrad'] }

const suites = [
  { id: 'wasm', simd: 'relaxed', cases: chosen, path: 'kernel' },
  { id: 'wasm', simd: 'plain', cases: chosen, path: 'kernel' },
  { id: 'cpu', simd: 'auto', cases: chosen, path: 'kernel' },
  { id: 'webgl', simd: 'auto', cases: onGpu, path: 'reference' },
  { id: 'webgpu', simd: 'auto', cases: onGpu, path: 'reference' },
] as const

let browser: Browser
let site: Site
beforeAll(async () => {
  if (chromiumMissing !== undefined) return
  browser = await sharedChromium()
  site = await serve(await bundle(fileURLToPath(new URL('pages/conformance.ts', import.meta.url))))
})
afterAll(async () => {
  await browser?.close()
  await site?.close()
})

describe('a page that does not say where tfjs has its WebAssembly', () => {
  beforeEach(({ skip }) => skip(chromiumMissing !== undefined, chromiumMissing))
  test.each([
    { what: 'nothing', status: 404, body: '', instead: 'answers 404 Not Found' },
    {
      what: 'the page itself',
      status: 200,
      body: '<!doctype html>',
      instead: 'gives no WebAssembly but 15 bytes of text/html',
    },
  ])('is told which address gave $what', async ({ status, body, instead }) => {
    const page = await browser.newPage()
    await page.route('**/tfjs-backend-wasm*.wasm', (route) => route.fulfill({ status, body, contentType: 'text/html' }))
    await page.goto(site.url)
    const started = page.evaluate(() =>
      (globalThis as unknown as { digitlab: ConformancePage }).digitlab.start('wasm-unplaced', 'auto'),
    )
    await expect(started).rejects.toThrow(
      `BackendError: the backend "wasm" cannot start: ${site.url}tfjs-backend-wasm-simd.wasm ${instead}: serve tfjs-backend-wasm-simd.wasm`,
    )
    await page.close()
  })
})

describe.each(suites)('$id in Chromium, SIMD $simd', ({ id, simd, cases, path }) => {
  beforeEach(({ skip }) => skip(chromiumMissing !== undefined, chromiumMissing))
  let page: Page
  beforeAll(async () => {
    if (chromiumMissing !== undefined) return
    page = await browser.newPage()
    await page.goto(site.url)
  })
  afterAll(() => page?.close())

  /** What was wrong with each case. All of them at once: an answer of the page takes longer than most of them. */
  let tried: Promise<Map<string, string | null | undefined>> | undefined
  const tryAll = async () => {
    const wrong = await page.evaluate(
      (cases) => (globalThis as unknown as { digitlab: ConformancePage }).digitlab.runCases(cases),
      cases,
    )
    return new Map(cases.map((name, i) => [name, wrong[i]]))
  }

  test(`computes every operation by its ${path}`, async () => {
    const paths = await page.evaluate(
      ([id, simd]) => (globalThis as unknown as { digitlab: ConformancePage }).digitlab.start(id, simd),
      [id, simd] as const,
    )
    const others = Object.entries(paths).filter(([, taken]) => taken !== path)
    expect(others.map(([name]) => name)).toEqual(id === 'cpu' ? madeUp[id] : [])
  })
  test.each(cases)('%s', async (name) => {
    expect((await (tried ??= tryAll())).get(name)).toBeNull()
  })
})
