// Pixels run over images whose sizes were checked on entry: each `!` is in range.
import type { DrawnImages } from './drawn-run'
import { checkWhole, imageCount } from './image-grid'
import { ReportError } from './report-error'

/**
 * Images of a fraction of their size: each pixel the mean of `by` x `by`; rows and columns at the end that fill no pixel of
 * their own are left out.
 *
 * @throws ReportError where the bytes are not whole images, or smaller than one pixel afterwards
 */
export const shrunkImages = ({ pixels, height, width }: DrawnImages, by: number): DrawnImages => {
  const count = imageCount(pixels, height, width)
  checkWhole('by', by)
  const [rows, columns] = [Math.floor(height / by), Math.floor(width / by)]
  if (rows < 1 || columns < 1)
    throw new ReportError(`expected images of at least ${by} x ${by}, found ${height} x ${width}: shrink them by less`)
  const shrunk = new Uint8Array(count * rows * columns)
  for (let i = 0; i < shrunk.length; i++) {
    const [x, row] = [i % columns, Math.floor(i / columns)]
    const [image, y] = [Math.floor(row / rows), row % rows]
    let sum = 0
    for (let dy = 0; dy < by; dy++)
      for (let dx = 0; dx < by; dx++) sum += pixels[(image * height + y * by + dy) * width + x * by + dx]!
    shrunk[i] = Math.round(sum / (by * by))
  }
  return { pixels: shrunk, height: rows, width: columns }
}
