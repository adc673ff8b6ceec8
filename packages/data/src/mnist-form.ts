// Indices run over pixels inside the picture: each `!` is in range.
import { DataError } from './dataset'

const side = 28
/** The larger side of a digit's bounding box in MNIST. */
const box = 20
/** Where MNIST has the centre of mass: measured, its images' mean lies at (14.5, 14.5), the middle of the pixel in row and column 14. */
const middle = 14.5
/** What is fainter than this share of the darkest ink is paper: dust, shadows, the blur around a stroke. */
const paper = 0.15
/** Ink and paper must be this many grey levels apart. */
const leastContrast = 24

/**
 * Brings a picture of one digit into MNIST's form, the way MNIST was made: its bounding box is scaled to 20 pixels at the
 * larger side, in proportion and with grey levels at the edges, and put into 28 x 28 with its centre of mass in the middle.
 * Dark ink on light paper and light ink on dark paper are told apart by the picture's border; of a picture whose border is
 * transparent the opacity is the ink.
 *
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
 *
 * @param rgba [height, width, 4], as a canvas gives it
 * @returns bytes of shape [28, 28]; 0 is background, 255 is ink
 * @throws DataError where the sizes do not fit the pixels, or the picture is of one shade
 */
export const mnistForm = (rgba: Uint8Array | Uint8ClampedArray, width: number, height: number): Uint8Array => {
  const whole = [width, height].every((size) => Number.isInteger(size) && size >= 1)
  if (!whole || rgba.length !== 4 * width * height)
    throw new DataError(
      `expected ${4 * width * height} bytes of a picture of ${width} x ${height} with four channels, found ${rgba.length}`,
    )
  const ink = inkOf(rgba, width, height)
  const { left, top, right, bottom } = boundsOf(ink, width, height)
  const scale = box / Math.max(right - left, bottom - top)
  const columns = Math.max(1, Math.round((right - left) * scale))
  const rows = Math.max(1, Math.round((bottom - top) * scale))
  const narrow = resample(
    ink,
    { length: width, from: left, to: right, stride: 1 },
    { count: height, stride: width },
    columns,
  )
  // [height, columns]
  const small = resample(
    narrow,
    { length: height, from: top, to: bottom, stride: columns },
    { count: columns, stride: 1 },
    rows,
  )
  // [columns, rows]: the second pass turns it
  return centred(small, columns, rows)
}

/** How much ink each pixel holds, 0 to 1. */
const inkOf = (rgba: Uint8Array | Uint8ClampedArray, width: number, height: number): Float32Array => {
  const border = borderOf(width, height)
  const clear = border.filter((at) => rgba[4 * at + 3]! < 128).length * 2 > border.length
  const shade = new Float32Array(width * height)
  for (let at = 0; at < shade.length; at++) {
    const alpha = rgba[4 * at + 3]! / 255
    if (clear) shade[at] = 255 * alpha
    else {
      // Rec. 601 luma, over white where it is half transparent
      const grey = 0.299 * rgba[4 * at]! + 0.587 * rgba[4 * at + 1]! + 0.114 * rgba[4 * at + 2]!
      shade[at] = grey * alpha + 255 * (1 - alpha)
    }
  }
  const background = clear ? 0 : median(border.map((at) => shade[at]!))
  let [lowest, highest] = [Infinity, -Infinity]
  for (let at = 0; at < shade.length; at++) {
    const value = shade[at]!
    if (value < lowest) lowest = value
    if (value > highest) highest = value
  }
  const [below, above] = [background - lowest, highest - background]
  const contrast = Math.max(below, above)
  if (contrast < leastContrast)
    throw new DataError(
      `expected a digit that stands out from its background, found shades from ${Math.round(lowest)} to ${Math.round(highest)} of 255: give a picture with more contrast`,
    )
  const sign = above > below ? 1 : -1
  for (let at = 0; at < shade.length; at++) shade[at] = Math.max(0, (sign * (shade[at]! - background)) / contrast)
  return shade
}

const borderOf = (width: number, height: number): number[] => {
  const border: number[] = []
  for (let x = 0; x < width; x++) border.push(x, (height - 1) * width + x)
  for (let y = 1; y < height - 1; y++) border.push(y * width, y * width + width - 1)
  return border
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!

/** The box around everything that is ink; `right` and `bottom` lie one past it. */
const boundsOf = (ink: Float32Array, width: number, height: number) => {
  let [left, top, right, bottom] = [width, height, 0, 0]
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      if (ink[y * width + x]! < paper) continue
      left = Math.min(left, x)
      right = Math.max(right, x + 1)
      top = Math.min(top, y)
      bottom = Math.max(bottom, y + 1)
    }
  return { left, top, right, bottom }
}

/** An axis of a picture: how long it is, what part of it is taken, and how far its places lie apart in memory. */
interface Axis {
  readonly length: number
  readonly from: number
  readonly to: number
  readonly stride: number
}

/**
 * Brings one axis to `size` places with a triangle as wide as a new place, or as an old one where those are larger: an
 * average when it becomes smaller, straight lines between the old values when it becomes larger.
 *
 * @returns [lines.count, size]
 */
const resample = (
  values: Float32Array,
  axis: Axis,
  lines: { readonly count: number; readonly stride: number },
  size: number,
): Float32Array => {
  const ratio = (axis.to - axis.from) / size
  const reach = Math.max(1, ratio)
  const result = new Float32Array(lines.count * size)
  for (let place = 0; place < size; place++) {
    const centre = axis.from + (place + 0.5) * ratio
    const first = Math.max(0, Math.ceil(centre - reach - 0.5))
    const last = Math.min(axis.length - 1, Math.floor(centre + reach - 0.5))
    const shares = Float64Array.from({ length: last - first + 1 }, (_, i) =>
      Math.max(0, 1 - Math.abs(first + i + 0.5 - centre) / reach),
    )
    const total = shares.reduce((sum, share) => sum + share, 0)
    for (let line = 0; line < lines.count; line++) {
      const from = line * lines.stride + first * axis.stride
      let sum = 0
      for (let i = 0; i < shares.length; i++) sum += shares[i]! * values[from + i * axis.stride]!
      result[line * size + place] = sum / total
    }
  }
  return result
}

/** Puts [columns, rows] into [28, 28], its centre of mass as near to the middle as whole pixels allow; full ink is 255. */
const centred = (small: Float32Array, columns: number, rows: number): Uint8Array => {
  let [mass, massX, massY, most] = [0, 0, 0, 0]
  small.forEach((value, at) => {
    const [x, y] = [Math.floor(at / rows), at % rows]
    mass += value
    massX += value * (x + 0.5)
    massY += value * (y + 0.5)
    most = Math.max(most, value)
  })
  const place = (centre: number, size: number) => Math.min(side - size, Math.max(0, Math.round(middle - centre)))
  const [offsetX, offsetY] = [place(massX / mass, columns), place(massY / mass, rows)]
  const picture = new Uint8Array(side * side)
  small.forEach((value, at) => {
    const [x, y] = [Math.floor(at / rows), at % rows]
    picture[(offsetY + y) * side + offsetX + x] = Math.round((255 * value) / most)
  })
  return picture
}
