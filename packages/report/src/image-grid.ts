// Rows and columns run over pictures whose sizes were checked on entry: each `!` is in range.
import { encode } from 'fast-png'
import { glyphHeight, glyphWidth, glyphOf } from './glyphs'
import { ReportError } from './report-error'

/** A picture: 0 is black, 255 is white. */
export interface GridPicture {
  /** 3 if it has colours. */
  readonly channels?: 3
  readonly width: number
  readonly height: number
  /** [height, width] or [height, width, 3] */
  readonly pixels: Uint8Array
}

/** The size of the images, and how they are laid out. */
export interface ImageGridOptions {
  readonly height: number
  readonly width: number
  /** 3 if the images have colours, which are drawn as they are. */
  readonly channels?: 3
  /** Under each image, one each; all in the same size, the largest in which the longest fits. */
  readonly captions?: readonly string[]
  /** As close to a square as possible by default. */
  readonly columns?: number
  /** Pixels drawn for each pixel of the image, in each direction. */
  readonly scale?: number
}

/** What the captions are drawn in: not quite black, so that the digits stand out. */
const captionInk = 40

/**
 * Images side by side, dark ink on white paper, each with its caption.
 *
 * @param images bytes, [count, height, width], 0 for background; or in colour [count, height, width, 3]
 * @throws ReportError if the bytes are not whole images, there is not one caption for each, or columns or scale is not
 *   a positive integer
 */
export const imageGrid = (images: Uint8Array, options: ImageGridOptions): GridPicture => {
  const { height, width, captions, scale = 3, channels } = options
  const values = channels ?? 1
  const count = imageCount(images, height, width, values)
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
  const pixels = new Uint8Array(picture.width * picture.height * values).fill(255)
  for (let i = 0; i < count; i++) {
    const left = margin + (i % columns) * cellWidth
    const top = margin + Math.floor(i / columns) * cellHeight
    for (let y = 0; y < height * scale; y++)
      for (let x = 0; x < width * scale; x++) {
        const from = ((i * height + Math.floor(y / scale)) * width + Math.floor(x / scale)) * values
        const to = ((top + y) * picture.width + left + x) * values
        if (channels) pixels.set(images.subarray(from, from + 3), to)
        else pixels[to] = 255 - images[from]!
      }
    const caption = captions?.[i]
    if (caption !== undefined)
      drawText(
        { pixels, stride: picture.width, values },
        caption,
        left,
        top + height * scale + font,
        width * scale,
        font,
      )
  }
  return { ...picture, pixels, ...(channels ? { channels } : {}) }
}

/** The largest font, in pixels a dot of it takes, in which the longest caption fits; 1 where none does. */
const fontOf = (captions: readonly string[], room: number, largest: number): number => {
  const letters = Math.max(1, ...captions.map((caption) => [...caption].length))
  return Math.max(1, Math.min(largest, Math.floor(room / (letters * (glyphWidth + 1) - 1))))
}

/** Text in the middle of a line; what does not fit is cut off. */
const drawText = (
  { pixels, stride, values }: { readonly pixels: Uint8Array; readonly stride: number; readonly values: number },
  text: string,
  left: number,
  top: number,
  room: number,
  font: number,
) => {
  const advance = (glyphWidth + 1) * font
  const shown = [...text].slice(0, Math.floor((room + font) / advance))
  const from = left + Math.floor((room - shown.length * advance + font) / 2)
  const at = (n: number, x: number, y: number) => (top + y) * stride + from + n * advance + x
  for (const [n, letter] of shown.entries()) {
    const glyph = glyphOf(letter)
    for (let y = 0; y < glyphHeight * font; y++)
      for (let x = 0; x < glyphWidth * font; x++)
        if (glyph[Math.floor(y / font)]![Math.floor(x / font)] === '#')
          pixels.fill(captionInk, values * at(n, x, y), values * (at(n, x, y) + 1))
  }
}

/** A picture as the bytes of a PNG file. */
export const gridPng = ({ width, height, pixels, channels }: GridPicture): Uint8Array =>
  encode({ width, height, data: pixels, channels: channels ?? 1, depth: 8 })

/** How many images of this size the bytes are. Throws a {@link ReportError} if they are not whole ones. */
export const imageCount = (images: Uint8Array, height: number, width: number, channels = 1): number => {
  const size = checkWhole('height', height) * checkWhole('width', width) * channels
  const count = images.length / size
  if (!Number.isInteger(count) || count < 1)
    throw new ReportError(
      `expected whole images of ${height} x ${width}, found ${images.length} bytes: give ${size} for each image`,
    )
  return count
}

/** Throws a {@link ReportError} if captions are given, but not one for each image. */
export const checkLabels = (captions: readonly string[] | undefined, count: number): void => {
  if (captions && captions.length !== count)
    throw new ReportError(`expected a caption for each of ${count} images, found ${captions.length}: give one for each`)
}

/** The number; a {@link ReportError} if it is not a positive integer. */
export const checkWhole = (what: string, value: number): number => {
  if (!(Number.isSafeInteger(value) && value >= 1))
    throw new ReportError(`expected a whole number from 1 up for ${what}, found ${value}: give another`)
  return value
}
