// Rows and columns run over pictures whose sizes were checked on entry: each `!` is in range.
import { checkLabels, checkWhole, imageCount } from './image-grid'
import { printable } from './table'

/** The size of the images, and what the terminal can show. */
export interface TerminalGridOptions {
  readonly height: number
  readonly width: number
  /** One for each image, under it. */
  readonly labels?: readonly string[]
  /** Which labels mark a mistake: they are red if there is colour. Without colour the label itself must say so. */
  readonly wrong?: readonly boolean[]
  /** 24-bit colour, or characters alone. */
  readonly colour: 'truecolor' | 'none'
  /** Characters that fit on a line, 80 by default. */
  readonly terminalWidth?: number
  /** Images on a line; as many as fit, or fewer. */
  readonly columns?: number
}

/** To be read on a dark and on a light terminal. */
const red = '226;74;51'

/** From background to ink. */
const ramp = ' .:-=+*#%@'

/**
 * Images side by side for a terminal, two pixels a character: in shades if there is colour, otherwise as characters of more
 * or less ink. Rows of images are a line apart; a terminal too narrow for two images gets one a row.
 *
 * @param images bytes, [count, height, width], 0 for background
 * @throws ReportError if the bytes are not whole images, there is not one label for each, or columns is not a positive integer
 */
export const terminalGrid = (images: Uint8Array, options: TerminalGridOptions): string => {
  const { height, width, labels, wrong, colour, terminalWidth = 80 } = options
  const count = imageCount(images, height, width)
  checkLabels(labels, count)
  const fitting = Math.max(1, Math.floor((terminalWidth + 1) / (width + 1)))
  const columns = Math.min(fitting, checkWhole('columns', options.columns ?? fitting))
  const lines: string[] = []
  for (let first = 0; first < count; first += columns) {
    if (first > 0) lines.push('')
    const shown = Array.from({ length: Math.min(columns, count - first) }, (_, i) => first + i)
    const line = (cell: (image: number) => string) => lines.push(shown.map(cell).join(' ').trimEnd())
    for (let y = 0; y < height; y += 2) line((image) => rowOf(images, image, y, height, width, colour))
    if (labels)
      line((image) => {
        const label = centred(printable(labels[image]!), width)
        return colour === 'truecolor' && wrong?.[image] === true ? `\u001b[1;38;2;${red}m${label}\u001b[0m` : label
      })
  }
  return lines.join('\n')
}

const rowOf = (
  images: Uint8Array,
  image: number,
  y: number,
  height: number,
  width: number,
  colour: 'truecolor' | 'none',
) => {
  const at = (row: number, x: number) => (row < height ? images[(image * height + row) * width + x]! : 0)
  const cells = Array.from({ length: width }, (_, x) => [at(y, x), at(y + 1, x)] as const)
  if (colour === 'none')
    return cells
      .map(([upper, lower]) => ramp[Math.min(ramp.length - 1, Math.floor(((upper + lower) / 511) * ramp.length))]!)
      .join('')
  let before = ''
  const blocks = cells.map(([upper, lower]) => {
    const shades = `\u001b[38;2;${grey(upper)}m\u001b[48;2;${grey(lower)}m`
    if (shades === before) return '▀' // most of an image is background: said once, not for each character
    before = shades
    return `${shades}▀`
  })
  return `${blocks.join('')}\u001b[0m`
}

const grey = (value: number) => `${value};${value};${value}`

const centred = (text: string, width: number) => {
  const shown = text.slice(0, width)
  return shown.padStart(Math.floor((width + shown.length) / 2)).padEnd(width)
}
