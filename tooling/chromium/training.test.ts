// Training in a worker of a page, on every backend that a page has, beside the same in Node.
import { fileURLToPath } from 'node:url'
import { wasmBackend } from '@digitlab/backend-wasm'
import { strokes } from '@digitlab/data'
import { completeExperiment, experimentId, runExperiment, type ExperimentInput, type Run } from '@digitlab/train'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chromiumMissing } from './chromium.ts'
import { sharedChromium } from './shared.ts'
import type { PageBackendId } from './pages/backends.ts'
import type { TrainingPage } from './pages/training.ts'
import type { Training } from './pages/training-worker.ts'
import { bundle, serve, type Files, type Site } from './site.ts'

type Model = NonNullable<ExperimentInput['model']>

const everything = process.env['DIGITLAB_ALL'] === '1'
/** By default the two that have every kernel of the three. */
const models: readonly Model[] = everything ? ['linear', 'two-layer', 'cnn'] : ['linear', 'cnn']
type TrainingOf = Omit<Training, 'backend' | 'experiments'>

/** Little to compile, for what is lost and compiled again. */
const small: Model = {
  name: 'small',
  input: [28, 28, 1],
  layers: [{ type: 'maxPool2d', size: 14 }, { type: 'flatten' }, { type: 'dense', name: 'fc', out: 10 }],
}

/** Every operation of the case study's models. */
const narrow: Model = {
  name: 'narrow',
  input: [28, 28, 1],
  layers: [
    { type: 'maxPool2d', size: 4 },
    { type: 'conv2d', name: 'conv1', out: 4, kernel: 3, padding: 1 },
    { type: 'relu' },
    { type: 'conv2d', name: 'conv2', out: 8, kernel: 3, padding: 1 },
    { type: 'relu' },
    { type: 'maxPool2d', size: 2 },
    { type: 'flatten' },
    { type: 'dense', name: 'fc', out: 10 },
  ],
}

/** A processor that plays a GPU takes a second to compile some kernels of the wide ones. The linear model is apps/web's, by default. */
const modelsOn = (id: PageBackendId): readonly Model[] => (id === 'cpu' || everything ? models : [narrow])

const nameOf = (model: Model) => (typeof model === 'object' ? model.name : model)

const experiment = (model: Model, batchSize: number) =>
  completeExperiment({ model, dataset: 'strokes', seed: 3, epochs: 1, batchSize })

/** The losses of Node's wasm backend, which those of a page are held to. */
const lossesInNode = async (model: Model, batchSize: number, { counts, simd }: TrainingOf) => {
  const data = await strokes({ trainCount: counts[0], testCount: counts[1] })
  const backend = wasmBackend({ simd: simd ?? 'auto' })
  return (await runExperiment(experiment(model, batchSize), { data, backend })).run.history.stepLosses
}

const largestDifference = (a: readonly number[], b: readonly number[]): number => {
  expect(a).toHaveLength(b.length)
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? NaN))), 0)
}

describe('training in Chromium', () => {
  let browser: Browser
  let files: Files
  const sites: Record<'isolated' | 'plain', Site | undefined> = { isolated: undefined, plain: undefined }
  beforeEach(({ skip }) => skip(chromiumMissing !== undefined, chromiumMissing))
  beforeAll(async () => {
    if (chromiumMissing !== undefined) return
    ;[browser, files] = await Promise.all([
      sharedChromium(),
      bundle(fileURLToPath(new URL('pages/training.ts', import.meta.url))),
    ])
    sites.isolated = await serve(files)
    sites.plain = await serve(files, { isolated: false, base: '/some/where/' })
  })
  afterAll(async () => {
    await browser?.close()
    await Promise.all([sites.isolated?.close(), sites.plain?.close()])
  })

  const open = async (site: keyof typeof sites = 'isolated'): Promise<Page> => {
    const page = await browser.newPage()
    await page.goto(sites[site]?.url ?? '')
    return page
  }
  /** Of most tests, one after the other: each training has a worker of its own. */
  let isolated: Promise<Page> | undefined
  const opened = () => (isolated ??= open())
  const train = (page: Page, backend: PageBackendId, of: readonly Model[], batchSize: number, more: TrainingOf) =>
    page.evaluate((training) => (globalThis as unknown as { digitlab: TrainingPage }).digitlab.train(training), {
      backend,
      experiments: of.map((model) => experiment(model, batchSize)),
      ...more,
    })

  test.each(['auto', 'plain'] as const)(
    'on wasm, SIMD %s: the losses of 100 steps are those of Node to the bit',
    async (simd) => {
      const page = await opened()
      const counts = [1600, 50] as const
      const more = simd === 'plain' ? { counts, simd } : { counts }
      const { runs, environment } = await train(page, 'wasm', models, 16, more)
      expect(environment).toMatchObject({ platform: 'browser', runtime: expect.stringContaining('Chrome/') as string })
      expect(environment.processors).toBeGreaterThan(0)
      for (const [i, model] of models.entries()) {
        const { backend, history, environment: recorded, id } = runs[i] as Run
        expect(history.stepLosses).toHaveLength(100)
        expect(history.stepLosses, nameOf(model)).toEqual(await lossesInNode(model, 16, more))
        expect(id).toBe(await experimentId(experiment(model, 16)))
        expect(backend).toMatchObject({ id: 'wasm', threads: 1 })
        expect(new Set(Object.values(backend.operations))).toEqual(new Set(['kernel']))
        expect(recorded).toEqual(environment)
      }
    },
  )

  test('on wasm the bits are the same with any number of threads where the page is isolated, and with the one that there is elsewhere', async () => {
    const counts = [650, 50] as const // the last batch holds ten
    const alone = await Promise.all(models.map((model) => lossesInNode(model, 64, { counts })))
    const page = await opened()
    for (const workers of everything ? ([2, 3, 'auto'] as const) : ([3, 'auto'] as const)) {
      const { runs } = await train(page, 'wasm', models, 64, { counts, workers })
      for (const [i, model] of models.entries()) {
        const { backend, history } = runs[i] as Run
        if (workers !== 'auto') expect(backend.threads).toBe(workers)
        expect(history.stepLosses, `${nameOf(model)} with ${workers}`).toEqual(alone[i])
      }
    }
    const plain = await open('plain')
    for (const workers of everything ? (['auto', 2] as const) : ([2] as const)) {
      const { runs } = await train(plain, 'wasm', models, 64, { counts, workers })
      for (const [i, model] of models.entries()) {
        const { backend, history } = runs[i] as Run
        expect(backend.threads).toBe(1)
        expect(history.stepLosses, nameOf(model)).toEqual(alone[i])
      }
    }
    await plain.close()
  })

  // Few images: the software adapter takes seconds for a step of the cnn.
  test.each(['cpu', 'webgl', 'webgpu'] as const)(
    'on %s the first losses are those of wasm, and a device that is lost ends a run and says so',
    async (id) => {
      const page = await opened()
      const counts = [6, 2] as const
      const probe = await page.evaluate(
        (id) => (globalThis as unknown as { digitlab: TrainingPage }).digitlab.probe(id),
        id,
      )
      const losable = id === 'cpu' ? {} : { losing: { experiment: experiment(small, 2), after: 2 } }
      const tried = modelsOn(id)
      const { runs, lost } = await train(page, id, tried, 2, { counts, ...losable })
      for (const [i, model] of tried.entries()) {
        const { backend, history } = runs[i] as Run
        expect(probe).toEqual({ usable: true, device: backend.device })
        expect(backend.id).toBe(id)
        expect(history.stepLosses).toHaveLength(3)
        const inNode = await lossesInNode(model, 2, { counts })
        expect(largestDifference(history.stepLosses, inNode), nameOf(model)).toBeLessThan(1e-5)
      }
      if (id === 'cpu') expect(lost).toBeUndefined()
      else
        expect(lost).toMatch(
          new RegExp(`^BackendError: the device of the backend "${id}" is lost \\(.+\\), and what it held`),
        )
    },
  )

  test('a file of wasm that does not come is a sentence', async () => {
    const page = await open()
    await page.route('**/*.wasm', (route) => route.abort())
    const failed = train(page, 'wasm', ['linear'], 4, { counts: [12, 4] })
    await expect(failed).rejects.toThrow(
      /BackendError: the backend "wasm" cannot start: http.*\.wasm cannot be reached \(.*\): check that you are online/,
    )
    await page.close()
  })

  test('what a browser does not give is a reason and a remedy', async () => {
    const page = await open()
    const probes = await page.evaluate(async () => {
      const { probe } = (globalThis as unknown as { digitlab: TrainingPage }).digitlab
      const context = WebGL2RenderingContext.prototype as unknown as {
        getExtension: (this: unknown, name: string) => unknown
      }
      const { getExtension } = context
      context.getExtension = function (name) {
        return name === 'EXT_color_buffer_float' ? null : getExtension.call(this, name)
      }
      const float16 = await probe('webgl')
      OffscreenCanvas.prototype.getContext = () => null
      const answers = [float16, await probe('webgl')]
      for (const gpu of [{ requestAdapter: async () => null }, undefined]) {
        Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true })
        answers.push(await probe('webgpu'))
      }
      return answers
    })
    const reasons = [
      'does not render to textures of float32',
      'this browser gives no WebGL 2 context',
      'this browser gives no GPU to WebGPU',
      'this browser has no WebGPU, or not on this page',
    ]
    expect(probes).toEqual(
      reasons.map((reason) => ({
        usable: false,
        reason: expect.stringContaining(reason) as string,
        remedy: expect.stringMatching(/^\w.{10}/) as string,
      })),
    )
    await page.close()
  })
})
