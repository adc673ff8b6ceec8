import { createHash } from 'node:crypto'
import { parseHTML } from 'linkedom'
import { beforeAll, describe, expect, test } from 'vitest'
import { comparisonReportHtml, runReportHtml } from './figures'
import { ReportError, reportMarkdown, type ReportInput } from './index'
import type { DrawnLoss } from './drawn-run'
import type { LineChart } from './line-charts'
import { exampleInput } from './testing/example'

const hostile = `</title></style></svg>"'><script>alert(1)</script><img src=x onerror=alert(2)>\u001b[31m`

const hostileInput = (): ReportInput => {
  const given = exampleInput({ name: hostile, title: hostile, classNames: [hostile, `${hostile}2`] })
  const { run } = given
  return {
    ...given,
    run: {
      ...run,
      id: hostile,
      startedAt: hostile,
      dataset: {
        ...run.dataset,
        name: hostile,
        origin: hostile,
        notice: hostile,
        files: [{ name: hostile, bytes: 1, sha256: hostile }],
      },
      backend: { id: hostile, device: hostile, threads: 1, versions: { [hostile]: hostile }, operations: {} },
      environment: { runtime: hostile, platform: hostile, processors: 1, versions: {} },
    },
    missing: [hostile],
  }
}

const pages: [string, (inputs: readonly ReportInput[]) => Promise<string>][] = [
  ['a run', ([first]) => runReportHtml(first as ReportInput)],
  ['several runs', comparisonReportHtml],
]

describe.each(pages)('the page of %s', (_, write) => {
  let html: string
  beforeAll(async () => {
    html = await write([exampleInput({ name: 'linear', mistakeEvery: 4 }), exampleInput()])
  })

  test('needs nothing beside it: no address, no font, no script but its own', () => {
    expect(
      html.replaceAll('http://www.w3.org/2000/svg', '').replaceAll('http://www.w3.org/1999/xlink', ''),
    ).not.toMatch(/https?:|url\(|@import|@font-face|<script\s|<link|<iframe/)
    for (const [, target] of html.matchAll(/(?:href|src)="([^"]*)"/g)) expect(target).toMatch(/^(#|data:image\/png)/)
    const scripts = [...html.matchAll(/<script>([^]*?)<\/script>/g)].map(([, text = '']) => text)
    expect(scripts).toHaveLength(1)
    const hash = createHash('sha256')
      .update(scripts[0] ?? '')
      .digest('base64')
    expect(html).toContain(
      `content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${hash}'"`,
    )
    expect(html.length).toBeLessThan(2_000_000)
  })

  test('every picture that is shown is there, once', () => {
    const { document } = parseHTML(html)
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    const uses = [...document.querySelectorAll('use')]
    expect(uses.length).toBeGreaterThan(200)
    for (const use of uses) expect(ids).toContain(use.getAttribute('href')?.slice(1))
    expect(document.querySelectorAll('figure image')).toHaveLength(0)
  })

  test('each figure comes for a screen and for a phone, with its words', () => {
    const { document } = parseHTML(html)
    const figures = [...document.querySelectorAll('figure')]
    expect(figures.length).toBeGreaterThanOrEqual(10)
    for (const figure of figures) {
      expect(figure.querySelectorAll('svg.wide, svg.narrow')).toHaveLength(2)
      for (const svg of figure.querySelectorAll('svg[role="img"]'))
        expect(svg.getAttribute('aria-label')?.length ?? 0).toBeGreaterThan(20)
      expect(figure.querySelector('figcaption')?.textContent).toBeTruthy()
    }
    expect(html).toContain('prefers-color-scheme:dark')
    expect(html).toContain('@media print')
  })

  test('names from outside are shown as they are and do nothing', async () => {
    const shown = await write([hostileInput(), hostileInput()])
    const { document } = parseHTML(shown)
    expect(document.querySelectorAll('img, iframe, [onerror]')).toHaveLength(0)
    expect(shown.match(/<script/g)).toHaveLength(1) // the page's own
    expect(shown).not.toContain('\u001b')
    expect(document.querySelector('title')?.textContent).toContain('</title></style></svg>"\'><script>')
    expect(document.querySelectorAll('figure').length).toBeGreaterThanOrEqual(10)
  })
})

test('the page says the experiment, the environment, the data set, and their numbers', async () => {
  const { run } = exampleInput()
  const html = await runReportHtml({ ...exampleInput(), missing: ['no images: the files differ'] })
  for (const words of [
    run.id,
    `${(100 * run.metrics.accuracy).toFixed(2)} %`,
    run.environment.runtime,
    run.backend.device,
    'SHA-256 ba89ba89',
    '20,490 parameters',
    'learningRate 0.1',
    'Not drawn here: no images: the files differ.',
  ])
    expect(html).toContain(words)
})

test('a run without predictions or images still has its page', async () => {
  const { run } = exampleInput()
  const { document } = parseHTML(await runReportHtml({ run }))
  const ids = [...document.querySelectorAll('figure')].map((figure) => figure.getAttribute('data-figure'))
  expect(ids).toEqual(['loss', 'accuracy', 'confusion', 'class-accuracy'])
  expect(await comparisonReportHtml([{ run }, { run }])).toContain('nothing is tested')
  await expect(comparisonReportHtml([])).rejects.toThrow(ReportError)
})

test('an interrupted run says so', async () => {
  const { run } = exampleInput()
  expect(await runReportHtml({ run: { ...run, status: 'interrupted' } })).toContain('This run was interrupted')
})

describe('the curves as numbers', () => {
  const linesOf = async (inputs: readonly ReportInput[], id: string): Promise<LineChart> => {
    const { document } = parseHTML(await comparisonReportHtml(inputs))
    return JSON.parse(document.querySelector(`[data-figure=${id}]`)?.getAttribute('data-lines') ?? '') as LineChart
  }

  test('are there for the loss and the accuracy of a run, and for each run of several', async () => {
    const inputs = [exampleInput({ name: 'linear', mistakeEvery: 4 }), exampleInput()]
    const { document } = parseHTML(await comparisonReportHtml(inputs))
    const ids = [...document.querySelectorAll('[data-lines]')].map((figure) => figure.getAttribute('data-figure'))
    expect(ids).toEqual(['accuracies', 'losses', 'loss', 'accuracy', 'loss', 'accuracy'])
    const [input] = inputs as [ReportInput]
    const { rate, lines } = await linesOf([input], 'accuracies')
    expect(rate).toBe(true)
    const { epochs } = input.run.history
    expect(lines.map(({ x }) => x)).toEqual([[0, ...epochs.map(({ epoch }) => epoch)]])
    expect(lines[0]?.y.slice(1)).toEqual(epochs.map(({ testAccuracy = NaN }) => Number(testAccuracy.toPrecision(5))))
  })

  test('of seeds are their mean between the least and the most; what is no number is none', async () => {
    const [input, other] = [exampleInput(), exampleInput()]
    const withLosses = (
      { run, ...rest }: ReportInput,
      seed: number,
      stepLosses: readonly DrawnLoss[],
    ): ReportInput => ({
      ...rest,
      run: { ...run, experiment: { ...run.experiment, seed }, history: { ...run.history, stepLosses } },
    })
    const seeds = [withLosses(input, 0, [1, NaN, 3]), withLosses(other, 1, [2, 2, 5])]
    const { lines, smooth } = await linesOf(seeds, 'losses')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({
      x: [1, 2, 3],
      y: [1.5, null, 4],
      low: [1, null, 3],
      high: [2, null, 5],
      noisy: true,
    })
    expect(smooth).toBe(0)
    // Of many steps neighbours are one point.
    const long = await linesOf([withLosses(input, 0, Array<number>(5000).fill(1))], 'losses')
    expect(long.lines[0]?.x.slice(0, 2)).toEqual([3, 8])
    expect(long.lines[0]?.y).toEqual(Array(1000).fill(1))
  })
})

describe('Markdown', () => {
  test('holds the tables, and links the figures', () => {
    const inputs = [exampleInput({ name: 'linear', mistakeEvery: 4 }), exampleInput()]
    const figures = new Map([[1, [{ title: 'Loss', alt: 'falls [fast]', path: 'figures/my loss.svg' }]]])
    const text = reportMarkdown(inputs, { figures })
    expect(text).toMatch(/^# 2 runs on MNIST/)
    expect(text).toContain('| linear and cnn |')
    expect(text).toContain('![Loss. falls \\[fast\\]](figures/my%20loss.svg)')
    expect(text).toContain(`| experiment id | ${inputs[0]?.run.id} |`)
  })

  test('shortens alternative texts to two lines, at the end of a clause', () => {
    const alt = Array.from({ length: 60 }, (_, i) => `image ${i} (7 taken for 1)`).join(', ')
    const figures = new Map([[0, [{ title: 'Mistakes', alt, path: 'm.svg' }]]])
    const [, said = ''] = /!\[(.*)\]\(m\.svg\)/.exec(reportMarkdown([exampleInput()], { figures })) ?? []
    expect(said).toMatch(/^Mistakes\. image 0 .*\(7 taken for 1\) …$/)
    expect(said.length).toBeGreaterThan(150)
    expect(said.length).toBeLessThanOrEqual(202)
  })

  test('keeps hostile names from being markup', () => {
    const text = reportMarkdown([hostileInput()])
    for (const live of ['<script', '<img', '\u001b']) expect(text).not.toContain(live)
  })
})
