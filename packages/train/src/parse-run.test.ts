import { readFileSync } from 'node:fs'
import { ModelError, resolveModel } from '@digitlab/models'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mutated, presentable } from '../../../tooling/vitest/mutations.ts'
import schema from '../schema/run-1.schema.json'
import { completeExperiment, parseRun, runVersion, TrainError, type Run } from './index'

const epoch = {
  epoch: 1,
  trainLoss: 0.5,
  trainAccuracy: 0.8,
  testLoss: 0.4,
  testAccuracy: 0.75,
  trainSeconds: 1,
  evaluationSeconds: 0.5,
}

const run: Run = {
  format: 'digitlab-run',
  version: runVersion,
  id: '0'.repeat(64),
  experiment: completeExperiment({ model: 'cnn', epochs: 1, batchSize: 1, optimizer: { name: 'adam' } }),
  status: 'completed',
  startedAt: '2026-01-01T00:00:00.000Z',
  model: { name: 'cnn', parameters: 20490, definition: resolveModel('cnn').definition },
  dataset: {
    name: 'mnist',
    title: 'MNIST',
    origin: 'this test',
    notice: 'drawn by hand',
    classNames: ['0', '1'],
    trainCount: 3,
    testCount: 4,
    files: [{ name: 'images', bytes: 16, sha256: 'ab' }],
  },
  backend: {
    id: 'cpu',
    device: 'this test',
    threads: 1,
    versions: { tfjs: '4' },
    operations: { dense: 'kernel', denseGrad: 'reference' } as unknown as Run['backend']['operations'],
  },
  environment: { runtime: 'Node', platform: 'linux', processors: 0, versions: {} },
  history: { stepLosses: [2.3, 1.2, 1.1], epochs: [epoch] },
  metrics: {
    count: 4,
    correct: 3,
    accuracy: 0.75,
    meanLoss: 0.4,
    confusion: [
      [2, 0],
      [1, 1],
    ],
  },
  timing: { trainSeconds: 1, evaluationSeconds: 0.5, secondsPerEpoch: 1, imagesPerSecond: 3 },
}

interface Node {
  readonly $ref?: string
  readonly allOf?: readonly { readonly if: Node; readonly then: Node }[]
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: unknown
  readonly items?: Node
}

/** Properties of a value that its schema does not describe. */
const undescribed = (node: Node, value: unknown, at = ''): string[] => {
  const defs = schema.$defs as unknown as Readonly<Record<string, Node>>
  const own = (node.$ref && defs[node.$ref.replace('#/$defs/', '')]) || node
  const { type, name } = value as { type?: unknown; name?: unknown }
  const applies = own.allOf?.find(({ if: { properties } }) =>
    properties?.['type'] ? properties['type'].const === type : properties?.['name']?.const === name,
  )
  const { properties, items, additionalProperties } = applies?.then ?? own
  if (Array.isArray(value)) return items ? value.flatMap((held, n) => undescribed(items, held, `${at}/${n}`)) : []
  if (typeof value !== 'object' || value === null || additionalProperties) return []
  return Object.entries(value).flatMap(([key, held]) => {
    const described = properties?.[key]
    return described ? undescribed(described, held, `${at}/${key}`) : [`${at}/${key}`]
  })
}

/** As a file would hold it; undefined where that is beyond JSON.stringify. */
const jsonOf = (value: unknown): string | undefined => {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined // too deep for its stack, or a toJSON that is no function
  }
}

type Loose = Record<string, Record<string, unknown>>

const changed = (change: (run: Loose) => void): string => {
  const copy = structuredClone(run) as unknown as Loose
  change(copy)
  return JSON.stringify(copy)
}

describe('run.json', () => {
  test('is read back as it was written', () => {
    expect(parseRun(JSON.stringify(run))).toEqual(run)
    const own = { ...run, experiment: { ...run.experiment, model: run.model.definition } }
    expect(parseRun(JSON.stringify(own))).toEqual(own)
  })

  test('holds nothing that its schema does not describe', () => {
    expect(undescribed(schema as Node, run)).toEqual([])
    expect(undescribed(schema as Node, { ...run, history: { ...run.history, extra: 1 } })).toEqual(['/history/extra'])
  })

  test('a loss that was no number is null in JSON, and NaN again', () => {
    const wild: Run = {
      ...run,
      history: { stepLosses: [2.3, NaN, Infinity], epochs: [{ ...epoch, trainLoss: NaN, testLoss: NaN }] },
      metrics: { ...run.metrics, meanLoss: NaN },
    }
    const read = parseRun(JSON.stringify(wild))
    expect(read.history.stepLosses).toEqual([2.3, NaN, NaN])
    expect(read.history.epochs[0]).toMatchObject({ trainLoss: NaN, testLoss: NaN, testAccuracy: 0.75 })
    expect(read.metrics.meanLoss).toBeNaN()
  })

  test('what a later digitlab of the same version adds is kept and means nothing', () => {
    expect(parseRun(JSON.stringify({ ...run, later: 'words' }))).toMatchObject({ later: 'words' })
  })

  test.each([
    ['{', 'run.json is not JSON'],
    ['null', 'run.json is not a run of digitlab: expected the format "digitlab-run", found none'],
    ['{"format":"digitlab-run","version":99}', 'run.json has version 99, this digitlab reads version 1'],
    ['{"format":"digitlab-run","version":0}', 'run.json has version 0, this digitlab reads version 1'],
    ['{"format":"digitlab-run","version":1}', 'run.json was cut or changed (#: Instance does not have required'],
    [changed(({ history }) => Object.assign(history ?? {}, { stepLosses: ['a'] })), '#/history/stepLosses/0'],
    [changed(({ metrics }) => Object.assign(metrics ?? {}, { accuracy: 98 })), '#/metrics/accuracy'],
    [changed(({ dataset }) => Object.assign(dataset ?? {}, { classNames: undefined })), '#/dataset'],
    [changed((copy) => Object.assign(copy, { status: 'done' })), '#/status'],
  ])('%.60s is refused', (text, message) => {
    expect(() => parseRun(text)).toThrow(TrainError)
    expect(() => parseRun(text)).toThrow(message)
  })

  test('a seed that was written by hand counts by its low 32 bits', () => {
    const read = parseRun(changed(({ experiment }) => Object.assign(experiment ?? {}, { seed: -1 })))
    expect(read.experiment.seed).toBe(0xffffffff)
  })

  test.each<[string, (run: Loose) => void, string]>([
    [
      'another matrix',
      ({ metrics }) =>
        Object.assign(metrics ?? {}, {
          confusion: [
            [7, 7],
            [7, 7],
          ],
        }),
      '4 images are counted, 28 in the confusion matrix',
    ],
    [
      'a ragged matrix',
      ({ metrics }) => Object.assign(metrics ?? {}, { confusion: [[2, 0], [2]] }),
      'a row of the confusion matrix has not 2 columns',
    ],
    [
      'fewer classes than names',
      ({ metrics }) => Object.assign(metrics ?? {}, { confusion: [[4]] }),
      '2 names of classes, and 1 classes',
    ],
    [
      'more right',
      ({ metrics }) => Object.assign(metrics ?? {}, { correct: 4 }),
      '4 images are right, 3 in the confusion matrix',
    ],
    ['another accuracy', ({ metrics }) => Object.assign(metrics ?? {}, { accuracy: 0.9 }), 'with an accuracy of 0.9'],
    ['other test images', ({ dataset }) => Object.assign(dataset ?? {}, { testCount: 5 }), 'of 5 test images'],
    ['half an epoch', (run) => Object.assign(run, { status: 'interrupted' }), 'it is interrupted after 1 of 1 epochs'],
    [
      'too few steps',
      ({ history }) => Object.assign(history ?? {}, { stepLosses: [1] }),
      'it has 1 losses of steps, and 1 epochs of 3',
    ],
    [
      'another epoch',
      ({ history }) => Object.assign(history ?? {}, { epochs: [{ ...epoch, epoch: 2 }] }),
      'epoch 1 calls itself 2',
    ],
  ])('numbers that contradict each other are told: %s', (_, change, message) => {
    expect(() => parseRun(changed(change))).toThrow(TrainError)
    expect(() => parseRun(changed(change))).toThrow(message)
  })

  test('whatever is changed in it, it is a run or a sentence says why not', () => {
    let refused = 0
    fc.assert(
      fc.property(mutated(run), (value) => {
        const text = jsonOf(value)
        if (text === undefined) return
        try {
          const read = parseRun(text)
          expect(parseRun(JSON.stringify(read))).toEqual(read)
        } catch (error) {
          if (!(error instanceof TrainError || error instanceof ModelError)) throw error
          if (!presentable(error.message)) throw new Error(`not presentable: ${error.message}`, { cause: error })
          refused++
        }
      }),
      { numRuns: 1500, seed: 1, interruptAfterTimeLimit: 10_000 },
    )
    expect(refused).toBeGreaterThan(100)
  })

  test('its schema is in the package, and says its version', () => {
    const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      files: string[]
      exports: Record<string, unknown>
    }
    expect(manifest.files).toContain('schema')
    expect(manifest.exports).toHaveProperty(['./schema/run-1.schema.json'])
    expect(schema.properties.version.const).toBe(runVersion)
  })
})
