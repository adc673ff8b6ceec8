// The built page in Chromium: it trains what the command trains.
import { wasmBackend } from '@digitlab/backend-wasm'
import { datasetFromFiles, type Dataset } from '@digitlab/data'
import { readSafetensors } from '@digitlab/weights'
import { completeExperiment, runExperiment, type RunResult } from '@digitlab/train'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chromiumMissing } from '../../../tooling/chromium/chromium.ts'
import { sharedChromium } from '../../../tooling/chromium/shared.ts'
import type { Site } from '../../../tooling/chromium/site.ts'
import { caseStudyModels as models, type ModelName } from '@digitlab/models'
import {
  choose,
  downloadBy,
  downloadedRun,
  draw,
  drawnIn,
  give,
  giveData,
  lend,
  looked,
  openPage,
  phase,
  prepared,
  probed,
  servePage,
  smallData,
  train,
  type GivenFile,
} from './testing/built-page'

/** By default a sample of what trains in the page: tooling/chromium trains on every backend of a page, always. */
const everything = process.env['DIGITLAB_ALL'] === '1'
const onSoftwareGpu = everything ? models : (['linear'] as const)
const backends = everything ? (['webgpu', 'webgl', 'cpu'] as const) : (['webgpu'] as const)
/** One epoch is 100 steps, of few images: the page is told of each through a socket, twice. */
const [trainCount, testCount, batchSize] = [1600, 200, 16]

describe.skipIf(chromiumMissing !== undefined)('training in the page', { timeout: 240_000 }, () => {
  let browser: Browser
  let withGpu: Browser
  let isolated: Site
  let plain: Site
  let files: GivenFile[]
  let data: Dataset

  beforeAll(async () => {
    ;[browser, withGpu, isolated, plain, { files }] = await Promise.all([
      sharedChromium({ gpu: false }),
      sharedChromium(),
      servePage(),
      servePage({ isolated: false, base: '/some/where/' }),
      smallData(trainCount, testCount),
    ])
    const [trainImages, trainLabels, testImages, testLabels] = files.map(({ name, buffer }) => ({
      name,
      bytes: new Uint8Array(buffer),
    })) as [Named, Named, Named, Named]
    const roles = { trainImages, trainLabels, testImages, testLabels }
    data = await datasetFromFiles({ name: 'files', title: 'files', origin: 'this test' }, roles)
  })
  afterAll(async () => {
    await Promise.all([browser?.close(), withGpu?.close(), isolated?.close(), plain?.close()])
  })

  const lent = lend(() => openPage(browser, isolated.url))

  /** The run that the command makes of the same experiment. */
  const inNode = (model: ModelName, epochs = 1): Promise<RunResult> =>
    runExperiment(completeExperiment({ model, dataset: 'files', epochs, batchSize }), { data, backend: wasmBackend() })

  test('the three models, one after the other, give the losses of the command; a digit is drawn and read', () =>
    lent(async ({ page }) => {
      await giveData(page, files)
      await choose(page, { threads: '1', epochs: 1, batchSize })
      await page.getByRole('button', { name: 'Train all three' }).click()
      for (const model of models)
        await page.locator('#compare tbody tr', { hasText: model }).getByText('wasm').waitFor()
      await drawnIn(page, '#compare', 4)
      const table = await page.locator('#compare table').innerText()
      for (const parameters of ['7,850', '79,510', '20,490']) expect(table).toContain(parameters)

      for (const model of models) {
        const chosen = page.locator('#look option', { hasText: `${model} on` })
        await page.getByLabel('The run to look at').selectOption(await chosen.getAttribute('value'))
        await page.locator('#look .facts code').waitFor()
        await looked(page)
        const run = await downloadedRun(page)
        const expected = await inNode(model)
        expect(run.id).toBe(expected.run.id)
        expect(run.history.stepLosses).toHaveLength(100)
        expect(run.history.stepLosses).toEqual(expected.run.history.stepLosses)
        // Of Math.log and Math.exp, which the mean loss of test images goes through, each engine has its own last bit.
        const { meanLoss, ...counts } = run.metrics
        const { meanLoss: expectedLoss, ...expectedCounts } = expected.run.metrics
        expect(counts).toEqual(expectedCounts)
        expect(meanLoss).toBeCloseTo(expectedLoss, 12)
        const { weights } = readSafetensors(await downloadBy(page, /weights\.safetensors/))
        expect(weights).toEqual(expected.weights)
      }
      await page.getByText('What changed since another run').click()
      const changed = page.getByRole('region', { name: 'What changed' })
      expect((await changed.innerText()).replace(/\s+/g, ' ')).toMatch(
        /model two-layer cnn layer 1 .* test accuracy .* parameters 79,510 20,490 −59,020/,
      )
      const report = (await downloadBy(page, /comparison\.html/)).toString('utf8')
      expect(report).toContain('3 runs on files')
      await answers(await page.context().newPage(), report)
      await page.bringToFront()

      // With the cnn's weights, which is looked at now.
      await draw(page, [
        [0.5, 0.12],
        [0.5, 0.88],
      ])
      await page.locator('.said strong', { hasText: '1' }).waitFor()
      const probabilities = await page.locator('.bars .number').allInnerTexts()
      expect(probabilities.reduce((sum, text) => sum + parseFloat(text), 0)).toBeCloseTo(100, 0)
    }))

  const lentPlain = lend(() => openPage(browser, plain.url))
  const places = [
    ['with threads that share memory', lent],
    ['without', lentPlain],
  ] as const
  const tried = places.slice(0, everything ? 2 : 1)
  test.each(tried)('training images are changed as the command changes them, %s', (_, lent) =>
    lent(async ({ page }) => {
      await giveData(page, files)
      await choose(page, { model: 'two-layer', epochs: 1, batchSize })
      await page.getByText('Augmentation', { exact: true }).click()
      const affine = page.getByRole('checkbox', { name: /^affine/ })
      await affine.check()
      await page.getByRole('spinbutton', { name: 'Rotate' }).fill('25')
      const preview = page.locator('figure', { hasText: 'as the first epoch would see them' })
      await preview.scrollIntoViewIfNeeded() // drawn as soon as it is about to be seen
      await preview.locator('svg image').nth(19).waitFor()
      expect(new URL(page.url()).search).toContain('augment=affine&augment.affine.shift=2&augment.affine.rotate=25&')
      const run = await train(page)
      const augment = [{ name: 'affine', shift: 2, rotate: 25, scale: 0.1, shear: 5 }]
      const experiment = completeExperiment({ model: 'two-layer', dataset: 'files', epochs: 1, batchSize, augment })
      const expected = await runExperiment(experiment, { data, backend: wasmBackend() })
      expect(run.id).toBe(expected.run.id)
      expect(run.history.stepLosses).toEqual(expected.run.history.stepLosses)
      await looked(page)
      await page.locator('#look').getByText('64 training images as the first epoch saw them').waitFor()
      // Its workers were started, or it would say that they were not.
      expect(await page.getByText('prepared by the thread that trains').count()).toBe(0)
      await affine.uncheck()
    }),
  )

  test('without isolation and under a base path it trains on one thread, and draws before any training', async () => {
    const { page, complaints } = await openPage(browser, plain.url)
    await page.getByText('One thread: this page is served without').waitFor()
    await giveData(page, files)
    await draw(page, [
      [0.3, 0.2],
      [0.7, 0.2],
      [0.45, 0.85],
    ])
    await page.locator('.said strong').waitFor()
    const read = page.locator('#draw .head')
    await read.getByText('after 4,690 steps').waitFor() // by the example, which the page brings
    // Every layer of it, with what it makes of the drawing.
    const layers = page.locator('#inside ol > li')
    await layers.first().getByText('what 16 filters look for').waitFor()
    const said = (await layers.allInnerTexts()).map((text) => text.replace(/\s+/g, ' '))
    expect(said).toHaveLength(8)
    expect(said[0]).toBe('conv1 conv2d 28 × 28 × 16 160 parameters what 16 filters look for')
    expect(said.at(-1)).toContain('fc dense 10 15,690 parameters')
    expect(await layers.locator('canvas').count()).toBe(8) // flattening makes nothing; the filters of the first
    expect(await layers.last().locator('li').allInnerTexts()).toEqual([...'0123456789'])
    const inked = await layers.locator('canvas').evaluateAll((canvases) =>
      canvases.map((canvas) => {
        const { width, height } = canvas as HTMLCanvasElement
        const pixels = (canvas as HTMLCanvasElement).getContext('2d')?.getImageData(0, 0, width, height).data
        return pixels?.some((value, i) => i % 4 === 3 && value > 200)
      }),
    )
    expect(inked).toEqual(Array(8).fill(true))
    // And which ink it goes by: the seven's own.
    const why = page.locator('#inside figure', { hasText: 'Why 7?' })
    expect(await why.locator('.hidden').innerText()).toMatch(/^The ink .* speaks for it most/)
    await page.getByLabel('Read by').selectOption('initial')
    await read.getByText('after 0 steps').waitFor()
    await choose(page, { model: 'two-layer', epochs: 1, batchSize })
    // Step by step, then slowly: the run is the command's all the same.
    const step = page.getByRole('button', { name: 'One step' })
    await step.click()
    await phase(page, 'paused')
    await read.getByText('after 1 step', { exact: true }).waitFor()
    await page.locator('[role=status]', { hasText: /^Step 1: loss 2\.\d+\.$/ }).waitFor()
    await step.click()
    await read.getByText('after 2 steps').waitFor()
    await expect.poll(() => page.locator('[data-value=steps]').innerText()).toBe('2')
    await phase(page, 'paused')
    const speed = page.getByRole('slider', { name: 'Speed' })
    expect(await speed.getAttribute('aria-valuetext')).toBe('as fast as it can')
    await speed.fill('6')
    expect(await speed.getAttribute('aria-valuetext')).toBe('100 steps a second')
    await page.getByRole('button', { name: 'Resume' }).click()
    await page.locator('[data-phase=idle]', { hasText: 'done' }).waitFor()
    await prepared(page)
    const run = await downloadedRun(page)
    await read.getByText('after 100 steps').waitFor() // by the run that has ended
    expect(await page.getByLabel('Read by').inputValue()).toMatch(/^[0-9a-f]{32}$/)
    expect((await layers.allInnerTexts()).map((text) => text.split(/\s/)[0])).toEqual(['flatten', 'fc1', 'relu', 'fc2'])
    expect(await page.getByRole('link', { name: 'See what it learned' }).getAttribute('href')).toBe('#look')
    expect(new URL(page.url()).search).toContain('?model=two-layer&seed=0&epochs=1&')
    const expected = await inNode('two-layer')
    expect(run.id).toBe(expected.run.id)
    expect(run.history.stepLosses).toEqual(expected.run.history.stepLosses)
    expect(await page.locator('[data-run-id]').getAttribute('data-run-id')).toBe(expected.run.id)
    expect(complaints).toEqual([])
    await page.context().close()
  })

  test('threads share batches where the page is isolated', () =>
    lent(async ({ page }) => {
      await giveData(page, files)
      await choose(page, { model: 'cnn', threads: '2', epochs: 1, batchSize })
      const run = await train(page)
      expect(run.backend.threads).toBe(2)
      const expected = await inNode('cnn')
      // Another order of summing: the first steps tell rounding from a mistake, later ones let it grow.
      run.history.stepLosses.slice(0, 20).forEach((loss, step) => {
        expect(Math.abs(loss - (expected.run.history.stepLosses[step] ?? NaN))).toBeLessThan(1e-5)
      })
      expect(run.history.stepLosses).toHaveLength(100)
    }))

  // Three times what one model may take: a processor that plays a GPU compiles its shaders for each.
  test.each(backends)(
    'on %s a few steps of each model are those of the command',
    { timeout: 360_000 },
    async (backend) => {
      const small = await smallData(192, 16)
      const { page, complaints } = await openPage(withGpu, isolated.url)
      await probed(page)
      await giveData(page, small.files)
      for (const model of backend === 'cpu' ? models : onSoftwareGpu) {
        await choose(page, { model, backend, epochs: 1 })
        const run = await train(page)
        expect(run.backend.id).toBe(backend)
        expect(run.model.name).toBe(model)
        expect(run.history.stepLosses).toHaveLength(3)
        const expected = await runExperiment(completeExperiment({ model, dataset: 'files', epochs: 1 }), {
          data: { ...small.data, name: 'files' },
          backend: wasmBackend(),
        })
        run.history.stepLosses.forEach((loss, step) => {
          expect(Math.abs(loss - (expected.run.history.stepLosses[step] ?? NaN))).toBeLessThan(1e-5)
        })
      }
      expect(complaints).toEqual([])
      await page.context().close()
    },
  )

  test('a run of the command is looked at', () =>
    lent(async ({ page }) => {
      const { runFiles } = await import('@digitlab/train')
      const result = await inNode('linear')
      const given = Object.entries(runFiles(result, data.test.labels)).map(([name, content]) => ({
        name,
        mimeType: 'application/octet-stream',
        buffer: Buffer.from(content),
      }))
      await giveData(page, files)
      await give(page, given)
      await page.locator('#data .notice', { hasText: 'The run is open: linear' }).waitFor()
      await looked(page)
      expect(await page.locator('#look .facts').innerText()).toContain(result.run.id.slice(0, 8))
      const [label, predicted] = mostFrequent(result.run.metrics.confusion)
      const count = result.run.metrics.confusion[label]?.[predicted]
      // By the keyboard: to the cell, and into it.
      await page.locator('[data-cell="0,0"]').focus()
      for (let row = 0; row < label; row++) await page.keyboard.press('ArrowDown')
      for (let column = 0; column < predicted; column++) await page.keyboard.press('ArrowRight')
      await page.keyboard.press('Enter')
      await page.locator('.cell figcaption', { hasText: `${label} taken for ${predicted}: ${count} images` }).waitFor()
      await expect.poll(() => page.locator('.cell [data-tile]').count()).toBe(count)
    }))
})

/** A report's curves answer: its legend switches, arrow keys read values out, its axis changes. */
const answers = async (page: Page, report: string): Promise<void> => {
  const complaints: string[] = []
  page.on('pageerror', ({ message }) => complaints.push(message))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  await page.setContent(report)
  const losses = page.locator('figure[data-figure=losses]')
  await losses.locator('.place svg').waitFor()
  expect(await losses.locator(':scope > svg:visible').count()).toBe(0) // what is there without a script
  const lines = losses.locator('.place path')
  expect(await lines.count()).toBe(3)
  const slider = losses.getByRole('slider', { name: /values by step$/ })
  await slider.focus()
  await page.keyboard.press('Home')
  expect(await losses.locator('.read').innerText()).toMatch(/^step 1: linear \d.*, two-layer \d.*, cnn \d/)
  await losses.getByRole('button', { name: 'linear' }).click()
  expect(await lines.count()).toBe(2)
  expect(await losses.getByRole('button', { name: 'linear' }).getAttribute('aria-pressed')).toBe('false')
  const drawn = () => lines.first().getAttribute('d')
  const logarithmic = await drawn()
  await losses.getByRole('checkbox', { name: /^logarithmic/ }).uncheck()
  const linear = await drawn()
  expect(linear).not.toBe(logarithmic)
  await losses.getByRole('slider', { name: 'smoothing' }).fill('10')
  expect(await drawn()).not.toBe(linear)
  await page.locator('figure[data-figure=accuracies] .place').hover()
  expect(await page.locator('figure[data-figure=accuracies] .read').innerText()).toMatch(/^epoch [01]: linear [\d.]+ %/)
  expect(complaints).toEqual([])
  await page.close()
}

interface Named {
  readonly name: string
  readonly bytes: Uint8Array
}

/** The cell off the diagonal that holds most images. */
const mostFrequent = (confusion: readonly (readonly number[])[]): [label: number, predicted: number] =>
  confusion
    .flatMap((row, label) => row.map((count, predicted) => ({ count, at: [label, predicted] as [number, number] })))
    .filter(({ at: [label, predicted] }) => label !== predicted)
    .reduce((most, cell) => (cell.count > most.count ? cell : most)).at

if (chromiumMissing !== undefined)
  describe('training in the page', () => {
    beforeEach(({ skip }) => skip(chromiumMissing))
    test('in Chromium', () => {})
  })
