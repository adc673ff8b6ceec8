// Pixels run over images whose sizes were checked on entry: each `!` is in range.
import type { DrawnImages } from './drawn-run'
import { checkWhole, imageCount } from './image-grid'
import { ReportError } from './report-error'

/**
 * Images of a fraction of their size: each pixel the mean of `by` x `by`; rows and columns at the end that do not
 * fill a pixel are left out.
 *
 * @throws ReportError if the bytes are not whole images, or smaller than one pixel afterwards
 */
export const shrunkImages = ({ pixels, height, width, channels }: DrawnImages, by: number): DrawnImages => {
  const values = channels ?? 1
  const count = imageCount(pixels, height, width, values)
  checkWhole('by', by)
  const [rows, columns] = [Math.floor(height / by), Math.floor(width / by)]
  if (rows < 1 || columns < 1)
    throw new ReportError(`expected images of at least ${by} x ${by}, found ${height} x ${width}: shrink them by less`)
  const shrunk = new Uint8Array(count * rows * columns * values)
  for (let i = 0; i < shrunk.length; i++) {
    const [c, place] = [i % values, Math.floor(i / values)]
    const [x, row] = [place % columns, Math.floor(place / columns)]
    const [image, y] = [Math.floor(row / rows), row % rows]
    let sum = 0
    for (let dy = 0; dy < by; dy++)
      for (let dx = 0; dx < by; dx++)
        sum += pixels[((image * height + y * by + dy) * width + x * by + dx) * values + c]!
    shrunk[i] = Math.round(sum / (by * by))
  }
  return { pixels: shrunk, height: rows, width: columns, ...(channels ? { channels } : {}) }
}

/**
 * The same images in shades of grey, for output without colours: (299 red + 587 green + 114 blue) / 1000 of each pixel, as ITU-R BT.601.
 */
export const greyImages = (images: DrawnImages): DrawnImages => {
  const { pixels, height, width, channels } = images
  if (!channels) return images
  const grey = new Uint8Array(pixels.length / 3)
  for (let i = 0; i < grey.length; i++)
    grey[i] = Math.round((299 * pixels[3 * i]! + 587 * pixels[3 * i + 1]! + 114 * pixels[3 * i + 2]!) / 1000)
  return { pixels: grey, height, width }
}
