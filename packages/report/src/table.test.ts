import { expect, test } from 'vitest'
import { comparisonText, compareRuns, metricsText, textTable, classificationMetrics } from './index'

const widest = (text: string) => Math.max(...text.split('\n').map((line) => line.length))

const columns = [
  { heading: 'model', align: 'left' as const },
  { heading: 'parameters', align: 'right' as const, spare: 1 },
  { heading: 'accuracy', align: 'right' as const },
]
const rows = [['linear', '7,850', '92.04 %']]

test('a table that fits stands as it is; a narrower one spares columns, then stands closer, then has a line a cell', () => {
  const whole = textTable(columns, rows)
  expect(whole.split('\n')[0]).toBe('model   parameters  accuracy')
  expect(textTable(columns, rows, { width: 28 })).toBe(whole)
  expect(textTable(columns, rows, { width: 27 }).split('\n')).toEqual([
    'model   accuracy',
    '──────  ────────',
    'linear   92.04 %',
  ])
  expect(textTable(columns, rows, { width: 15 }).split('\n')[0]).toBe('model  accuracy')
  expect(textTable(columns, rows, { width: 14 }).split('\n')).toEqual([
    'linear',
    '  parameters  7,850'.replace('parameters', 'parameters'.padEnd(7)),
    '  accuracy  92.04 %'.replace('accuracy', 'accuracy'.padEnd(7)),
  ])
})

/** As MNIST's: a thousand images a class, of which a few are taken for the next one. */
const confusion = Array.from({ length: 10 }, (_, label) =>
  Array.from({ length: 10 }, (_, predicted) =>
    label === predicted ? 980 + label : predicted === (label + 1) % 10 ? 20 : 0,
  ),
)

test.each([40, 44, 50, 60, 80])('metrics fit %i columns', (width) => {
  const text = metricsText(classificationMetrics(confusion, { meanLoss: 0.1 }), { width })
  const [headline = '', ...tables] = text.split('\n')
  expect(headline).toContain('accuracy')
  expect(widest(tables.join('\n')), text).toBeLessThanOrEqual(width)
})

test('at 44 columns the confusion matrix is still one, of the errors alone', () => {
  const text = metricsText(classificationMetrics(confusion), { width: 44 })
  expect(text).toMatch(/^true {3}0 {3}1 {3}2 /m)
  expect(text).toMatch(/^0 +- +20 /m)
})

test('where not even that fits, the most frequent errors have a line each', () => {
  const text = metricsText(classificationMetrics(confusion), { width: 24 })
  expect(text).toMatch(/true +predicted +images/)
  expect(text).toMatch(/^0 +1 +20$/m)
})

test('a comparison keeps model, accuracy and backend at 44 columns', () => {
  const row = {
    model: 'two-layer',
    parameters: 79510,
    backend: 'wasm',
    dataset: 'MNIST',
    secondsPerEpoch: 0.45,
    epochs: 5,
  }
  const comparison = compareRuns(
    [0, 1, 2].map((seed) => ({ ...row, seed, testAccuracy: 0.96 + seed / 1000, testLoss: 0.1 })),
  )
  const [, , heading = '', ...more] = comparisonText(comparison, { width: 44 }).split('\n')
  expect(heading).toMatch(/model .*test accuracy .*backend/)
  expect(widest([heading, ...more.slice(0, 2)].join('\n'))).toBeLessThanOrEqual(44)
})
