import { axisX, axisY, dot, gridX, ruleX, ruleY, text } from '@observablehq/plot'
import { chart } from '../chart'
import type { DrawnRun } from '../drawn-run'
import { fitted, type Figure, type FigureOptions } from '../figure'
import { classesLeftOut, classificationMetrics, shownClasses, wilsonInterval } from '../metrics'
import { grouped, percent } from '../number-text'
import { percentTick, rateDomain, rateTicks } from './accuracy'

/** The accuracy of each class, with Wilson's 95 % interval; a class without images is named as such. */
export const classAccuracyFigure = ({ metrics, dataset }: DrawnRun, options: FigureOptions = {}): Figure => {
  const { perClass, accuracy, confusion } = classificationMetrics(metrics.confusion)
  const shown = shownClasses(confusion)
  const rows = perClass
    .filter(({ class: label }) => shown.includes(label))
    .map(({ class: label, correct, count, accuracy }) => {
      const [low, high] = wilsonInterval(correct, count)
      const name = dataset.classNames[label] ?? String(label)
      // Names may be equal or empty: the row is the class, its name only what is read.
      return { label, name, correct, count, accuracy, low, high }
    })
  const seen = rows.filter((row): row is (typeof rows)[number] & { accuracy: number } => row.accuracy !== null)
  const domain = rateDomain(seen.flatMap(({ low, high }) => [low, high]))
  const longest = Math.max(...rows.map(({ name }) => [...name].length))
  const [worst, best] = [
    seen.reduce((a, b) => (b.accuracy < a.accuracy ? b : a)),
    seen.reduce((a, b) => (b.accuracy > a.accuracy ? b : a)),
  ]
  const missing = rows.filter(({ count }) => count === 0).map(({ name }) => name)
  return chart(
    {
      id: 'class-accuracy',
      title: 'Accuracy of each class',
      alt: [
        `Best is ${best.name} with ${percent(best.accuracy)}, worst ${worst.name} with ${percent(worst.accuracy)}; overall ${percent(accuracy)}.`,
        ...(shown.length < perClass.length ? [classesLeftOut(shown, perClass.length)] : []),
        ...(missing.length > 0 ? [`No image of ${missing.join(', ')} was tested.`] : []),
      ].join(' '),
      legend: ({ first, second }) => [
        { words: 'accuracy and its 95 % interval', colour: first, mark: 'circle', dash: '' },
        { words: `all classes, ${percent(accuracy)}`, colour: second, mark: 'line', dash: '4 3' },
      ],
      options: ({ first, second, muted, faint, ink }, width) => {
        const marginLeft = Math.min(100, 16 + longest * 7.5)
        const ticks = rateTicks(domain, width - marginLeft - 66)
        const name = (label: number) =>
          fitted(rows.find((row) => row.label === label)?.name ?? '', Math.min(96, width * 0.25), 12)
        return {
          height: 62 + 25 * rows.length,
          marginTop: 6,
          marginLeft,
          marginRight: 66,
          x: { domain },
          y: { type: 'point', domain: rows.map(({ label }) => label), padding: 0.5 },
          marks: [
            gridX(ticks, { stroke: faint, strokeOpacity: 1 }),
            axisX(ticks, { color: muted, label: null, tickSize: 0, tickFormat: percentTick }),
            axisY({ color: ink, label: null, tickSize: 0, tickFormat: name }),
            ruleX([accuracy], { stroke: second, strokeWidth: 1.8, strokeDasharray: '4 3' }),
            ruleY(seen, { y: 'label', x1: 'low', x2: 'high', stroke: first, strokeWidth: 2.2 }),
            dot(seen, {
              x: 'accuracy',
              y: 'label',
              fill: first,
              r: 4.5,
              title: ({ name, correct, count, low, high }: (typeof rows)[number]) =>
                `${name}: ${grouped(correct)} of ${grouped(count)}, 95 % interval ${percent(low)} to ${percent(high)}`,
            }),
            text(rows, {
              y: 'label',
              frameAnchor: 'right',
              textAnchor: 'start',
              dx: 10,
              fill: ink,
              text: ({ accuracy }: (typeof rows)[number]) => (accuracy === null ? 'no image' : percent(accuracy)),
            }),
          ],
        }
      },
    },
    options,
  )
}
