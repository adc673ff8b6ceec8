// Fields have as many values as an image has pixels, and coordinates are clamped to it: each `!` is in range.
import { number } from '@digitlab/models'
import { defineAugmentation, type ImageSize, type Warp } from '../augmentation-type'

/** How far a Gaussian reaches, in standard deviations: the rest of its mass is 0.3 %. */
const reach = 3

/** The values of a Gaussian that sum to 1, from as far on the one side as on the other: the middle one is that of 0 pixels. */
const gaussian = (sigma: number): Float64Array => {
  const far = Math.ceil(reach * sigma)
  const values = Float64Array.from({ length: 2 * far + 1 }, (_, i) => Math.exp(-(((i - far) / sigma) ** 2) / 2))
  const sum = values.reduce((sum, value) => sum + value, 0)
  // Rounded to float32: engines differ in the last bit of an exponential.
  return values.map((value) => Math.fround(value / sum))
}

/**
 * A field convolved with a Gaussian along both axes, in place; beyond its edges it is zero.
 *
 * @param kernel of {@link gaussian}
 * @param room as long as the field
 */
const smooth = (field: Float64Array, room: Float64Array, kernel: Float64Array, [height, width]: ImageSize): void => {
  blur(field, room, kernel, height, width)
  blur(room, field, kernel, width, height)
}

/** Convolves along the first axis, and writes the result the other way round: [rows, columns] becomes [columns, rows]. */
const blur = (from: Float64Array, to: Float64Array, kernel: Float64Array, rows: number, columns: number): void => {
  const far = (kernel.length - 1) / 2
  for (let row = 0; row < rows; row++) {
    const low = Math.max(0, row - far)
    const high = Math.min(rows - 1, row + far)
    const first = low - row + far
    let column = 0
    // Four columns at a time share each weight.
    for (; column + 4 <= columns; column += 4) {
      let [s0, s1, s2, s3] = [0, 0, 0, 0]
      let at = low * columns + column
      for (let k = first; k <= high - row + far; k++) {
        const weight = kernel[k]!
        s0 += weight * from[at]!
        s1 += weight * from[at + 1]!
        s2 += weight * from[at + 2]!
        s3 += weight * from[at + 3]!
        at += columns
      }
      to[column * rows + row] = s0
      to[(column + 1) * rows + row] = s1
      to[(column + 2) * rows + row] = s2
      to[(column + 3) * rows + row] = s3
    }
    for (; column < columns; column++) {
      let sum = 0
      for (let k = first; k <= high - row + far; k++) sum += kernel[k]! * from[(row + k - far) * columns + column]!
      to[column * rows + row] = sum
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
    const kernel = gaussian(sigma)
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
      smooth(dx, room, kernel, size)
      smooth(dy, room, kernel, size)
      for (let i = 0; i < x.length; i++) {
        // Between pixels the field is interpolated, beyond the image it is that of the edge.
        const column = Math.min(Math.max(x[i]!, 0), width - 1)
        const row = Math.min(Math.max(y[i]!, 0), height - 1)
        const left = Math.floor(column)
        const top = Math.floor(row)
        const u = column - left
        const v = row - top
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
