import { comparedPairs, pText, runLabels, type ComparedPair } from '../compared-runs'
import type { ReportInput } from '../drawn-run'
import {
  defaultWidth,
  element,
  emptyFigure,
  figureOf,
  fitted,
  textAt,
  textWidth,
  type Figure,
  type FigureOptions,
} from '../figure'
import { grouped } from '../number-text'
import { modelColours } from '../run-groups'
import { paletteOf } from '../theme'

const [pitch, barHeight] = [76, 15]

/** McNemar's test of each pair: on how many images only one of the two was right, and how likely such a difference is by chance. */
export const mcNemarFigure = (inputs: readonly ReportInput[], options: FigureOptions = {}): Figure => {
  const [id, title] = ['mcnemar', "Right where the other is wrong: McNemar's test"]
  const { width = defaultWidth, theme = 'light' } = options
  const pairs = comparedPairs(inputs)
  if (pairs.length === 0)
    return emptyFigure(
      { id, title, sentence: 'There are no two models with predictions of the same test images: nothing is tested.' },
      options,
    )
  const { ink, muted, faint } = paletteOf(theme)
  const colours = modelColours(inputs, theme)
  const labels = runLabels(inputs)
  const colourOf = (label: string) => colours[labels.indexOf(label)] ?? ink
  const most = Math.max(1, ...pairs.flatMap(({ onlyFirst, onlySecond }) => [onlyFirst, onlySecond]))
  const names = pairs.flatMap((pair) => [pair.first, pair.second])
  const left = Math.min(width * 0.42, 12 + Math.max(...names.map((name) => textWidth(`only ${name}`, 12))))
  const room = width - left - 12 - textWidth(grouped(most), 12)
  const rows = pairs.map((pair, n) => {
    const top = n * pitch
    const p = pText(pair.pValue)
    const heading = fitted(`${pair.first} and ${pair.second}`, width - textWidth(p, 12) - 16, 12)
    const bar = (line: number, name: string, count: number, fill: string, open: boolean) => {
      const y = top + 22 + line * (barHeight + 6)
      const length = (count / most) * room
      const look = open ? { 'fill-opacity': 0.25, stroke: fill, 'stroke-width': 1.5 } : {}
      return [
        textAt(left - 8, y + 12, fitted(`only ${name}`, left - 8, 12), { 'text-anchor': 'end', fill: ink }),
        element('rect', { x: left, y, width: length, height: barHeight, fill, ...look }),
        textAt(left + length + 6, y + 12, grouped(count), { 'font-weight': 600, fill: ink }),
      ].join('')
    }
    return element(
      'g',
      { 'data-pair': n },
      [
        n === 0 ? '' : element('line', { x1: 0, x2: width, y1: top - 4, y2: top - 4, stroke: faint }),
        textAt(0, top + 14, heading, { 'font-weight': 600, fill: ink }),
        textAt(width, top + 14, p, { 'text-anchor': 'end', fill: muted }),
        bar(0, pair.first, pair.onlyFirst, colourOf(pair.first), false),
        bar(1, pair.second, pair.onlySecond, colourOf(pair.second), true),
      ].join(''),
    )
  })
  const drawing = { id, title, alt: `${pairs.map(wordsOf).join('; ')}.`, content: rows.join('') }
  return figureOf({ ...drawing, width, height: pairs.length * pitch - 8 }, options)
}

const wordsOf = ({ first, second, onlyFirst, onlySecond, count, pValue }: ComparedPair): string =>
  `of ${grouped(count)} images only ${first} is right on ${grouped(onlyFirst)}, only ${second} on ${grouped(onlySecond)}, ${pText(pValue)}`
