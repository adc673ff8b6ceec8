// Rows and columns run over pictures whose sizes were checked on entry: each `!` is in range.
import { encode } from 'fast-png'
import { glyphHeight, glyphWidth, glyphOf } from './glyphs'
import { ReportError } from './report-error'

/** A picture in shades of grey: 0 is black, 255 is white. */
export interface GreyPicture {
  readonly width: number
  readonly height: number
  /** [height, width] */
  readonly pixels: Uint8Array
}

/** The size of the images, and how they are laid out. */
export interface ImageGridOptions {
  readonly height: number
  readonly width: number
  /** Under each image, one each; all in the same size, the largest in which the longest fits. */
  readonly captions?: readonly string[]
  /** As near to a square as can be unless given. */
  readonly columns?: number
  /** Pixels a pixel of the image takes, in each direction. */
  readonly scale?: number
}

/** What the captions are drawn in: not quite black, so that the digits stand out. */
const captionInk = 40

/**
 * Images side by side, dark ink on white paper, each with its caption.
 *
 * @param images bytes, [count, height, width], 0 for background
 * @throws ReportError where the bytes are not whole images, captions are not one each, or columns or scale are no whole
 *   number from 1 up
 */
export const imageGrid = (images: Uint8Array, options: ImageGridOptions): GreyPicture => {
  const { height, width, captions, scale = 3 } = options
  const count = imageCount(images, height, width)
  checkLabels(captions, count)
  checkWhole('scale', scale)
  const columns = Math.min(count, checkWhole('columns', options.columns ?? Math.ceil(Math.sqrt(count * 1.5))))
  const margin = 4 * scale // less, and the captions of neighbours read as one
  const font = fontOf(captions ?? [], width * scale, Math.max(1, Math.round(scale * 0.7)))
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

/** The largest font, in pixels a dot of it takes, in which the longest caption fits; 1 where none does. */
const fontOf = (captions: readonly string[], room: number, largest: number): number => {
  const letters = Math.max(1, ...captions.map((caption) => [...caption].length))
  return Math.max(1, Math.min(largest, Math.floor(room / (letters * (glyphWidth + 1) - 1))))
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
  const shown = [...text].slice(0, Math.floor((room + font) / advance))
  const from = left + Math.floor((room - shown.length * advance + font) / 2)
  for (const [n, letter] of shown.entries()) {
    const glyph = glyphOf(letter)
    for (let y = 0; y < glyphHeight * font; y++)
      for (let x = 0; x < glyphWidth * font; x++)
        if (glyph[Math.floor(y / font)]![Math.floor(x / font)] === '#')
          pixels[(top + y) * stride + from + n * advance + x] = captionInk
  }
}

/** A picture as the bytes of a PNG file. */
export const gridPng = ({ width, height, pixels }: GreyPicture): Uint8Array =>
  encode({ width, height, data: pixels, channels: 1, depth: 8 })

/** How many images of this size the bytes are. Throws a {@link ReportError} where they are not whole ones. */
export const imageCount = (images: Uint8Array, height: number, width: number): number => {
  const count = images.length / (checkWhole('height', height) * checkWhole('width', width))
  if (!Number.isInteger(count) || count < 1)
    throw new ReportError(
      `expected whole images of ${height} x ${width}, found ${images.length} bytes: give ${height * width} for each image`,
    )
  return count
}

/** Throws a {@link ReportError} where captions are given, but not one for each image. */
export const checkLabels = (captions: readonly string[] | undefined, count: number): void => {
  if (captions && captions.length !== count)
    throw new ReportError(`expected a caption for each of ${count} images, found ${captions.length}: give one for each`)
}

/** The number, or a {@link ReportError} where it is no whole number from 1 up. */
export const checkWhole = (what: string, value: number): number => {
  if (!(Number.isSafeInteger(value) && value >= 1))
    throw new ReportError(`expected a whole number from 1 up for ${what}, found ${value}: give another`)
  return value
}
