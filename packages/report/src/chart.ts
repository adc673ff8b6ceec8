import { plot, type PlotOptions } from '@observablehq/plot'
import { defaultWidth, element, figureOf, type Figure, type FigureOptions } from './figure'
import { legend, type LegendEntry } from './legend'
import { SvgDocument, type SvgElement } from './svg-document'
import { printable } from './table'
import { paletteOf, type Palette } from './theme'

interface Chart {
  readonly id: string
  readonly title: string
  readonly alt: string
  readonly legend?: (palette: Palette) => readonly LegendEntry[]
  /** What Observable Plot is to draw, in the colours and the width of the figure. */
  readonly options: (palette: Palette, width: number) => PlotOptions
}

/** A chart of Observable Plot as SVG, without what only a page understands. */
export const drawPlot = (options: PlotOptions): { content: string; height: number } => {
  const document = new SvgDocument() as unknown as Document // all of one that Plot uses
  const drawn = plot({ ...options, document }) as unknown as SvgElement
  for (const element of drawn.descendants) {
    if (element.localName === 'style') element.remove()
    // Groups without a role may have no name for readers of a screen; the figure says in its own what it shows.
    const label = element.getAttribute('aria-label')
    if (label === null) continue
    element.setAttribute('data-mark', label)
    element.removeAttribute('aria-label')
  }
  const height = Number(drawn.getAttribute('height'))
  for (const name of ['class', 'style', 'font-family', 'fill', 'viewBox']) drawn.removeAttribute(name)
  drawn.setAttribute('font-size', '12')
  drawn.setAttribute('overflow', 'visible')
  return { content: shortened(printable(drawn.outerHTML)), height }
}

/** Places to a hundredth of a pixel: as exact as can be seen, and half as long. */
const shortened = (svg: string): string =>
  svg.replace(/ (?:d|x|y|x1|x2|y1|y2|cx|cy|width|height|transform)="[^"]*"/g, (attribute) =>
    attribute.replace(/(\.\d\d)\d+/g, '$1'),
  )

/** A chart of Observable Plot under its legend. */
export const chart = ({ id, title, alt, legend: entries, options }: Chart, given: FigureOptions): Figure => {
  const { width = defaultWidth, theme = 'light' } = given
  const palette = paletteOf(theme)
  const key = legend(entries?.(palette) ?? [], width, palette)
  const drawn = drawPlot({ marginTop: 30, marginBottom: 40, ...options(palette, width), width })
  const content = key.content + element('g', { transform: `translate(0 ${key.height})` }, drawn.content)
  return figureOf({ id, title, alt, content, width, height: key.height + drawn.height }, given)
}
