import { element, escaped, textAt } from '../figure'
import { imageAt } from '../pixels'
import type { Palette } from '../theme'

/** A picture with a caption of a few lines. */
export interface Tile {
  /** A data URI. */
  readonly uri: string
  readonly kind: 'ink' | 'colour'
  readonly captions: readonly string[]
  /** Framed in the colour of mistakes, with a cross in its corner that needs no colour. */
  readonly wrong?: boolean
  /** Shown where a pointer rests. */
  readonly title?: string
}

export interface TileOptions {
  readonly width: number
  readonly columns: number
  /** Height of a picture over its width. */
  readonly ratio: number
  readonly fontSize: number
  readonly palette: Palette
  /** Between tiles, 8 by default. */
  readonly gap?: number
}

/** Pictures side by side, in rows. */
export const tiles = (list: readonly Tile[], options: TileOptions): { content: string; height: number } => {
  const { width, columns, ratio, fontSize, palette, gap = 8 } = options
  const side = (width - (columns - 1) * gap) / columns
  const lines = Math.max(0, ...list.map(({ captions }) => captions.length))
  const lineHeight = fontSize + 3
  const pitch = side * ratio + (lines > 0 ? lines * lineHeight + 5 : 0) + gap
  const content = list.map((tile, n) => {
    const [x, y] = [(n % columns) * (side + gap), Math.floor(n / columns) * pitch]
    return element(
      'g',
      { 'data-tile': n, 'data-wrong': tile.wrong === undefined ? undefined : String(tile.wrong) },
      [
        tile.title === undefined ? '' : element('title', {}, escaped(tile.title)),
        imageAt(tile.uri, x, y, side, side * ratio, tile.kind),
        frame(x, y, side, side * ratio, tile.wrong ?? false, palette),
        tile.wrong ? crossMark(x + side, y, palette) : '',
        ...tile.captions.map((caption, line) =>
          textAt(x + side / 2, y + side * ratio + 4 + (line + 1) * lineHeight - 2, caption, {
            'text-anchor': 'middle',
            'font-size': fontSize,
            'font-weight': tile.wrong ? 600 : undefined,
            fill: tile.wrong ? palette.wrong : palette.ink,
          }),
        ),
      ].join(''),
    )
  })
  return { content: content.join(''), height: Math.ceil(list.length / columns) * pitch - gap + 4 }
}

const frame = (x: number, y: number, width: number, height: number, wrong: boolean, { faint, wrong: red }: Palette) =>
  element('rect', {
    x: x - 0.5,
    y: y - 0.5,
    width: width + 1,
    height: height + 1,
    fill: 'none',
    stroke: wrong ? red : faint,
    'stroke-width': wrong ? 2.5 : 1,
  })

/** A cross on a round patch at the upper right corner of a picture. */
const crossMark = (right: number, top: number, { wrong, paper }: Palette): string => {
  const [x, y] = [right - 3, top + 3]
  return (
    element('circle', { cx: x, cy: y, r: 7, fill: wrong, stroke: paper, 'stroke-width': 1.2 }) +
    element('path', { d: `M${x - 3} ${y - 3}l6 6m0 -6l-6 6`, stroke: paper, 'stroke-width': 1.8, fill: 'none' })
  )
}
