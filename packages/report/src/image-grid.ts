// Rows and columns run over pictures whose sizes were checked on entry: each `!` is in range.
import { encode } from 'fast-png'
import { glyphHeight, glyphWidth, glyphOf } from './glyphs'
import { ReportError } from './metrics'

/** A picture in shades of grey: 0 is black, 255 is white. */
export interface GreyPicture {
  readonly width: number
  readonly height: number
  /** [height, width] */
  readonly pixels: Uint8Array
}

export interface ImageGridOptions {
  readonly height: number
  readonly width: number
  /** Under each image, one each. */
  readonly captions?: readonly string[]
  /** As near to a square as can be unless given. */
  readonly columns?: number
  /** Pixels a pixel of the image takes, in each direction. */
  readonly scale?: number
}

/**
 * Images side by side, dark ink on white paper, each with its caption.
 *
 * @param images bytes, [count, height, width], 0 for background
 * @throws ReportError where the bytes are not whole images, or captions are not one each
 */
export const imageGrid = (images: Uint8Array, options: ImageGridOptions): GreyPicture => {
  const { height, width, captions, scale = 3 } = options
  const count = countOf(images, height, width)
  if (captions && captions.length !== count)
    throw new ReportError(`expected a caption for each of ${count} images, found ${captions.length}`)
  const columns = Math.min(count, options.columns ?? Math.ceil(Math.sqrt(count * 1.5)))
  const margin = 2 * scale
  const font = Math.max(1, Math.round(scale * 0.7))
  const captionHeight = captions ? (glyphHeight + 2) * font : 0
  const [cellWidth, cellHeight] = [width * scale + margin, height * scale + captionHeight + margin]
  const picture = {
    width: columns * cellWidth + margin,
    height: Math.ceil(count / columns) * cellHeight + margin,
  }
  const pixels = new Uint8Array(picture.width * picture.height).fill(255)
  for (let i = 0; i < count; i++) {
    const left = margin + (i % columns) * cellWidth
    const top = margin + Math.floor(i / columns) * cellHeight
    for (let y = 0; y < height * scale; y++)
      for (let x = 0; x < width * scale; x++) {
        const value = images[(i * height + Math.floor(y / scale)) * width + Math.floor(x / scale)]!
        pixels[(top + y) * picture.width + left + x] = 255 - value
      }
    const caption = captions?.[i]
    if (caption !== undefined)
      drawText(pixels, picture.width, caption, left, top + height * scale + font, width * scale, font)
  }
  return { ...picture, pixels }
}

/** Text in the middle of a line; what does not fit is cut off. */
const drawText = (
  pixels: Uint8Array,
  stride: number,
  text: string,
  left: number,
  top: number,
  room: number,
  font: number,
) => {
  const advance = (glyphWidth + 1) * font
  const shown = text.slice(0, Math.max(1, Math.floor((room + font) / advance)))
  const from = left + Math.floor((room - shown.length * advance + font) / 2)
  for (const [n, letter] of [...shown].entries()) {
    const glyph = glyphOf(letter)
    for (let y = 0; y < glyphHeight * font; y++)
      for (let x = 0; x < glyphWidth * font; x++)
        if (glyph[Math.floor(y / font)]![Math.floor(x / font)] === '#')
          pixels[(top + y) * stride + from + n * advance + x] = 40
  }
}

/** A picture as the bytes of a PNG file. */
export const gridPng = ({ width, height, pixels }: GreyPicture): Uint8Array =>
  encode({ width, height, data: pixels, channels: 1, depth: 8 })

export interface TerminalGridOptions {
  readonly height: number
  readonly width: number
  /** Under each image, one each. */
  readonly labels?: readonly string[]
  readonly colour: 'truecolor' | 'none'
  /** Characters a line may take. */
  readonly terminalWidth: number
}

/** From background to ink. */
const ramp = ' .:-=+*#%@'

/**
 * Images side by side for a terminal: two pixels a character, in shades where there is colour, else as characters of more
 * or less ink.
 *
 * @param images bytes, [count, height, width]
 */
export const terminalGrid = (images: Uint8Array, options: TerminalGridOptions): string => {
  const { height, width, labels, colour, terminalWidth } = options
  const count = countOf(images, height, width)
  const columns = Math.max(1, Math.floor((terminalWidth + 1) / (width + 1)))
  const lines: string[] = []
  for (let first = 0; first < count; first += columns) {
    const shown = Array.from({ length: Math.min(columns, count - first) }, (_, i) => first + i)
    for (let y = 0; y < height; y += 2)
      lines.push(
        shown
          .map((image) => rowOf(images, image, y, height, width, colour))
          .join(' ')
          .trimEnd(),
      )
    if (labels)
      lines.push(
        shown
          .map((image) => centred(labels[image] ?? '', width))
          .join(' ')
          .trimEnd(),
      )
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
  const shade = (value: number) => `${value};${value};${value}`
  return `${cells.map(([upper, lower]) => `\u001b[38;2;${shade(upper)}m\u001b[48;2;${shade(lower)}m▀`).join('')}\u001b[0m`
}

const centred = (text: string, width: number) => {
  const shown = text.slice(0, width)
  return shown.padStart(Math.floor((width + shown.length) / 2)).padEnd(width)
}

const countOf = (images: Uint8Array, height: number, width: number): number => {
  const count = images.length / (height * width)
  if (!Number.isInteger(count) || count < 1)
    throw new ReportError(`expected whole images of ${height} x ${width}, found ${images.length} bytes`)
  return count
}
