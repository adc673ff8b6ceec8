import { readFileSync } from 'node:fs'
import { resolveModel } from '@digitlab/models'
import { describe, expect, test } from 'vitest'
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
  experiment: completeExperiment({ model: 'cnn', epochs: 1, optimizer: { name: 'adam' } }),
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
  history: { stepLosses: [2.3, 1.2], epochs: [epoch] },
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
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: unknown
  readonly items?: Node
}

/** Properties of a value that its schema does not describe. */
const undescribed = (node: Node, value: unknown, at = ''): string[] => {
  const { properties, items, additionalProperties } = node.$ref ? (schema.$defs.definition as Node) : node
  if (Array.isArray(value)) return items ? value.flatMap((held, n) => undescribed(items, held, `${at}/${n}`)) : []
  if (typeof value !== 'object' || value === null || additionalProperties) return []
  return Object.entries(value).flatMap(([key, held]) => {
    const described = properties?.[key]
    return described ? undescribed(described, held, `${at}/${key}`) : [`${at}/${key}`]
  })
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
