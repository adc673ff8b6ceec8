import { printable } from './table'
import { paletteOf, type Theme } from './theme'

/** A drawing, with its alternative text. */
export interface Figure {
  /** 'loss': letters and hyphens, fit for a file's name */
  readonly id: string
  readonly title: string
  /** What the figure shows, for readers who cannot see it. */
  readonly alt: string
  /** A whole SVG document that includes the alternative text. */
  readonly svg: string
  /** CSS pixels. */
  readonly width: number
  readonly height: number
}

/** How a figure looks. */
export interface FigureOptions {
  /** CSS pixels, 560 by default; labels keep their size. */
  readonly width?: number
  /** 'light' by default. */
  readonly theme?: Theme
  /** Whether to draw the title above, true by default; a page with a heading of its own leaves it out. */
  readonly heading?: boolean
}

/** Part of a drawing, not yet a document. */
export interface Drawing {
  readonly id: string
  readonly title: string
  readonly alt: string
  /** SVG elements; their origin is the upper left corner. */
  readonly content: string
  readonly width: number
  readonly height: number
}

export const defaultWidth = 560

/** Text for an element or an attribute of HTML, SVG or XML, shown as it is. */
export const escaped = (text: string): string =>
  printable(text)
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/'/g, '&#39;')

type Attributes = Readonly<Record<string, string | number | undefined>>

/** An SVG element. Attributes are escaped, content is SVG already. */
export const element = (name: string, attributes: Attributes, content = ''): string => {
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}="${escaped(typeof value === 'number' ? tidy(value) : String(value))}"`)
    .join('')
  return content === '' ? `<${name}${written}/>` : `<${name}${written}>${content}</${name}>`
}

/** Text at a place. */
export const textAt = (x: number, y: number, text: string, attributes: Attributes = {}): string =>
  element('text', { x, y, ...attributes }, escaped(text))

const tidy = (value: number): string => String(Math.round(value * 100) / 100)

/** Inter where it is there (as in a PNG), else whatever the reader's system reads best in. */
const fontFamily = "Inter, system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

/** About how wide a text is: the mean width of Inter's letters and digits. */
export const textWidth = (text: string, fontSize: number): number => 0.56 * fontSize * [...text].length

/** Words on as many lines as they need; a word that is longer than a line stays whole. */
const wrapped = (text: string, width: number, fontSize: number): string[] => {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`
    if (lines.length > 0 && textWidth(longer, fontSize) <= width) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

/** The start of a text that fits a width, with an ellipsis where something was cut off. */
export const fitted = (text: string, width: number, fontSize: number): string => {
  const letters = [...printable(text)]
  const most = Math.max(1, Math.floor(width / (0.56 * fontSize)))
  return letters.length <= most ? letters.join('') : `${letters.slice(0, most - 1).join('')}\u2026`
}

const headingSize = 15

/** Makes a whole SVG document of a drawing: paper, heading, alternative text. */
export const figureOf = (
  { id, title, alt, content, width, height }: Drawing,
  { theme = 'light', heading = true }: FigureOptions,
): Figure => {
  const { paper, ink } = paletteOf(theme)
  const margin = heading ? 12 : 8 // a mark at the edge stands out by half of itself
  const lines = heading ? wrapped(title, width, headingSize) : []
  const above = margin + (heading ? lines.length * (headingSize + 5) + 6 : 0)
  const [outerWidth, outerHeight] = [width + 2 * margin, above + height + margin]
  const svg = element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      'xmlns:xlink': 'http://www.w3.org/1999/xlink',
      role: 'img',
      'aria-label': `${title}. ${alt}`,
      width: outerWidth,
      height: outerHeight,
      viewBox: `0 0 ${tidy(outerWidth)} ${tidy(outerHeight)}`,
      'font-family': fontFamily,
      'font-size': 12,
      fill: ink,
    },
    [
      theme === 'page' ? '' : element('rect', { width: outerWidth, height: outerHeight, fill: paper }),
      ...lines.map((line, n) =>
        textAt(margin, margin + headingSize + n * (headingSize + 5) - 2, line, {
          'font-size': headingSize,
          'font-weight': 600,
        }),
      ),
      element('g', { transform: `translate(${margin} ${above})` }, content),
    ].join(''),
  )
  return { id, title, alt, svg, width: outerWidth, height: outerHeight }
}

/** A figure that says why there is nothing to draw. */
export const emptyFigure = (
  { id, title, sentence }: { readonly id: string; readonly title: string; readonly sentence: string },
  options: FigureOptions,
): Figure => {
  const { width = defaultWidth, theme = 'light' } = options
  const { muted, faint } = paletteOf(theme)
  const lines = wrapped(sentence, width - 40, 13)
  const height = 56 + lines.length * 19
  const content = [
    element('rect', { x: 0.5, y: 0.5, width: width - 1, height: height - 1, rx: 6, fill: 'none', stroke: faint }),
    ...lines.map((line, n) =>
      textAt(width / 2, 42 + n * 19, line, { 'font-size': 13, 'text-anchor': 'middle', fill: muted }),
    ),
  ].join('')
  return figureOf({ id, title, alt: sentence, content, width, height }, options)
}
