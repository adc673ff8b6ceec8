import { describe, expect, test } from 'vitest'
import {
  bestGroup,
  csvOf,
  fieldsOf,
  groupRows,
  resolveName,
  rowDifferences,
  runRow,
  sortRows,
  varyingSettings,
  type RunLike,
} from './rows'
import { spreadOf } from './spread'

const run = (seed: number, learningRate: number, accuracy: number): RunLike => ({
  id: `id-${seed}-${learningRate}`,
  status: 'completed',
  startedAt: '2026-11-26T00:00:00.000Z',
  experiment: {
    model: { name: 'net', layers: [] },
    dataset: 'mnist',
    seed,
    epochs: 2,
    optimizer: { name: 'sgd', learningRate },
  },
  model: { name: 'net', parameters: 10 },
  dataset: { name: 'mnist' },
  backend: { id: 'wasm', device: 'SIMD', threads: 1 },
  history: {
    epochs: [
      { epoch: 1, trainLoss: 2 },
      { epoch: 2, trainLoss: 1, validationAccuracy: 0.7, metrics: { recall: 0.6 } },
    ],
  },
  metrics: { accuracy, meanLoss: NaN },
  timing: { secondsPerEpoch: 3 },
})
const rows = [run(0, 0.1, 0.9), run(1, 0.1, 0.92), run(0, 0.2, 0.8)].map((each, n) => runRow(`runs/${n}`, each))

test('a row has the settings by their paths, and what came of them', () => {
  expect(fieldsOf(rows[0]!)).toMatchObject({
    folder: 'runs/0',
    model: 'net',
    'optimizer.learningRate': 0.1,
    seed: 0,
    epochs: 2,
    epochsDone: 2,
    testAccuracy: 0.9,
    testLoss: null,
    trainLoss: 1,
    validationAccuracy: 0.7,
    'metrics.recall': 0.6,
    secondsPerEpoch: 3,
    backend: 'wasm',
  })
})

test('what came of a run is of the epoch whose weights were kept', () => {
  const { results } = runRow('', { ...run(0, 0.1, 0.9), keptEpoch: 1 })
  expect(results).toMatchObject({ trainLoss: 2, keptEpoch: 1, epochsDone: 2 })
  expect(results).not.toHaveProperty('validationAccuracy')
})

test('names may be given by their last part, where that is one', () => {
  const names = ['optimizer.learningRate', 'optimizer.name', 'schedule.name', 'seed']
  expect(resolveName('learningRate', names)).toBe('optimizer.learningRate')
  expect(resolveName('seed', names)).toBe('seed')
  expect(() => resolveName('name', names)).toThrow('"name" may be optimizer.name or schedule.name')
  expect(() => resolveName('rate', names)).toThrow('no run has a field "rate": there are optimizer.learningRate')
})

test('rows are sorted as numbers, those without a value last either way', () => {
  const values = [3, null, 20, 1]
  expect(sortRows(values, (value) => value)).toEqual([1, 3, 20, null])
  expect(sortRows(values, (value) => value, true)).toEqual([20, 3, 1, null])
})

test('runs that differ in the seed alone are a group, with mean, deviation and interval', () => {
  const groups = groupRows(rows)
  expect(groups.map(({ seeds }) => seeds)).toEqual([[0, 1], [0]])
  expect(groups[0]?.settings).not.toHaveProperty('seed')
  expect(varyingSettings(groups)).toEqual(['optimizer.learningRate'])
  const spread = groups[0]?.spreads['testAccuracy']
  expect(spread?.mean).toBeCloseTo(0.91, 12)
  expect(spread?.deviation).toBeCloseTo(Math.SQRT2 / 100, 12)
  expect(spread?.interval?.[0]).toBeCloseTo(0.91 - (12.7062 * 0.01 * Math.SQRT2) / Math.SQRT2, 6)
  expect(groups[0]?.spreads).not.toHaveProperty('testLoss')
})

test('the best group is chosen by validation where all have it, else by test, among those of the most seeds', () => {
  const named = (name: string, ...values: readonly [validation: number | null, test: number][]) =>
    values.map(([validationAccuracy, testAccuracy], seed) => ({
      folder: '',
      settings: { model: name, seed },
      results: { backend: 'wasm', validationAccuracy, testAccuracy },
    }))
  const [a, b, c] = [named('a', [0.8, 0.9], [0.8, 0.9]), named('b', [0.9, 0.7], [0.7, 0.8]), named('c', [0.99, 0.99])]
  expect(bestGroup(groupRows([...a, ...b, ...c]))).toMatchObject({
    chosenBy: 'validationAccuracy',
    byTest: false,
    group: { settings: { model: 'a' } },
  })
  const blind = named('d', [null, 0.95], [null, 0.95])
  expect(bestGroup(groupRows([...a, ...blind]))).toMatchObject({
    chosenBy: 'testAccuracy',
    byTest: true,
    group: { settings: { model: 'd' } },
  })
  expect(bestGroup([])).toBeUndefined()
})

describe('the interval of a mean', () => {
  // scipy.stats.t.interval(0.95, n - 1, mean, sem)
  test.each([
    [[1, 2, 3], 2, '2.484'],
    [Array.from({ length: 41 }, (_, n) => n), 20, '3.781'],
  ])('of %j', (values, mean, half) => {
    const [low = NaN, high = NaN] = spreadOf(values)?.interval ?? []
    expect((high + low) / 2).toBeCloseTo(mean, 12)
    expect((high - mean).toFixed(3)).toBe(half)
  })

  test('is none of one value, and nothing of none', () => {
    expect(spreadOf([4])).toEqual({ n: 1, mean: 4, deviation: null, interval: null })
    expect(spreadOf([])).toBeUndefined()
    expect(spreadOf([1, NaN])).toBeUndefined()
  })
})

test('says what differs between two runs, settings first', () => {
  expect(rowDifferences(rows[0]!, rows[2]!).map(({ field, a, b }) => [field, a, b])).toEqual([
    ['optimizer.learningRate', 0.1, 0.2],
    ['id', 'id-0-0.1', 'id-0-0.2'],
    ['testAccuracy', 0.9, 0.8],
  ])
})

test('CSV keeps what is in a cell within it', () => {
  expect(csvOf(['a', 'b'], [{ a: 'one, "two"\nthree', b: null }, { a: 0.5 }])).toBe(
    'a,b\r\n"one, ""two""\nthree",\r\n0.5,\r\n',
  )
})
