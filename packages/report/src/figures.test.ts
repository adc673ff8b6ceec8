import { decode } from 'fast-png'
import { parseHTML } from 'linkedom'
import { describe, expect, test } from 'vitest'
import {
  classAccuracyFigure,
  comparisonFigures,
  confusionFigure,
  fixedImagesFigure,
  imageGridFigure,
  lossFigure,
  mcNemarFigure,
  mistakesFigure,
  runFigures,
  runReportHtml,
  type Figure,
} from './figures'
import { comparedPairs, confidentMistakes, ReportError, wilsonInterval, type ReportInput } from './index'
import { firstLayerFigure } from './figures/first-layer'
import { textWidth } from './figure'
import { percentTick, rateTicks } from './figures/accuracy'
import { figurePng } from './node'
import { comparisonReportHtml } from './figures'
import { seriesColours } from './theme'
import { exampleImages, exampleInput, exampleLayer } from './testing/example'

const parsed = ({ svg }: Pick<Figure, 'svg'>) => parseHTML(`<html><body>${svg}</body></html>`).document
const textsOf = (figure: Pick<Figure, 'svg'>) =>
  [...parsed(figure).querySelectorAll('text')].map(({ textContent }) => textContent)
const count = (figure: Pick<Figure, 'svg'>, selector: string) => parsed(figure).querySelectorAll(selector).length
const figure = (input: ReportInput, id: string): Figure => {
  const found = [...runFigures(input), ...comparisonFigures([input])].find((drawable) => drawable.id === id)
  if (!found) throw new Error(`no figure ${id}`)
  return found.draw()
}

const input = exampleInput()
const { run, predictions, images } = input
if (!images) throw new Error('the example has images')

describe('every mark is there, and every number is that of the run', () => {
  test('before and after: an image each, titled by its classes; a mistake has its cross', () => {
    for (const when of ['before', 'after'] as const) {
      const drawn = fixedImagesFigure(images, predictions, when)
      const wrong = Array.from({ length: 64 }, (_, i) => predictions.labels[i] !== predictions[when][i])
      const mistakes = wrong.filter(Boolean).length
      expect(count(drawn, 'image')).toBe(64)
      expect(count(drawn, '[data-wrong="true"]')).toBe(mistakes)
      expect(count(drawn, '[data-wrong="true"] circle + path')).toBe(mistakes)
      expect(count(drawn, '[data-wrong="false"] path')).toBe(0)
      const captions = textsOf(drawn).filter((text) => /^T:/.test(text ?? ''))
      expect(captions).toEqual(
        Array.from({ length: 64 }, (_, i) => `T:${predictions.labels[i]} P:${predictions[when][i]}`),
      )
      expect(drawn.title).toBe(`${when === 'before' ? 'Before' : 'After'} training: ${64 - mistakes} of 64 right`)
    }
  })

  test('augmented: 64 training images, each with its classes, and what was done stands with the experiment', async () => {
    const pixels = new Uint8Array(64 * 36).map((_, i) => (i * 7) % 256)
    const captions = Array.from({ length: 64 }, (_, i) => (i === 5 ? '5 + 3' : String(i % 10)))
    const augment = [
      { name: 'affine', shift: 2, rotate: 10 },
      { name: 'elastic', alpha: 34, sigma: 4 },
    ]
    const augmented = {
      ...input,
      run: { ...run, experiment: { ...run.experiment, augment } },
      augmented: { height: 6, width: 6, pixels, captions },
    }
    const drawn = figure(augmented, 'augmented')
    expect(count(drawn, 'image')).toBe(64)
    expect(textsOf(drawn)).toEqual(expect.arrayContaining(['64 training images as the first epoch saw them', '5 + 3']))
    expect(runFigures(input).some(({ id }) => id === 'augmented')).toBe(false)
    const page = await runReportHtml(augmented)
    expect(page).toContain('affine: shift 2, rotate 10')
    expect(page).toContain('elastic: alpha 34, sigma 4')
    expect(page).toContain('that of the larger share first')
  })

  test('long names of classes stand on two lines, cut to the width of their image', () => {
    const classNames = ['T-shirt/top', 'ankle boot', ...'23456789']
    const texts = textsOf(fixedImagesFigure(images, predictions, 'before', { classNames }))
    expect(texts).toContain('T:T-shirt/\u2026')
    expect(texts).toContain('P:T-shirt/\u2026')
    expect(texts).toContain('T:5')
  })

  test('loss: the raw band, the smoothed line, and a diamond for each epoch', () => {
    const drawn = figure(input, 'loss')
    expect(count(drawn, '[data-mark="area"] path')).toBe(1)
    expect(count(drawn, '[data-mark="line"] path')).toBe(1)
    expect(count(drawn, '[data-mark="dot"] path')).toBe(run.history.epochs.length)
    expect(drawn.svg).toContain('<title>test loss after step 20: 0.2500</title>')
    expect(drawn.alt).toContain('60 steps')
  })

  test('accuracy: both lines with a point an epoch, and the accuracies of run.json', () => {
    const drawn = figure(input, 'accuracy')
    expect(count(drawn, '[data-mark="line"] path')).toBe(2)
    expect(count(drawn, '[data-mark="dot"] title')).toBe(1 + 2 * run.history.epochs.length) // and before training
    for (const { epoch, testAccuracy = NaN, trainAccuracy } of run.history.epochs) {
      expect(drawn.svg).toContain(`epoch ${epoch}: ${(100 * testAccuracy).toFixed(2)} % of the test images`)
      expect(drawn.svg).toContain(`epoch ${epoch}: ${(100 * trainAccuracy).toFixed(2)} % of the training images`)
    }
  })

  test.each([320, 560, 900])('no line crosses the words about what was before training, %i pixels wide', (width) => {
    const runs = ['linear', 'cnn'].map((name, n) => exampleInput({ name, mistakeEvery: 4 + 5 * n }))
    const drawn = comparisonFigures(runs).find(({ id }) => id === 'accuracies')
    const { document } = parseHTML(drawn?.draw({ width }).svg ?? '')
    const said = [...document.querySelectorAll('[data-mark="text"] text')].find(({ textContent }) =>
      textContent?.includes('before training'),
    )
    const placeOf = (element: Element | null | undefined): [x: number, y: number] => {
      const [, x = '0', y = '0'] = /translate\(([-\d.]+),([-\d.]+)/.exec(element?.getAttribute('transform') ?? '') ?? []
      return [Number(x), Number(y)]
    }
    const [[x, y], [dx, dy]] = [placeOf(said), placeOf(said?.parentElement)]
    const lines = [...document.querySelectorAll('[data-mark="link"] path, [data-mark="line"] path')]
    const ends = lines.flatMap((path) =>
      [...(path.getAttribute('d') ?? '').matchAll(/,([\d.]+)/g)].map(([, down]) => Number(down)),
    )
    expect(ends.length).toBeGreaterThan(4)
    expect(y + dy).toBeGreaterThan(Math.max(...ends) + 20) // below the numbers of the axis
    const label = [...document.querySelectorAll('text')].find(({ textContent }) => textContent === 'epoch')
    expect(x + dx + textWidth(said?.textContent ?? '', 12)).toBeLessThan(width - textWidth('epoch', 12) - 18)
    expect(label?.parentElement?.getAttribute('text-anchor') ?? label?.getAttribute('text-anchor')).toBe('end')
  })

  test('runs that differ in the seed alone are one line with a band, and a model has one colour in every figure', async () => {
    const runs = [0, 1, 2].flatMap((seed) => [
      exampleInput({ name: 'linear', seed, mistakeEvery: 3 + seed }),
      exampleInput({ name: 'cnn', seed, mistakeEvery: 7 + seed }),
    ])
    const [comparison, accuracies, losses] = comparisonFigures(runs).map(({ draw }) => draw())
    if (!comparison || !accuracies || !losses) throw new Error('there are four figures')
    for (const drawn of [accuracies, losses]) {
      expect(count(drawn, '[data-mark="area"] path')).toBe(2)
      expect(count(drawn, '[data-mark="line"] path')).toBe(2)
      expect(textsOf(drawn)).toEqual(expect.arrayContaining(['linear, 3 seeds', 'cnn, 3 seeds']))
    }
    expect(accuracies.title).toBe('Test accuracy per epoch, mean ± deviation')
    expect(accuracies.svg).toContain('before training')
    const shares = runs.filter(({ run }) => run.model.name === 'cnn').map(({ run }) => run.metrics.accuracy)
    const mean = shares.reduce((sum, share) => sum + share) / 3
    const deviation = Math.sqrt(shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / 2)
    const words = `${(100 * mean).toFixed(2)} ± ${(100 * deviation).toFixed(2)} %`
    expect(textsOf(comparison)).toContain(words)
    const html = await comparisonReportHtml(runs)
    expect(html).toContain(`${(100 * mean).toFixed(2)} ± ${(100 * deviation).toFixed(2)}<`)
    const { document } = parseHTML(html)
    expect(document.querySelectorAll('details.run[open]')).toHaveLength(0)
    expect(document.querySelectorAll('details.run')).toHaveLength(6)
    for (const drawn of [comparison, accuracies, losses])
      for (const colour of seriesColours('light').slice(0, 2)) expect(drawn.svg).toContain(colour)
    for (const colour of seriesColours('light').slice(2)) expect(accuracies.svg).not.toContain(colour)
  })

  test('words at a horizontal axis of rates never touch, at any range and width', () => {
    for (const room of [120, 180, 240, 320, 480, 900])
      for (const domain of [
        [0.9, 0.92],
        [0.905, 0.9155],
        [0, 1],
        [0.97, 1],
        [0.98, 0.9901],
      ] as const) {
        const ticks = rateTicks(domain, room)
        const [a = 0, b = 1] = ticks
        if (ticks.length > 1)
          expect(((b - a) / (domain[1] - domain[0])) * room).toBeGreaterThan(textWidth(percentTick(b), 12) + 4)
      }
  })

  test('of a thousand classes those that are confused most are drawn, and it is said', () => {
    const confusion = Array.from({ length: 1000 }, (_, label) =>
      Array.from({ length: 1000 }, (_, predicted) =>
        label === predicted ? 3 : label < 70 && predicted === (label + 1) % 70 ? 1 : 0,
      ),
    )
    const wide = { ...run, metrics: { ...run.metrics, count: 3070, correct: 3000, confusion } }
    for (const figure of [confusionFigure(wide), classAccuracyFigure(wide)]) {
      expect(figure.alt).toContain('64 of 1,000 classes are shown, those that are confused most often.')
      expect(figure.svg.length).toBeLessThan(2_000_000)
    }
    const cells = parsed(confusionFigure(wide)).querySelectorAll('[data-cell]')
    expect(cells).toHaveLength(64 * 64)
    expect(cells[1]?.getAttribute('data-cell')).toBe('0,1')
  })

  test('confusion: each cell has the count and the rate of its row', () => {
    const document = parsed(confusionFigure(run))
    expect(document.querySelectorAll('[data-cell]')).toHaveLength(100)
    run.metrics.confusion.forEach((row, label) => {
      const total = row.reduce((sum, n) => sum + n, 0)
      row.forEach((n, predicted) => {
        const cell = document.querySelector(`[data-cell="${label},${predicted}"]`)
        const [shown, rate] = [...(cell?.querySelectorAll('text') ?? [])].map(({ textContent }) => textContent)
        expect(shown).toBe(n === 0 && label !== predicted ? '\u00b7' : String(n))
        if (n > 0 && n < total) expect(Number.parseFloat(rate ?? '')).toBeCloseTo((100 * n) / total, 1)
        if (n === total) expect(rate).toBe('100%')
      })
    })
  })

  test('classes: an interval and a point each, the accuracy in words', () => {
    const drawn = classAccuracyFigure(run)
    expect(count(drawn, '[data-mark="dot"] circle')).toBe(10)
    expect(count(drawn, '[data-mark="rule"] line')).toBe(1 + 10)
    run.metrics.confusion.forEach((row, label) => {
      const [correct, total] = [row[label] ?? 0, row.reduce((sum, n) => sum + n, 0)]
      const [low, high] = wilsonInterval(correct, total).map((end) => `${(100 * end).toFixed(2)} %`)
      expect(drawn.svg).toContain(`${label}: ${correct} of ${total}, 95 % interval ${low} to ${high}`)
    })
  })

  test('mistakes: the most confident ones, with the probabilities of both classes', () => {
    const drawn = mistakesFigure(images, predictions)
    const mistakes = confidentMistakes(predictions)
    expect(count(drawn, 'image')).toBe(mistakes.length)
    const [first] = mistakes
    expect(textsOf(drawn).slice(1, 3)).toEqual([
      `P:${first?.predicted} ${(100 * (first?.confidence ?? 0)).toFixed(1)}%`,
      `T:${first?.label} ${(100 * (first?.labelProbability ?? 0)).toFixed(1)}%`,
    ])
  })

  test('reliability: a bar and a point for each bin that is not empty, the line of the ideal, the error', () => {
    const drawn = figure(input, 'reliability')
    const filled = new Set(
      Array.from(predictions.after, (predicted, i) =>
        Math.floor((predictions.probabilities[i * 10 + predicted] ?? 0) * 10),
      ),
    )
    expect(count(drawn, '[data-mark="rect"] rect')).toBe(filled.size)
    expect(count(drawn, '[data-mark="dot"] circle')).toBe(filled.size)
    expect(count(drawn, '[data-mark="link"] path')).toBe(1)
    expect(drawn.title).toMatch(/expected calibration error \d+\.\d\d %/)
  })

  test('first layer: an image a filter, a scale with both ends', () => {
    const drawn = figure(input, 'first-layer')
    expect(count(drawn, 'image')).toBe(16)
    expect(textsOf(drawn)).toEqual(expect.arrayContaining(['\u22121', '0', '+1', '16']))
    const linear = { name: 'fc.weight', shape: [10, 36], data: new Float32Array(360).fill(0.5) }
    const templates = firstLayerFigure(linear, { imageShape: [6, 6], classNames: run.dataset.classNames })
    expect(templates.title).toContain('10 templates')
    expect(count(templates, 'image')).toBe(10)
    const hidden = { name: 'fc1.weight', shape: [300, 36], data: new Float32Array(10_800) }
    expect(count(firstLayerFigure(hidden, { imageShape: [6, 6] }), 'image')).toBe(100)
  })

  test('feature maps: the image, then a map a filter', () => {
    expect(count(figure(input, 'feature-maps'), 'image')).toBe(1 + 16)
  })

  test("a phone has room for the feature maps' words", () => {
    const narrow = runFigures(input)
      .find(({ id }) => id === 'feature-maps')
      ?.draw({ width: 330 })
    const words = textsOf(narrow ?? { svg: '' })
    expect(words).toContain('the stronger a filter answers')
    // A letter is some 6 pixels wide, and what stands beside the image begins at 76.
    for (const text of words) expect(76 + 6 * (text?.length ?? 0), text ?? '').toBeLessThan(330)
  })

  test('comparison: accuracy with interval, parameters and seconds of each model', () => {
    const inputs = [exampleInput({ name: 'linear', mistakeEvery: 4 }), input]
    const [comparison, accuracies, losses] = comparisonFigures(inputs).map(({ draw }) => draw({ width: 900 }))
    const texts = textsOf(comparison ?? { svg: '' })
    for (const { run } of inputs)
      expect(texts).toEqual(
        expect.arrayContaining([run.model.name, `${(100 * run.metrics.accuracy).toFixed(2)} %`, '20,490', '1.50 s']),
      )
    expect(count(comparison ?? { svg: '' }, '[data-mark="dot"] circle')).toBe(2)
    expect(count(comparison ?? { svg: '' }, '[data-mark="rule"] line')).toBe(2 + 2)
    expect(count(comparison ?? { svg: '' }, '[data-mark="bar"] rect')).toBe(4)
    expect(count(accuracies ?? { svg: '' }, '[data-mark="line"] path')).toBe(2)
    expect(count(losses ?? { svg: '' }, '[data-mark="line"] path')).toBe(2)

    const [pair] = comparedPairs(inputs)
    const drawn = mcNemarFigure(inputs)
    expect(count(drawn, '[data-pair] rect')).toBe(2)
    const three = mcNemarFigure([...inputs, exampleInput({ name: 'two-layer', mistakeEvery: 5 })])
    const [blue, brown, green] = seriesColours('light')
    const fills = [...parsed(three).querySelectorAll('[data-pair] rect')].map((bar) => bar.getAttribute('fill'))
    expect(fills).toEqual([blue, brown, blue, green, brown, green]) // a model keeps its colour from pair to pair
    expect(textsOf(drawn)).toEqual(expect.arrayContaining([String(pair?.onlyFirst), String(pair?.onlySecond)]))
  })

  test('any images, with captions', () => {
    const drawn = imageGridFigure(exampleImages(3), ['a', 'b', 'c'])
    expect(count(drawn, 'image')).toBe(3)
    expect(textsOf(drawn).slice(1)).toEqual(['a', 'b', 'c'])
    expect(() => imageGridFigure(exampleImages(3), ['a'])).toThrow('a caption for each of 3 images, found 1')
  })
})

/** As who reads run.json without a schema has it. */
const throughJson = (given: ReportInput): ReportInput => ({
  ...given,
  run: JSON.parse(JSON.stringify(given.run)) as ReportInput['run'],
})

/** Runs that are unusual, and still to be drawn. */
const unusual: [string, ReportInput][] = [
  ['one epoch', exampleInput({ epochs: 1 })],
  ['one step', exampleInput({ epochs: 1, stepsPerEpoch: 1, count: 1, mistakeEvery: 0 })],
  ['no whole epoch', exampleInput({ epochs: 0 })],
  ['a class without test images', exampleInput({ without: 3 })],
  ['100 % accuracy', exampleInput({ mistakeEvery: 0 })],
  ['0 % accuracy', exampleInput({ mistakeEvery: 1, count: 10 })],
  ['a loss that became NaN', exampleInput({ loss: (step) => (step > 30 ? NaN : 1 / step), testLoss: NaN })],
  ['a loss that never was a number', exampleInput({ loss: () => NaN, testLoss: NaN })],
  ['losses that JSON made null', throughJson(exampleInput({ loss: (step) => (step > 9 ? NaN : 1), testLoss: NaN }))],
  ['a loss of 0', exampleInput({ loss: () => 0, testLoss: 0 })],
  ['an infinite loss', exampleInput({ loss: (step) => (step === 5 ? Infinity : 1) })],
  ['1,000 epochs', exampleInput({ epochs: 1000, stepsPerEpoch: 900 })],
  ['two classes with long names', exampleInput({ classNames: ['a very long name of a class', '<b>&"\''] })],
]

/** A PNG takes four times as long as its SVGs: by default of each figure those of every fourth run, of the next figure those of others. */
const hasPng = (name: string, figure: number): boolean =>
  process.env['DIGITLAB_ALL'] === '1' || (unusual.findIndex(([known]) => known === name) + figure) % 4 === 0

describe.each(unusual)('a run with %s', (name, unusualInput) => {
  test('still draws every figure, at two widths and in two themes', async () => {
    const drawables = [...runFigures(unusualInput), ...comparisonFigures([unusualInput, input])]
    expect(drawables.map(({ id }) => id)).toEqual([
      ...['before', 'after', 'loss', 'accuracy', 'confusion', 'class-accuracy', 'mistakes', 'reliability'],
      ...['first-layer', 'feature-maps', 'comparison', 'accuracies', 'losses', 'mcnemar'],
    ])
    for (const [at, { id, draw }] of drawables.entries())
      for (const [width, theme] of [
        [560, 'light'],
        [300, 'dark'],
      ] as const) {
        const drawn = draw({ width, theme })
        expect(drawn.id).toBe(id)
        const marks = drawn.svg.replace(/data:[^"]*/g, '') // whose letters may spell anything
        expect(marks).not.toMatch(/NaN|undefined|Infinity/)
        expect(drawn.svg.length).toBeLessThan(200_000)
        expect(drawn.alt.length).toBeGreaterThan(10)
        // resvg reads strict XML: what is not well-formed throws
        if (theme === 'light' && hasPng(name, at))
          expect((await figurePng(drawn.svg, { scale: 0.25 })).length).toBeGreaterThan(500)
      }
  })
})

test('what the unusual has to say is said', () => {
  const of = (name: string) => unusual.find(([known]) => known === name)?.[1] ?? input
  expect(figure(of('100 % accuracy'), 'mistakes').alt).toContain('No mistake was made on 120 test images')
  expect(figure(of('100 % accuracy'), 'confusion').alt).toBe('Every image was taken for what it is.')
  expect(figure(of('a class without test images'), 'class-accuracy').alt).toContain('No image of 3 was tested')
  expect(textsOf(figure(of('a class without test images'), 'class-accuracy'))).toContain('no image')
  expect(figure(of('a loss that became NaN'), 'loss').alt).toContain('the loss of 30 steps is no number')
  expect(figure(of('a loss that never was a number'), 'loss').alt).toContain('there is no curve')
  expect(figure(of('no whole epoch'), 'accuracy').alt).toContain('Accuracy appears after the first epoch')
})

describe('a PNG', () => {
  test('has the size asked for, and its words are drawn whatever fonts the machine has', async () => {
    const drawn = lossFigure(run)
    const png = decode(await figurePng(drawn.svg, { scale: 2 }))
    expect([png.width, png.height]).toEqual([2 * drawn.width, 2 * drawn.height])
    const ink = async (svg: string) => {
      const { data, channels } = decode(await figurePng(svg, { scale: 1 }))
      return data.filter((value, i) => i % channels === 0 && value < 128).length
    }
    const wordless = drawn.svg.replace(/(<text[^>]*>)[^<]*/g, '$1')
    expect((await ink(drawn.svg)) - (await ink(wordless))).toBeGreaterThan(300)
  })

  test('a dark figure is light on dark', async () => {
    const { data, channels } = decode(await figurePng(lossFigure(run, { theme: 'dark' }).svg, { scale: 1 }))
    expect(channels).toBe(4)
    expect([...data.subarray(0, 3)].every((value) => value < 40)).toBe(true)
  })
})

test('what makes no figure is refused with both values', () => {
  const few = exampleImages(10)
  expect(() => fixedImagesFigure(few, predictions, 'after')).toThrow('an image for each of 120 predictions, found 10')
  expect(() => firstLayerFigure(exampleLayer, { imageShape: [6, 6] })).not.toThrow()
  expect(() => firstLayerFigure({ ...exampleLayer, shape: [16, 35] }, { imageShape: [6, 6] })).toThrow(ReportError)
})
