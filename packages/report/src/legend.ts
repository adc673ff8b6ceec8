import { element, textAt, textWidth } from './figure'
import type { Palette } from './theme'

/** What a mark stands for. */
export interface LegendEntry {
  readonly words: string
  readonly colour: string
  readonly mark: 'line' | 'band' | 'bar' | 'circle' | 'square' | 'diamond' | 'triangle'
  /** Of a line; a sign with one has its line through it. '' for an unbroken one. */
  readonly dash?: string
}

const [rowHeight, fontSize, markWidth] = [19, 12, 26]

/** The entries side by side, on as many rows as they need. */
export const legend = (
  entries: readonly LegendEntry[],
  width: number,
  { ink }: Palette,
): { content: string; height: number } => {
  let [x, row] = [0, 0]
  const content = entries.map((entry) => {
    const taken = markWidth + textWidth(entry.words, fontSize) + 14
    if (x > 0 && x + taken - 14 > width) [x, row] = [0, row + 1]
    const y = row * rowHeight + rowHeight / 2
    const drawn = markOf(entry, x, y) + textAt(x + markWidth, y + 4, entry.words, { 'font-size': fontSize, fill: ink })
    x += taken
    return drawn
  })
  return { content: content.join(''), height: entries.length === 0 ? 0 : (row + 1) * rowHeight + 4 }
}

const markOf = ({ mark, colour, dash }: LegendEntry, x: number, y: number): string => {
  const at = x + 10
  const line = element('line', {
    x1: x,
    x2: x + 20,
    y1: y,
    y2: y,
    stroke: colour,
    'stroke-width': 2.2,
    'stroke-dasharray': dash === '' ? undefined : dash,
  })
  const through = dash === undefined ? '' : line
  switch (mark) {
    case 'line':
      return line
    case 'band':
      return element('rect', {
        x,
        y: y - 5,
        width: 20,
        height: 10,
        fill: colour,
        'fill-opacity': 0.25,
        stroke: colour,
        'stroke-opacity': 0.4,
      })
    case 'bar':
      return element('rect', { x: x + 4, y: y - 5, width: 12, height: 10, fill: colour })
    case 'circle':
      return through + element('circle', { cx: at, cy: y, r: 4, fill: colour })
    case 'square':
      return through + element('rect', { x: at - 3.5, y: y - 3.5, width: 7, height: 7, fill: colour })
    case 'diamond':
      return through + element('path', { d: `M${at} ${y - 5.5}l4 5.5l-4 5.5l-4 -5.5z`, fill: colour })
    case 'triangle':
      return through + element('path', { d: `M${at} ${y - 5}l5 8.5h-10z`, fill: colour })
  }
}
