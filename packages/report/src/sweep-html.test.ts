import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { axisOf, spacedTicks } from './sweep-charts'
import { sweepReportHtml, type SweptRun } from './sweep-html'

const run = (n: number): SweptRun => ({
  folder: `runs/${n}`,
  settings: { model: n % 2 ? 'cnn' : '</script><b>evil', seed: n, epochs: 2 },
  results: { testAccuracy: n / 10, testLoss: n === 3 ? null : 1, validationAccuracy: n / 20 },
  curves: { epoch: [1, 2], testAccuracy: [0, n / 10] },
})
const html = (runs: readonly SweptRun[] = [0, 1, 2, 3].map(run)) =>
  sweepReportHtml({ title: 'Sweep <1>', lead: '4 of 4', runs, best: null })

test('runs its own script, which its policy names by its hash, and nothing else', async () => {
  const page = await html()
  const [, policy = ''] = /Content-Security-Policy" content="([^"]+)"/.exec(page) ?? []
  const scripts = [...page.matchAll(/<script>([^]*?)<\/script>/g)].map(([, text = '']) => text)
  expect(scripts).toHaveLength(1)
  const hash = createHash('sha256')
    .update(scripts[0] ?? '')
    .digest('base64')
  expect(policy).toBe(`default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${hash}'`)
  expect(page).not.toMatch(/<b>evil|\son\w+=|https?:\/\/(?!www\.w3\.org)/)
  expect(page).toContain('Sweep &lt;1&gt;')
})

test('holds the runs once, with validation as what is chosen by first', async () => {
  const page = await html()
  const [, text = ''] = /id="runs">([^<]*)</.exec(page) ?? []
  const data = JSON.parse(text) as { fields: string[]; varying: string[]; metrics: string[]; rows: unknown[][] }
  expect(data.varying).toEqual(['model', 'seed'])
  expect(data.metrics).toEqual(['validationAccuracy', 'testAccuracy', 'testLoss'])
  expect(data.rows[3]).toEqual(['cnn', 3, 2, 'runs/3', 0.3, null, 0.15])
  await expect(html([])).rejects.toThrow('expected at least one run')
})

test('an axis is of words, of numbers, or of logarithms over decades', () => {
  const words = axisOf('model', ['a', 'b', null, 'c'])
  expect(['a', 'b', 'c', null].map(words.place)).toEqual([0, 0.5, 1, undefined])
  const rates = axisOf('learningRate', [0.001, 0.01, 0.1, 1, 0.03, 0.3])
  expect(rates.place(0.001)).toBe(0)
  expect(rates.place(1)).toBe(1)
  expect(rates.ticks.map(({ text }) => text)).toEqual(['0.001', '0.00562', '0.0316', '0.178', '1'])
  expect(axisOf('testAccuracy', [0.5, 1]).ticks.map(({ at, text }) => [at, text])).toEqual([
    [0, '50 %'],
    [1, '100 %'],
  ])
  expect(axisOf('seed', [7]).place(7)).toBe(0.5)
})

test('ticks are clear of each other and of the edge, the first and the last one before the others', () => {
  const axis = axisOf('batchSize', [16, 17, 18, 100, 128])
  const ticks = spacedTicks(
    axis,
    (at) => 100 * at,
    () => 20,
    [0, 105],
  )
  expect(ticks.map(({ text, centre }) => [text, Math.round(centre)])).toEqual([
    ['16', 10],
    ['128', 95],
  ])
  expect(
    spacedTicks(
      axisOf('seed', [7]),
      () => 50,
      () => 20,
    ),
  ).toHaveLength(1)
  const words = spacedTicks(
    axisOf('model', ['convolutional-deep', 'linear']),
    (at) => 300 * at,
    (text) => 6 * text.length,
  )
  expect(words.map(({ text }) => text)).toEqual(['convolution…', 'linear'])
})
