// Paper that is lighter on one side than on the other. Indices run over pixels and tiles that exist: each `!` is in range.
import { medianOf } from './shade'

/** Tiles along each side, of which each gives the shade of its paper. */
const tiles = 12

/**
 * Takes out of a picture's shades what changes slowly across it: a surface of second degree through the medians of its tiles, those
 * that lie far from it left aside.
 *
 * @param shade [height, width]
 * @returns shades around the paper's median; between 0 and 255, as they were
 */
export const evenlyLit = (shade: Float32Array, width: number, height: number): Float32Array => {
  const points = tileMedians(shade, width, height)
  let surface = fit(points)
  for (let round = 0; round < 4; round++) {
    const apart = points.map(({ x, y, value }) => Math.abs(value - at(surface, x, y)))
    const limit = Math.max(2, 2.5 * (apart.slice().sort((a, b) => a - b)[apart.length >> 1] ?? 0))
    const near = points.filter((_, i) => (apart[i] ?? 0) <= limit)
    if (near.length < 12) break
    surface = fit(near)
  }
  const middle = at(surface, 0, 0)
  const flat = new Float32Array(shade.length)
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const i = row * width + column
      const value = shade[i]! - at(surface, (2 * column) / width - 1, (2 * row) / height - 1) + middle
      flat[i] = Math.min(255, Math.max(0, value))
    }
  return flat
}

/** A tile's middle, from -1 to 1 along each side, and its median shade. */
interface Point {
  readonly x: number
  readonly y: number
  readonly value: number
}

const tileMedians = (shade: Float32Array, width: number, height: number): Point[] => {
  const points: Point[] = []
  const counts = new Float64Array(256)
  for (let j = 0; j < tiles; j++)
    for (let i = 0; i < tiles; i++) {
      const [left, right] = [Math.floor((i * width) / tiles), Math.floor(((i + 1) * width) / tiles)]
      const [top, bottom] = [Math.floor((j * height) / tiles), Math.floor(((j + 1) * height) / tiles)]
      if (right <= left || bottom <= top) continue
      counts.fill(0)
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) counts[Math.round(shade[y * width + x]!)]!++
      const value = medianOf(counts, (right - left) * (bottom - top))
      points.push({ x: (left + right) / width - 1, y: (top + bottom) / height - 1, value })
    }
  return points
}

/** Of 1, x, y, x^2, xy, y^2. */
type Surface = readonly number[]

const terms = (x: number, y: number): number[] => [1, x, y, x * x, x * y, y * y]
const at = ([a = 0, b = 0, c = 0, d = 0, e = 0, f = 0]: Surface, x: number, y: number): number =>
  a + b * x + c * y + d * x * x + e * x * y + f * y * y

/** Least squares: the normal equations, solved by Gauss with pivots. */
const fit = (points: readonly Point[]): Surface => {
  const rows = Array.from({ length: 6 }, () => new Float64Array(7))
  for (const { x, y, value } of points) {
    const row = terms(x, y)
    for (let i = 0; i < 6; i++) {
      for (let j = 0; j < 6; j++) rows[i]![j]! += row[i]! * row[j]!
      rows[i]![6]! += row[i]! * value
    }
  }
  for (let i = 0; i < 6; i++) {
    let pivot = i
    for (let k = i + 1; k < 6; k++) if (Math.abs(rows[k]![i]!) > Math.abs(rows[pivot]![i]!)) pivot = k
    ;[rows[i], rows[pivot]] = [rows[pivot]!, rows[i]!]
    if (Math.abs(rows[i]![i]!) < 1e-9) return [points.reduce((sum, { value }) => sum + value, 0) / points.length]
    for (let k = 0; k < 6; k++) {
      if (k === i) continue
      const share = rows[k]![i]! / rows[i]![i]!
      for (let j = i; j < 7; j++) rows[k]![j]! -= share * rows[i]![j]!
    }
  }
  return rows.map((row, i) => row[6]! / row[i]!)
}
