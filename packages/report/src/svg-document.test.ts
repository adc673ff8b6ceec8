// The markup of charts is what a whole DOM makes of them.
import {
  areaY,
  axisX,
  axisY,
  barX,
  dot,
  gridY,
  lineY,
  link,
  plot,
  rectY,
  ruleX,
  text,
  type PlotOptions,
} from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { expect, test } from 'vitest'
import { SvgDocument } from './svg-document'

const rows = [
  { x: 1, y: 0.5, name: 'a < b & "c"\u00a0>' },
  { x: 2, y: 0.25, name: 'two\nlines' },
  { x: 3.5, y: 0.125, name: '' },
]
const xy = { x: 'x', y: 'y' }

const charts: Readonly<Record<string, PlotOptions>> = {
  'lines, areas and grids': {
    marks: [
      gridY(),
      ruleX([0]),
      areaY(rows, { ...xy, fillOpacity: 0.2 }),
      lineY(rows, { ...xy, strokeDasharray: '6 3' }),
    ],
    x: { label: 'step', type: 'log' },
  },
  'dots, texts and titles': {
    marks: [dot(rows, { ...xy, symbol: 'name', title: 'name' }), text(rows, { ...xy, text: 'name' })],
    ariaLabel: 'A "chart"',
  },
  'bars and rectangles': {
    marks: [barX(rows, { x: 'x', y: 'name' }), axisX({ ticks: 3 })],
    marginLeft: 90,
  },
  'links and rectangles': {
    marks: [
      rectY(rows, { x1: 'x', x2: 'y', y: 'y', insetLeft: 1 }),
      link(rows, { x1: 'x', y1: 'y', x2: 'y', y2: 'x' }),
      axisY(),
    ],
  },
  facets: { marks: [dot(rows, { ...xy, fx: 'name' })] },
}

test.each(Object.entries(charts))('%s', (_, options) => {
  const { document } = parseHTML('<html><body></body></html>')
  const own = new SvgDocument() as unknown as Document
  expect(plot({ ...options, document: own }).outerHTML).toBe(plot({ ...options, document }).outerHTML)
})

test('elements move, and go, as in a DOM', () => {
  const document = new SvgDocument()
  const made = (name: string) => document.createElementNS('', name)
  const [a, b, c] = [made('a'), made('b'), made('c')]
  const root = document.documentElement
  root.append(a, b, 'text')
  root.insertBefore(c, a)
  root.appendChild(a)
  expect(root.outerHTML).toBe('<svg><c /><b />text<a /></svg>')
  expect(root.descendants).toEqual([c, b, a])
  root.textContent = ''
  expect(root.outerHTML).toBe('<svg />')
})
