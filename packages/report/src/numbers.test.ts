import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { calibration, comparedPairs, confidentMistakes, mcNemar, reportDocument, ReportError, runLabels } from './index'
import { pText } from './compared-runs'
import { lossSpans, smoothedLosses, smoothingWindow } from './smoothing'
import { exampleInput } from './testing/example'
import { countingTicks, linearTicks, logTicks, shortNumber } from './ticks'

describe('calibration', () => {
  // By hand: confidences .95 (right), .95 (wrong), .65 (right), .55 (right).
  const predictions = {
    labels: [0, 1, 1, 0],
    before: [0, 0, 0, 0],
    after: [0, 0, 1, 0],
    probabilities: [0.95, 0.05, 0.95, 0.05, 0.35, 0.65, 0.55, 0.45],
  }

  test('is the one counted by hand', () => {
    const { bins, expectedError, meanConfidence, accuracy } = calibration(predictions)
    expect(bins).toHaveLength(10)
    expect(bins[9]).toMatchObject({ count: 2, correct: 1, accuracy: 0.5 })
    expect(bins[9]?.confidence).toBeCloseTo(0.95)
    expect(bins[0]).toEqual({ from: 0, to: 0.1, count: 0, correct: 0, confidence: null, accuracy: null })
    expect(expectedError).toBeCloseTo((2 * 0.45 + 0.35 + 0.45) / 4)
    expect(meanConfidence).toBeCloseTo(0.775)
    expect(accuracy).toBe(0.75)
  })

  test('counts each prediction once, and errs by 0 where the model is certain and right', () => {
    const shares = fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(shares, (list) => {
        const classes = list.map(() => 0)
        const probabilities = list.flatMap((share) => [share, 1 - share])
        const { bins, expectedError } = calibration({ labels: classes, before: classes, after: classes, probabilities })
        expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(list.length)
        expect(expectedError >= 0 && expectedError <= 1).toBe(true)
      }),
    )
    const sure = { labels: [0, 1], before: [0, 0], after: [0, 1], probabilities: [1, 0, 0, 1] }
    expect(calibration(sure).expectedError).toBe(0)
    const broken = calibration({ ...sure, probabilities: [NaN, NaN, 0, 1] })
    expect(broken.bins[0]?.count).toBe(1)
  })

  test('the most confident mistakes come first', () => {
    expect(confidentMistakes(predictions)).toEqual([
      { image: 1, label: 1, predicted: 0, confidence: 0.95, labelProbability: 0.05 },
    ])
    const { predictions: many } = exampleInput()
    const mistakes = confidentMistakes(many, 5)
    expect(mistakes).toHaveLength(5)
    expect(mistakes.map(({ confidence }) => confidence)).toEqual(
      mistakes.map(({ confidence }) => confidence).sort((a, b) => b - a),
    )
  })

  test('predictions that do not go together are refused with both values', () => {
    expect(() => calibration({ ...predictions, after: [0] })).toThrow(
      'a prediction after for each of 4 labels, found 1',
    )
    expect(() => calibration({ ...predictions, probabilities: [1, 2, 3] })).toThrow('found 3 in all')
    expect(() => calibration({ ...predictions, before: [0, 0, 0, 2] })).toThrow('from 0 to 1, found 2 at image 3')
    expect(() => calibration({ labels: [], before: [], after: [], probabilities: [] })).toThrow(ReportError)
  })
})

describe("McNemar's test", () => {
  test('counts who is right where', () => {
    expect(mcNemar([0, 0, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1])).toEqual({
      bothRight: 1,
      onlyFirst: 1,
      onlySecond: 1,
      bothWrong: 1,
      pValue: 1,
    })
    expect(() => mcNemar([0, 0], [0], [0, 0])).toThrow('for each of 2 labels, found 1')
  })

  test('is exact', () => {
    const disagree = (first: number, second: number) => {
      const labels = new Array<number>(first + second).fill(0)
      const of = (right: (i: number) => boolean) => labels.map((_, i) => (right(i) ? 0 : 1))
      return mcNemar(
        labels,
        of((i) => i < first),
        of((i) => i >= first),
      ).pValue
    }
    // scipy.stats.binomtest(k, n, 0.5).pvalue
    expect(disagree(1, 9)).toBeCloseTo(0.021484375, 12)
    expect(disagree(10, 25)).toBeCloseTo(0.01667384780012071, 10)
    expect(disagree(0, 0)).toBe(1)
    expect(disagree(7, 7)).toBe(1)
    expect(disagree(3, 11)).toBe(disagree(11, 3))
    expect(disagree(5000, 5000)).toBeCloseTo(1, 10) // 2^-10000 is no number any more
    expect(disagree(100, 4000)).toBeLessThan(1e-300)
  })

  test('is read as people write it', () => {
    expect([1, 0.034, 0.0004, 1.4e-12, 0].map(pText)).toEqual([
      'p = 1',
      'p = 0.034',
      'p = 4 × 10⁻⁴',
      'p = 1 × 10⁻¹²',
      'p < 10⁻³⁰⁰',
    ])
  })

  test('compares each pair of models on the same images, of several seeds the first', () => {
    const inputs = [
      exampleInput({ name: 'linear', mistakeEvery: 4 }),
      exampleInput({ name: 'cnn' }),
      exampleInput({ name: 'cnn', seed: 1 }),
      exampleInput({ name: 'cnn', title: 'KMNIST', count: 50 }),
    ]
    expect(runLabels(inputs)).toEqual([
      'linear, MNIST, seed 0',
      'cnn, MNIST, seed 0',
      'cnn, MNIST, seed 1',
      'cnn, KMNIST, seed 0',
    ])
    const pairs = comparedPairs(inputs)
    expect(pairs.map(({ first, second, count }) => [first, second, count])).toEqual([
      ['linear, MNIST, seed 0', 'cnn, MNIST, seed 0', 120],
    ])
    expect(runLabels([inputs[1], inputs[1]].flatMap((input) => input ?? []))).toEqual(['cnn', 'cnn (2)'])
  })
})

describe('curves', () => {
  test('spans keep every peak, however many steps', () => {
    const losses = fc.array(fc.oneof(fc.double({ noNaN: true, min: -1e3, max: 1e3 }), fc.constant(NaN)), {
      maxLength: 300,
    })
    fc.assert(
      fc.property(losses, fc.integer({ min: 1, max: 50 }), (list, most) => {
        const spans = lossSpans(list, most)
        expect(spans.length).toBeLessThanOrEqual(most)
        const finite = list.filter(Number.isFinite)
        expect(Math.max(...spans.map(({ high }) => high))).toBe(Math.max(...finite))
        expect(Math.min(...spans.map(({ low }) => low))).toBe(Math.min(...finite))
      }),
    )
  })

  test('smoothing takes the mean around a step, and a gap where nothing is a number', () => {
    expect(smoothedLosses([1, 2, 6, 3], 3, 10).map(({ loss }) => loss)).toEqual([1.5, 3, 11 / 3, 4.5])
    expect(smoothedLosses([1, NaN, NaN, NaN, 2], 1, 10).map(({ loss }) => loss)).toEqual([1, NaN, NaN, NaN, 2])
    expect(smoothedLosses(new Array<number>(1000).fill(1), 21, 100)).toHaveLength(100)
    expect([1, 99, 4690, 938_000].map(smoothingWindow)).toEqual([1, 1, 93, 501])
  })

  test('labels of ticks are short, however large or small a loss is', () => {
    const values = [0, 2, 0.05, 1e-7, 2e4, 99_999, 1e5, 1e8, 1.5e12, -2e9, 1e38]
    expect(values.map(shortNumber)).toEqual([
      '0',
      '2',
      '0.05',
      '1e-7',
      '20000',
      '1e5',
      '1e5',
      '1e8',
      '1.5e12',
      '-2e9',
      '1e38',
    ])
  })

  test('ticks are round, within the axis, and at least one', () => {
    expect(logTicks(0.03, 2.5)).toEqual([0.05, 0.1, 0.2, 0.5, 1, 2])
    expect(logTicks(1e-9, 10)).toHaveLength(11)
    expect(linearTicks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1])
    expect(countingTicks(5, 10)).toEqual([1, 2, 3, 4, 5])
    expect(countingTicks(1000, 5)).toEqual([1, 200, 400, 600, 800, 1000])
    const range = fc.tuple(
      fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
      fc.double({ min: 1.05, max: 1e6, noNaN: true }),
    )
    fc.assert(
      fc.property(range, ([low, times]) => {
        const high = low * times
        for (const ticks of [logTicks(low, high), linearTicks(low, high, 5)]) {
          expect(ticks.length).toBeGreaterThan(0)
          for (const tick of ticks) expect(tick >= low * 0.999 && tick <= high * 1.001).toBe(true)
        }
      }),
    )
  })
})

test('the document holds what the figures show, and passes through JSON', () => {
  const inputs = [exampleInput({ name: 'linear', mistakeEvery: 4 }), exampleInput()]
  const document = reportDocument(inputs)
  expect(document.runs.map(({ label, metrics }) => [label, metrics.correct])).toEqual([
    ['linear', inputs[0]?.run.metrics.correct],
    ['cnn', inputs[1]?.run.metrics.correct],
  ])
  expect(document.pairs).toHaveLength(1)
  expect(JSON.parse(JSON.stringify(document))).toEqual(document)
})
