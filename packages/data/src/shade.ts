// How light each pixel of a picture is, on whatever it lies on. Indices run over pixels inside the picture: each `!` is in range.

/** Ink and paper must be this many grey levels apart. */
export const leastContrast = 24
/** Pictures with longer sides are made smaller first: no digit needs more, and memory and time stay bounded. */
const longestSide = 1024

/** Shades from 0 to 255. */
export interface Shade {
  readonly shade: Float32Array
  readonly width: number
  readonly height: number
  /** Whether it is the opacity, since the ink lies on a transparent sheet. */
  readonly opacity: boolean
}

/**
 * The shade of each pixel. A picture with transparent parts is ink on a transparent sheet, where the opacity counts; or an opaque
 * page with something around it, a window's screenshot with its margin, where what is transparent becomes that page's paper.
 *
 * @returns [height, width]; undefined if all that is opaque is one empty page
 */
export const shadeOf = (rgba: Uint8Array | Uint8ClampedArray, width: number, height: number): Shade | undefined => {
  const page = pageIn(rgba, width, height)
  if (page === 'empty') return undefined
  const factor = Math.ceil(Math.max(width, height) / longestSide)
  const [columns, rows] = [Math.ceil(width / factor), Math.ceil(height / factor)]
  const opacity = page === 'transparent'
  const behind = typeof page === 'number' ? page : 255
  const shade = new Float32Array(columns * rows)
  const line = factor === 1 ? undefined : new Float32Array(columns)
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / factor) * columns
    if (line) line.fill(0)
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x)
      const alpha = rgba[at + 3]! / 255
      let value = 255 * alpha
      if (!opacity) {
        // Rec. 601 luma, over paper where it is half transparent
        const grey = 0.299 * rgba[at]! + 0.587 * rgba[at + 1]! + 0.114 * rgba[at + 2]!
        value = grey * alpha + behind * (1 - alpha)
      }
      if (factor === 1) shade[row + x] = value
      else shade[row + Math.floor(x / factor)]! += value
    }
  }
  if (factor > 1)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const taken = Math.min(factor, height - row * factor) * Math.min(factor, width - column * factor)
        shade[row * columns + column]! /= taken
      }
  return { shade, width: columns, height: rows, opacity }
}

/** What lies behind transparent pixels: nothing of note, the paper's shade, or a sheet that shows the ink alone. */
const pageIn = (
  rgba: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
): 'opaque' | 'transparent' | 'empty' | number => {
  const counts = new Float64Array(256)
  let [clear, left, top, right, bottom] = [0, width, height, 0, 0]
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x)
      if (rgba[at + 3]! < 128) {
        clear++
        continue
      }
      counts[Math.floor(0.299 * rgba[at]! + 0.587 * rgba[at + 1]! + 0.114 * rgba[at + 2]!)]!++
      if (x < left) left = x
      if (x >= right) right = x + 1
      if (y < top) top = y
      bottom = y + 1
    }
  const solid = width * height - clear
  if (clear === 0) return 'opaque'
  if (solid === 0) return 'transparent'
  const paper = medianOf(counts, solid)
  let other = 0
  for (let i = 0; i < 256; i++) if (Math.abs(i - paper) >= leastContrast) other += counts[i]!
  const filled = solid / ((right - left) * (bottom - top))
  // A page fills its box and has something on it; strokes do not fill theirs, or are of one shade.
  if (other > 0 && filled >= 0.75) return paper
  return filled >= 0.98 && solid >= 0.5 * width * height ? 'empty' : 'transparent'
}

/** The middle of as many values, of which `counts` says how often each occurs. */
export const medianOf = (counts: Float64Array, total: number): number => {
  let below = 0
  for (let value = 0; value < counts.length; value++) {
    below += counts[value]!
    if (below > total / 2) return value
  }
  return counts.length - 1
}
