// Fields have as many values as an image has pixels, and coordinates are clamped to it: each `!` is in range.
import { number } from '@digitlab/models'
import { defineAugmentation, type ImageSize, type Warp } from '../augmentation-type'

/** How far a Gaussian reaches, in standard deviations: the rest of its mass is 0.3 %. */
const reach = 3

/** The values of a Gaussian at 0, 1, ... pixels that sum to 1 over both sides. */
export const gaussian = (sigma: number): Float64Array => {
  const half = Float64Array.from({ length: Math.ceil(reach * sigma) + 1 }, (_, i) => Math.exp(-((i / sigma) ** 2) / 2))
  const sum = half.reduce((sum, value) => sum + value, 0) * 2 - 1
  // Rounded to float32: engines differ in the last bit of an exponential.
  return half.map((value) => Math.fround(value / sum))
}

/**
 * A field convolved with a Gaussian along both axes, in place; beyond its edges it is zero.
 *
 * @param half of {@link gaussian}
 * @param room as long as the field
 */
export const smooth = (
  field: Float64Array,
  room: Float64Array,
  half: Float64Array,
  [height, width]: ImageSize,
): void => {
  // Down the columns first, whole rows at a time, then along the rows by way of a transposed copy: [width, height].
  blur(field, room, half, height, width)
  blur(room, field, half, width, height)
}

/** Convolves along the first axis, and writes the result the other way round: [rows, columns] becomes [columns, rows]. */
const blur = (from: Float64Array, to: Float64Array, half: Float64Array, rows: number, columns: number): void => {
  const last = half.length - 1
  for (let row = 0; row < rows; row++) {
    const [low, high] = [Math.max(0, row - last), Math.min(rows - 1, row + last)]
    for (let column = 0; column < columns; column += 4) {
      // Four columns at a time share each weight; beyond the last column NaN is summed up, and not written.
      let [s0, s1, s2, s3] = [0, 0, 0, 0]
      for (let other = low, at = low * columns + column; other <= high; other++, at += columns) {
        const weight = half[other < row ? row - other : other - row]!
        s0 += weight * from[at]!
        s1 += weight * from[at + 1]!
        s2 += weight * from[at + 2]!
        s3 += weight * from[at + 3]!
      }
      const at = column * rows + row
      to[at] = s0
      if (column + 1 < columns) to[at + rows] = s1
      if (column + 2 < columns) to[at + 2 * rows] = s2
      if (column + 3 < columns) to[at + 3 * rows] = s3
    }
  }
}

/**
 * Elastic distortion: every pixel is displaced by smoothed noise.
 *
 * Source: Simard, Steinkraus and Platt, "Best practices for convolutional neural networks applied to visual document analysis",
 * ICDAR 2003: noise evenly from -1 to 1, convolved with a Gaussian of `sigma` pixels, times `alpha`; theirs are 4 and 34.
 */
export const elastic = defineAugmentation({
  name: 'elastic',
  says: 'displaced by smoothed noise (Simard et al., 2003)',
  options: {
    alpha: number({ from: 0, default: 34, says: 'what the smoothed noise is multiplied by, in pixels' }),
    sigma: number({ from: 0.1, to: 100, default: 4, says: 'how far it is smoothed, in pixels' }),
  },
  warp({ alpha, sigma }, size): Warp {
    const [height, width] = size
    const half = gaussian(sigma)
    const [dx, dy, room] = [0, 1, 2].map(() => new Float64Array(height * width)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ]
    return (draws, { x, y }) => {
      for (let i = 0; i < dx.length; i++) {
        // 16 bits are enough for noise: one draw makes both.
        const bits = draws.next()
        dx[i] = ((bits & 0xffff) + 0.5) / 0x8000 - 1
        dy[i] = ((bits >>> 16) + 0.5) / 0x8000 - 1
      }
      smooth(dx, room, half, size)
      smooth(dy, room, half, size)
      for (let i = 0; i < x.length; i++) {
        // Between pixels the field is interpolated, beyond the image it is that of the edge.
        const column = Math.min(Math.max(x[i]!, 0), width - 1)
        const row = Math.min(Math.max(y[i]!, 0), height - 1)
        const [left, top] = [Math.floor(column), Math.floor(row)]
        const [u, v] = [column - left, row - top]
        const at = top * width + left
        if (u === 0 && v === 0) {
          x[i]! += alpha * dx[at]!
          y[i]! += alpha * dy[at]!
          continue
        }
        const right = u === 0 ? at : at + 1
        const below = v === 0 ? 0 : width
        const between = (field: Float64Array) =>
          (1 - v) * ((1 - u) * field[at]! + u * field[right]!) +
          v * ((1 - u) * field[at + below]! + u * field[right + below]!)
        x[i]! += alpha * between(dx)
        y[i]! += alpha * between(dy)
      }
    }
  },
})
