import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  classificationMetrics,
  compareRuns,
  comparisonJson,
  comparisonMarkdown,
  comparisonText,
  confusionMatrix,
  metricsMarkdown,
  metricsText,
  ReportError,
  wilsonInterval,
  type ComparisonRow,
} from './index'
import { exampleInput } from './testing/example'

describe('metrics', () => {
  // By hand: class 0 is right 2 of 3 times, class 1 right 1 of 2 times; class 2 has no image and was never guessed.
  const confusion = confusionMatrix([0, 0, 0, 1, 1], [0, 0, 1, 1, 0], 3)

  test('are those counted by hand', () => {
    expect(confusion).toEqual([
      [2, 1, 0],
      [1, 1, 0],
      [0, 0, 0],
    ])
    const metrics = classificationMetrics(confusion, { meanLoss: 0.5 })
    expect(metrics).toMatchObject({ count: 5, correct: 3, accuracy: 0.6, meanLoss: 0.5 })
    expect(metrics.perClass[0]).toMatchObject({ count: 3, correct: 2, accuracy: 2 / 3, precision: 2 / 3, f1: 2 / 3 })
    expect(metrics.perClass[1]).toMatchObject({ precision: 0.5, recall: 0.5, f1: 0.5 })
    expect(metrics.perClass[2]).toMatchObject({ count: 0, accuracy: null, precision: null, recall: null, f1: null })
    expect(metrics.macro.recall).toBeCloseTo((2 / 3 + 0.5) / 2)
    expect(metrics.weightedF1).toBeCloseTo((3 * (2 / 3) + 2 * 0.5) / 5)
  })

  test('of any predictions keep what must hold', () => {
    const pairs = fc.array(fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 })), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(pairs, (list) => {
        const metrics = classificationMetrics(
          confusionMatrix(
            list.map(([a]) => a),
            list.map(([, b]) => b),
            5,
          ),
        )
        expect(metrics.count).toBe(list.length)
        expect(metrics.correct).toBe(list.filter(([a, b]) => a === b).length)
        const [low, high] = metrics.interval
        expect(low <= metrics.accuracy + 1e-12 && metrics.accuracy <= high + 1e-12).toBe(true)
        for (const { precision, recall, f1 } of metrics.perClass)
          if (precision !== null && recall !== null && precision + recall > 0)
            expect(f1).toBeCloseTo((2 * precision * recall) / (precision + recall))
      }),
    )
  })

  test("Wilson's interval is the published one", () => {
    const [low, high] = wilsonInterval(8, 10) // scipy's binomtest(8, 10).proportion_ci(method='wilson') with z = 1.96
    expect(low).toBeCloseTo(0.49016, 4)
    expect(high).toBeCloseTo(0.94331, 4)
    expect(wilsonInterval(10, 10)[1]).toBe(1)
    expect(wilsonInterval(0, 10)[0]).toBe(0)
    expect(wilsonInterval(0, 0)).toEqual([0, 1])
    expect(() => wilsonInterval(11, 10)).toThrow('expected from 0 to 10 correct, found 11')
  })

  test('what makes no metrics is refused with both values', () => {
    expect(() => confusionMatrix([1], [1, 2], 3)).toThrow('expected a prediction for each of 1 labels, found 2')
    expect(() => confusionMatrix([3], [1], 3)).toThrow('expected classes from 0 to 2, found 3 at position 0')
    expect(() => classificationMetrics([[1, 2]])).toThrow(ReportError)
    expect(() =>
      classificationMetrics([
        [1, -1],
        [0, 2],
      ]),
    ).toThrow('expected whole numbers from 0 up in a confusion matrix, found -1')
    expect(() => classificationMetrics([[NaN]])).toThrow('found NaN')
    for (const classes of [0, 1.5, NaN])
      expect(() => confusionMatrix([], [], classes)).toThrow(`classes from 1 up, found ${classes}`)
    expect(() => classificationMetrics([[0]])).toThrow('expected at least one prediction, found none')
  })

  test('as text and as Markdown', () => {
    const metrics = classificationMetrics(confusion, { meanLoss: 0.5 })
    expect(metricsText(metrics, { classNames: ['zero', 'one', 'two'] })).toMatchInlineSnapshot(`
      "accuracy 60.00 % (3 of 5; 95 % interval 23.07 % to 88.24 %), mean loss 0.5000

      class  accuracy  precision  recall      F1  images
      ─────  ────────  ─────────  ──────  ──────  ──────
      zero    66.67 %     0.6667  0.6667  0.6667       3
      one     50.00 %     0.5000  0.5000  0.5000       2
      two           -          -       -       -       0
      mean    58.33 %     0.5833  0.5833  0.5833       5

      true \\ predicted  zero  one  two
      ────────────────  ────  ───  ───
      zero                 2    1    .
      one                  1    1    .
      two                  .    .    ."
    `)
    const markdown = metricsMarkdown(metrics, { classNames: ['a|b', '<script>', '2'] })
    expect(markdown).toContain('| a\\|b | 66.67 % |')
    expect(markdown).toContain('&lt;script>')
  })

  test('names too long for a table of 80 columns stand at its rows alone', () => {
    const classNames = [
      'T-shirt',
      'trouser',
      'pullover',
      'dress',
      'coat',
      'sandal',
      'shirt',
      'sneaker',
      'bag',
      'ankle boot',
    ]
    const labels = Array.from({ length: 10 }, (_, label) => label)
    const text = metricsText(classificationMetrics(confusionMatrix(labels, labels, 10)), { classNames })
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
    expect(text).toMatch(/^true \\ predicted +0 +1 +2 +3 /m)
    expect(text).toMatch(/^9 ankle boot +\. /m)
  })

  test('of a thousand classes those that are confused most are shown, and it is said', () => {
    const labels = Array.from({ length: 3000 }, (_, i) => i % 1000)
    const predictions = labels.map((label, i) => (label < 70 && i < 1000 ? (label + 1) % 70 : label))
    const metrics = classificationMetrics(confusionMatrix(labels, predictions, 1000))
    const text = metricsText(metrics)
    expect(text).toContain('64 of 1,000 classes are shown, those that are confused most often.')
    expect(text).toContain('24 of 1,000 classes are shown')
    const lines = text.split('\n')
    expect(lines.length).toBeLessThan(110)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(130)
    const markdown = metricsMarkdown(metrics).split('\n')
    expect(markdown.length).toBeLessThan(150)
    // The matrix counts whole rows: a class is shown with its own images, whatever is left out beside it.
    expect(text).toContain('(2,930 of 3,000;')
    expect(text).toContain('\n0                ')
  })

  test('a few classes of many that occur are those that are shown', () => {
    const metrics = classificationMetrics(confusionMatrix([0, 1, 2], [0, 700, 2], 1000))
    const text = metricsText(metrics, { classNames: ['zero', 'one', 'two'] })
    expect(text).toContain('4 of 1,000 classes are shown')
    expect(text).toContain('700')
  })
})

describe('comparison', () => {
  const row = (more: Partial<ComparisonRow>): ComparisonRow => ({
    model: 'cnn',
    parameters: 20490,
    backend: 'wasm',
    dataset: 'MNIST',
    seed: 0,
    testAccuracy: 0.98,
    testLoss: 0.05,
    secondsPerEpoch: 4.2,
    epochs: 5,
    ...more,
  })

  test('seeds become one line with mean and sample standard deviation', () => {
    const { groups } = compareRuns([row({}), row({ seed: 1, testAccuracy: 0.99 }), row({ backend: 'cpu' })])
    expect(groups).toHaveLength(2)
    expect(groups[0]?.seeds).toEqual([0, 1])
    expect(groups[0]?.testAccuracy.mean).toBeCloseTo(0.985)
    expect(groups[0]?.testAccuracy.deviation).toBeCloseTo(Math.SQRT1_2 / 100)
    expect(groups[1]?.testAccuracy).toEqual({ mean: 0.98, deviation: null })
  })

  test('runs are taken as they are', () => {
    const runs = [0, 1].map((seed) => exampleInput({ seed, mistakeEvery: 7 + seed }).run)
    const { groups } = compareRuns([...runs, row({ model: 'linear' })])
    expect(groups.map(({ model, seeds }) => [model, seeds])).toEqual([
      ['cnn', [0, 1]],
      ['linear', [0]],
    ])
    expect(groups[0]?.testAccuracy.mean).toBe(((runs[0]?.metrics.accuracy ?? 0) + (runs[1]?.metrics.accuracy ?? 0)) / 2)
  })

  test('as text it fits 80 columns, and says the data set', () => {
    const text = comparisonText(
      compareRuns([row({ model: 'two-layer', parameters: 79510 }), row({}), row({ seed: 1, testAccuracy: 0.99 })]),
    )
    expect(text).toMatchInlineSnapshot(`
      "MNIST, 5 epochs, seeds 0, 1

      model      parameters   test accuracy        test loss      s/epoch  backend
      ─────────  ──────────  ──────────────  ───────────────  ───────────  ───────
      two-layer      79,510         98.00 %           0.0500         4.20  wasm
      cnn            20,490  98.50 ± 0.71 %  0.0500 ± 0.0000  4.20 ± 0.00  wasm

      mean ± sample standard deviation over n = 1 to 2 runs"
    `)
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
  })

  test('a notice stands above the table, once', () => {
    const comparison = compareRuns([
      row({ notice: 'this is NOT MNIST' }),
      row({ model: 'linear', notice: 'this is NOT MNIST' }),
    ])
    expect(comparisonText(comparison).match(/\*\*\* this is NOT MNIST \*\*\*/g)).toHaveLength(1)
    expect(comparisonMarkdown(comparison)).toMatch(/^> \*\*this is NOT MNIST\*\*/)
  })

  test('as JSON it is read back unrounded', () => {
    const comparison = compareRuns([row({ testAccuracy: 1 / 3 }), row({ seed: 1 }), row({ model: 'linear' })])
    expect(JSON.parse(comparisonJson(comparison))).toEqual(comparison)
  })

  test('a loss that is not known for every run is no mean', () => {
    const { testLoss, ...lossless } = row({ seed: 1 })
    const comparison = compareRuns([row({}), lossless])
    expect(testLoss).toBeDefined()
    expect(comparison.groups[0]?.testLoss).toBeNull()
    expect(comparisonText(comparison)).toContain('98.00 ± 0.00 %          -  ')
  })

  test('names from outside can neither break a table nor become markup', () => {
    const hostile = compareRuns([
      row({ model: 'a\u001b[31m\nb', dataset: '![x](http://y) & <img>', notice: '<b>_loud_</b>' }),
    ])
    expect(comparisonText(hostile)).toContain('\na·[31m·b  ')
    expect(comparisonText(hostile)).not.toContain('\u001b')
    const markdown = comparisonMarkdown(hostile)
    expect(markdown).toContain('!\\[x\\](http://y) &amp; &lt;img>')
    expect(markdown).toContain('> **&lt;b>\\_loud\\_&lt;/b>**')
  })

  test('nothing to compare is said', () => {
    expect(comparisonText(compareRuns([]))).toContain('nothing to compare')
  })
})
