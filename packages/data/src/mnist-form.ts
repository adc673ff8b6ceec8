// Indices run over pixels inside the picture: each `!` is in range.
import { DataError } from './data-error'
import { digitIn, type Box } from './ink'
import { removeRuledLines } from './ruled-lines'
import { shadeOf } from './shade'

const side = 28
/** The larger side of a digit's bounding box in MNIST. */
const box = 20
/** Where MNIST has the centre of mass: measured, its images' mean lies at (14.5, 14.5), the middle of the pixel in row and column 14. */
const middle = 14.5
/** A picture in MNIST's form, and what was found on the way. */
export interface DigitPicture {
  /** Bytes of shape [28, 28]; 0 is background, 255 is ink. */
  readonly form: Uint8Array
  /** What speaks against there being one digit, as a clause: "it shows two tall parts side by side, ...". */
  readonly doubt?: string
}

/**
 * Brings a picture of one digit into MNIST's form, the way MNIST was made: its bounding box is scaled to 20 pixels at the
 * larger side, in proportion and with grey levels at the edges, and put into 28 x 28 with its centre of mass in the middle.
 *
 * Dark ink on light paper and light ink on dark paper are told apart by the whole picture; on a transparent sheet the opacity is
 * the ink. What is not a digit is left out: specks, captions, frames, ruled lines, shadows, and what lies behind a sheet of paper.
 *
 * Sources: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits"; N. Otsu, "A threshold selection method
 * from gray-level histograms".
 *
 * @param rgba [height, width, 4], as a canvas gives it
 * @throws DataError if the sizes do not fit the pixels, or there is nothing but paper and noise
 */
export const digitPicture = (rgba: Uint8Array | Uint8ClampedArray, width: number, height: number): DigitPicture => {
  const whole = [width, height].every((size) => Number.isInteger(size) && size >= 1)
  if (!whole || rgba.length !== 4 * width * height)
    throw new DataError(
      `expected ${4 * width * height} bytes of a picture of ${width} x ${height} with four channels, found ${rgba.length}`,
    )
  const picture = shadeOf(rgba, width, height)
  if (!picture)
    throw new DataError('expected a digit on the page, found the page empty: give a picture with more contrast')
  if (!picture.opacity) removeRuledLines(picture.shade, picture.width, picture.height)
  const { ink, width: inkWidth, box: bounds, doubt } = digitIn(picture)
  return { form: formOf(ink, inkWidth, bounds), ...(doubt ? { doubt } : {}) }
}

/**
 * The bytes of {@link digitPicture} alone.
 *
 * @param rgba [height, width, 4], as a canvas gives it
 * @returns bytes of shape [28, 28]; 0 is background, 255 is ink
 * @throws DataError if the sizes do not fit the pixels, or there is nothing but paper and noise
 */
export const mnistForm = (rgba: Uint8Array | Uint8ClampedArray, width: number, height: number): Uint8Array =>
  digitPicture(rgba, width, height).form

/** Scales what is in the box, [height, width], and puts it in its place. */
const formOf = (ink: Float32Array, width: number, { left, top, right, bottom }: Box): Uint8Array => {
  const height = ink.length / width
  const scale = box / Math.max(right - left, bottom - top)
  const columns = Math.max(1, Math.round((right - left) * scale))
  const rows = Math.max(1, Math.round((bottom - top) * scale))
  // Only the rows that the second pass looks at: those of the box and a few more.
  const margin = Math.ceil(Math.max(1, (bottom - top) / rows)) + 1
  const narrow = resample(
    ink,
    { length: width, from: left, to: right, stride: 1 },
    { first: Math.max(0, top - margin), end: Math.min(height, bottom + margin), count: height, stride: width },
    columns,
  )
  // [height, columns]
  const small = resample(
    narrow,
    { length: height, from: top, to: bottom, stride: columns },
    { first: 0, end: columns, count: columns, stride: 1 },
    rows,
  )
  // [columns, rows]: the second pass turns it
  return centred(small, columns, rows)
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
 * @returns [lines.count, size], filled from the first line to the last
 */
const resample = (
  values: Float32Array,
  axis: Axis,
  lines: { readonly first: number; readonly end: number; readonly count: number; readonly stride: number },
  size: number,
): Float32Array => {
  const ratio = (axis.to - axis.from) / size
  const reach = Math.max(1, ratio)
  const result = new Float32Array(lines.count * size)
  for (let place = 0; place < size; place++) {
    const centre = axis.from + (place + 0.5) * ratio
    const first = Math.max(0, Math.ceil(centre - reach - 0.5))
    const last = Math.min(axis.length - 1, Math.floor(centre + reach - 0.5))
    const shares = new Float64Array(last - first + 1)
    let total = 0
    for (let i = 0; i < shares.length; i++) {
      shares[i] = Math.max(0, 1 - Math.abs(first + i + 0.5 - centre) / reach)
      total += shares[i]!
    }
    for (let line = lines.first; line < lines.end; line++) {
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
