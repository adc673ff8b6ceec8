// From shades to the ink of one digit. Indices run over pixels inside the picture: each `!` is in range.
import { DataError } from './data-error'
import { findDigit, type Found } from './find-digit'
import { leastContrast, medianOf, type Shade } from './shade'
import { evenlyLit } from './uneven-light'

/** Paper that varies by this share of the picture's contrast may be lit unevenly. */
const unevenness = 0.03
/** Noise of this share of the contrast hides faint strokes. */
const noticeable = 0.03
/** A sheet is at least this share of the picture; at its rim what lies behind it shows through, over so many pixels. */
const [leastSheet, rim] = [0.15, 2]

/** `right` and `bottom` lie one past it. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** Ink [height, width] from 0, and the box of the digit in it. */
export interface DigitInk {
  readonly ink: Float32Array
  readonly width: number
  readonly box: Box
  readonly doubt: string | undefined
}

/**
 * Finds the digit, on paper whose shade is the whole picture's median, or that of its border where nothing is found so.
 *
 * @throws DataError if there is none
 */
export const digitIn = (picture: Shade): DigitInk => {
  const levels = levelsOf(picture)
  const { lowest, highest } = levels
  if (highest - lowest < leastContrast)
    throw new DataError(
      `expected a digit that stands out from its background, found shades from ${Math.round(lowest)} to ${Math.round(highest)} of 255: give a picture with more contrast`,
    )
  const digit = digitOn(...lit(picture, levels))
  if (!digit)
    throw new DataError(
      'expected a digit that stands out from its background, found nothing but specks and noise: give a picture with more contrast',
    )
  return digit
}

/** The picture as it is or, where its shades vary, in even light if that is what they vary with. */
const lit = (picture: Shade, levels: Levels): [Shade, Levels] => {
  if (picture.opacity || levels.noise < unevenness * (levels.highest - levels.lowest)) return [picture, levels]
  const even = { ...picture, shade: evenlyLit(picture.shade, picture.width, picture.height) }
  const evenLevels = levelsOf(even)
  return evenLevels.noise < levels.noise / 2 ? [even, evenLevels] : [picture, levels]
}

const digitOn = (picture: Shade, { lowest, highest, median, noise, border }: Levels): DigitInk | undefined => {
  const { shade, width, height } = picture
  const backgrounds = Math.abs(border - median) > (highest - lowest) / 2 ? [median, border] : [median]
  let [best, bestInk]: [Found | undefined, Float32Array | undefined] = [undefined, undefined]
  for (const background of backgrounds) {
    const [below, above] = [background - lowest, highest - background]
    for (const sign of above > below ? [1, -1] : [-1, 1]) {
      const contrast = sign > 0 ? above : below
      if (contrast < leastContrast) continue
      const ink = inkOf(shade, background, sign, contrast)
      // In noise a stroke's faint ends are found in averages of nine pixels, whose noise is a third, or a half where it hangs together.
      const noisy = noise / contrast > noticeable
      const seen = noisy ? softened(ink, width, height) : ink
      const found = findDigit(seen, width, height, noise / contrast / (noisy ? 2 : 1))
      if (!found || (best && found.weak)) continue
      ;[best, bestInk] = [found, ink]
      if (!found.weak) return onSheet(picture, found) ?? alone(found, ink, picture)
    }
  }
  return best && bestInk && { ink: bestInk, width, box: best, doubt: best.doubt }
}

/** Where what was found is a sheet of paper on something larger, the digit on it. */
const onSheet = (picture: Shade, { left, top, right, bottom, area }: Found): DigitInk | undefined => {
  const [wide, high] = [right - left - 2 * rim, bottom - top - 2 * rim]
  const box = (right - left) * (bottom - top)
  const isSheet = box > leastSheet * picture.shade.length && area > 0.8 * box && area < 0.995 * box
  if (!isSheet || picture.opacity || wide < 28 || high < 28) return undefined
  const shade = new Float32Array(wide * high)
  for (let y = 0; y < high; y++) {
    const from = (top + rim + y) * picture.width + left + rim
    shade.set(picture.shade.subarray(from, from + wide), y * wide)
  }
  const sheet = { shade, width: wide, height: high, opacity: false }
  const levels = levelsOf(sheet)
  return levels.highest - levels.lowest < leastContrast ? undefined : digitOn(...lit(sheet, levels))
}

/** The mean of each pixel and its eight neighbours; the border stays as it is. */
const softened = (ink: Float32Array, width: number, height: number): Float32Array => {
  const soft = ink.slice()
  for (let y = 1; y < height - 1; y++)
    for (let x = 1; x < width - 1; x++) {
      let sum = 0
      for (let row = y - 1; row <= y + 1; row++) {
        const at = row * width + x
        sum += ink[at - 1]! + ink[at]! + ink[at + 1]!
      }
      soft[y * width + x] = sum / 9
    }
  return soft
}

const inkOf = (shade: Float32Array, background: number, sign: number, contrast: number): Float32Array => {
  const ink = new Float32Array(shade.length)
  for (let at = 0; at < shade.length; at++) ink[at] = Math.max(0, (sign * (shade[at]! - background)) / contrast)
  return ink
}

/** Leaves the digit alone in the ink. */
const alone = (found: Found, ink: Float32Array, picture: Shade): DigitInk => {
  const { width, height } = picture
  const { chosen, doubt } = found
  if (chosen) {
    const size = Math.max(found.right - found.left, found.bottom - found.top)
    const reach = Math.max(1, Math.round(0.04 * size))
    const mask = new Uint8Array(ink.length)
    const { count, rows, starts, ends, labels } = chosen.parts
    for (let run = 0; run < count; run++) {
      if (!chosen.kept[labels[run]!]) continue
      const [first, last] = [Math.max(0, rows[run]! - reach), Math.min(height - 1, rows[run]! + reach)]
      const [start, end] = [Math.max(0, starts[run]! - reach), Math.min(width, ends[run]! + reach)]
      for (let row = first; row <= last; row++) mask.fill(1, row * width + start, row * width + end)
    }
    for (let run = 0; run < count; run++)
      if (!chosen.kept[labels[run]!]) mask.fill(0, rows[run]! * width + starts[run]!, rows[run]! * width + ends[run]!)
    for (let at = 0; at < ink.length; at++) if (!mask[at]) ink[at] = 0
  }
  return { ink, width, box: found, doubt }
}

/** The shades of a picture at a glance. */
interface Levels {
  readonly lowest: number
  readonly highest: number
  readonly median: number
  /** Standard deviation of the paper. */
  readonly noise: number
  /** The median along the border. */
  readonly border: number
}

const levelsOf = ({ shade, width, height }: Shade): Levels => {
  let [lowest, highest] = [Infinity, -Infinity]
  const counts = new Float64Array(256)
  for (let at = 0; at < shade.length; at++) {
    const value = shade[at]!
    if (value < lowest) lowest = value
    if (value > highest) highest = value
    counts[Math.round(value)]!++
  }
  const middle = medianOf(counts, shade.length)
  const apart = new Float64Array(256)
  for (let i = 0; i < 256; i++) apart[Math.abs(i - middle)]! += counts[i]!
  // 1.4826 times the median distance is the standard deviation of normal noise
  const noise = 1.4826 * medianOf(apart, shade.length)
  const edge = new Float64Array(256)
  for (let x = 0; x < width; x++) {
    edge[Math.round(shade[x]!)]!++
    edge[Math.round(shade[(height - 1) * width + x]!)]!++
  }
  for (let y = 1; y < height - 1; y++) {
    edge[Math.round(shade[y * width]!)]!++
    edge[Math.round(shade[y * width + width - 1]!)]!++
  }
  let total = 0
  for (let i = 0; i < 256; i++) total += edge[i]!
  return { lowest, highest, median: exactly(shade, middle), noise, border: exactly(shade, medianOf(edge, total)) }
}

/** A shade that occurs, to which `rounded` is rounded: the paper itself, not the nearest whole number. */
const exactly = (shade: Float32Array, rounded: number): number => {
  for (let at = 0; at < shade.length; at++) if (Math.round(shade[at]!) === rounded) return shade[at]!
  return rounded
}
