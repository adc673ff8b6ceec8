// Which ink of a picture is the digit: not the dust, the caption, the shadow, the frame, the table under the sheet.
// Indices run over pixels, parts and runs that exist: each `!` is in range.
import { partsOf, type Part, type Parts } from './parts'

/** What is fainter than this share of the darkest ink is paper: dust, shadows, the blur around a stroke. */
const paper = 0.15
/** Ink must stand out from the paper by as many standard deviations of the paper's noise. */
const deviations = 5
/** Whatever hugs a border of the picture over this share of its length is what lies behind the sheet, or falls on it. */
const hugging = 0.5
/** No digit is smaller than this share of the picture's larger side. */
const smallest = 1 / 64
/** A part counts with a tenth of the heaviest part's mass, one right beside it with a hundredth. */
const [lightest, lightestBeside] = [0.1, 0.01]
/** Beside the heaviest part, near it: gaps in shares of its larger side. */
const [beside, near] = [0.1, 0.5]
/** A part of this share of the heaviest part's mass could be a digit as well. */
const rival = 0.3

/** Where the digit is, and what of the ink it is. */
export interface Found {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
  /** The runs of the digit and of all else; undefined if all ink is the digit's. */
  readonly chosen: { readonly parts: Parts; readonly kept: Uint8Array } | undefined
  readonly parts: Parts
  readonly kept: Uint8Array
  /** How many of the picture's pixels it is. */
  readonly area: number
  readonly mass: number
  /** Whether everything that there is hugs the border, so that it may be no digit. */
  readonly weak: boolean
  readonly doubt?: string
}

/**
 * Finds the digit in a picture.
 *
 * @param ink [height, width], 0 is the background, 1 the darkest ink
 * @param noise standard deviation of the background, as a share of the darkest ink
 * @returns undefined if there is nothing of a digit's size
 */
export const findDigit = (ink: Float32Array, width: number, height: number, noise: number): Found | undefined => {
  let threshold = Math.max(paper, deviations * noise)
  let best: Found | undefined
  // Where much was left out as a shadow or a table, the digit may lie in it: look again for what is darker.
  for (let round = 0; round < 3 && threshold < 1; round++) {
    const { found, bands } = chosenAmong(partsOf(ink, width, height, threshold), width, height)
    if (found && (!best || best.weak || (!found.weak && found.mass > 1.5 * best.mass))) best = found
    if (!bands) break
    const next = otsu(ink, round === 0 ? 0 : threshold)
    if (next <= 1.1 * threshold) break
    threshold = next
  }
  return best
}

/** The threshold that parts all ink from `from` on best into two. Source: N. Otsu, "A threshold selection method from gray-level histograms". */
const otsu = (ink: Float32Array, from: number): number => {
  const counts = new Float64Array(256)
  for (let at = 0; at < ink.length; at++) if (ink[at]! >= from) counts[Math.min(255, Math.floor(256 * ink[at]!))]!++
  let [total, sum] = [0, 0]
  for (let i = 0; i < 256; i++) {
    total += counts[i]!
    sum += i * counts[i]!
  }
  let [below, sumBelow, most, best] = [0, 0, -1, 255]
  for (let i = 0; i < 256; i++) {
    below += counts[i]!
    sumBelow += i * counts[i]!
    if (below === 0 || below === total) continue
    const apart = sumBelow / below - (sum - sumBelow) / (total - below)
    const between = below * (total - below) * apart * apart
    if (between > most) [most, best] = [between, i]
  }
  return (best + 1) / 256
}

const chosenAmong = (all: Parts, width: number, height: number) => {
  const { parts } = all
  const least = smallest * Math.max(width, height)
  const isBand = parts.map((part) => hugsBorder(part, width, height))
  const isSpeck = parts.map((part) => Math.max(part.right - part.left, part.bottom - part.top) < least)
  const bands = isBand.includes(true)
  const heaviest = (allowed: (i: number) => boolean): number => {
    let most = -1
    for (let i = 0; i < parts.length; i++) if (allowed(i) && (most < 0 || parts[i]!.mass > parts[most]!.mass)) most = i
    return most
  }
  const isFrame = new Uint8Array(parts.length)
  const isDigit = (i: number) => !isBand[i] && !isSpeck[i] && !isFrame[i]
  let main = heaviest(isDigit)
  while (main >= 0) {
    const inside = heaviest((i) => isDigit(i) && i !== main && liesIn(parts[i]!, parts[main]!))
    if (inside < 0 || !isAround(all, main, parts[inside]!)) break
    isFrame[main] = 1
    main = heaviest(isDigit)
  }
  // A line that somebody drew under the digit may be heavier than the digit.
  if (main >= 0 && isRule(parts[main]!)) {
    const other = heaviest((i) => isDigit(i) && !isRule(parts[i]!) && isTallerThan(parts[i]!, parts[main]!))
    if (other >= 0) main = other
  }
  const weak = main < 0
  if (weak) main = heaviest((i) => !isSpeck[i] && !isFrame[i] && !isBackdrop(parts[i]!, width, height))
  if (main < 0) return { found: undefined, bands }
  const centre = parts[main]!
  for (let i = 0; i < parts.length; i++)
    if (
      i !== main &&
      ((liesIn(centre, parts[i]!) && isAround(all, i, centre)) || (isRule(parts[i]!) && !isRule(centre)))
    )
      isFrame[i] = 1

  const size = Math.max(centre.right - centre.left, centre.bottom - centre.top)
  const kept = new Uint8Array(parts.length)
  let [left, top, right, bottom] = [centre.left, centre.top, centre.right, centre.bottom]
  let [area, mass, total] = [0, 0, 0]
  let rivals = 0
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!
    if (i !== main && ((isBand[i] && !weak) || isFrame[i])) continue
    total += part.mass
    const gap = gapBetween(part, centre) / size
    if (i !== main && gap > near && part.mass > rival * centre.mass && !isSpeck[i]) rivals++
    const least = gap <= beside ? lightestBeside : gap <= near ? lightest : Infinity
    if (i !== main && part.mass < least * centre.mass) continue
    kept[i] = 1
    area += part.area
    mass += part.mass
    left = Math.min(left, part.left)
    top = Math.min(top, part.top)
    right = Math.max(right, part.right)
    bottom = Math.max(bottom, part.bottom)
  }
  if (parts.length > 50 && mass < 0.3 * total) return { found: undefined, bands }
  const doubt = doubtOf(parts, kept, rivals)
  const chosen = kept.includes(0) ? { parts: all, kept } : undefined
  const found: Found = {
    left,
    top,
    right,
    bottom,
    chosen,
    parts: all,
    kept,
    area,
    mass,
    weak,
    ...(doubt ? { doubt } : {}),
  }
  return { found, bands }
}

const hugsBorder = ({ contact, corner }: Part, width: number, height: number): boolean =>
  corner ||
  contact[0] >= hugging * height ||
  contact[2] >= hugging * height ||
  contact[1] >= hugging * width ||
  contact[3] >= hugging * width

const liesIn = (inner: Part, outer: Part): boolean =>
  inner.left > outer.left && inner.right < outer.right && inner.top > outer.top && inner.bottom < outer.bottom

/** How far apart two boxes are, along the axis where they are farther; 0 where they touch or overlap. */
const gapBetween = (a: Part, b: Part): number =>
  Math.max(0, a.left - b.right, b.left - a.right, a.top - b.bottom, b.top - a.bottom)

/** Whether a part is a box drawn around another one, straight or not: large enough things stand where it has no ink, in its middle. */
const isAround = ({ parts, count, rows, starts, ends, labels }: Parts, part: number, inner: Part): boolean => {
  const { left, top, right, bottom } = parts[part]!
  const [wide, high] = [right - left, bottom - top]
  const size = Math.max(inner.right - inner.left, inner.bottom - inner.top) / Math.max(wide, high)
  if (size < 0.1 || (size < 0.2 && inner.mass < 0.12 * parts[part]!.mass)) return false
  for (let run = 0; run < count; run++)
    if (
      labels[run] === part &&
      rows[run]! >= top + 0.2 * high &&
      rows[run]! < bottom - 0.2 * high &&
      starts[run]! < right - 0.2 * wide &&
      ends[run]! > left + 0.2 * wide
    )
      return false
  return true
}

/** Whether it is a line across, as under a word: no stroke of a digit is so thin and long. */
const isRule = (part: Part): boolean => part.right - part.left >= 10 * (part.bottom - part.top)

const isTallerThan = (part: Part, rule: Part): boolean => part.bottom - part.top >= 3 * (rule.bottom - rule.top)

/** Whether what hugs the border is a half in the shade, or a table around a sheet: a solid block, or along three sides and more. */
const isBackdrop = (part: Part, width: number, height: number): boolean => {
  const [left, top, right, bottom] = part.contact
  const sides = [left / height, top / width, right / height, bottom / width].filter((share) => share >= hugging).length
  return sides >= 3 || (sides > 0 && part.area >= 0.9 * (part.right - part.left) * (part.bottom - part.top))
}

/** What speaks against one digit: parts elsewhere that could be one as well, or two tall parts side by side. */
const doubtOf = (parts: readonly Part[], kept: Uint8Array, rivals: number): string | undefined => {
  if (rivals > 0) return `it shows ${rivals + 1} things of a digit's size, of which the heaviest was read`
  const tall = parts.filter((_, i) => kept[i]).sort((a, b) => b.mass - a.mass)
  const [one, two] = tall
  if (!one || !two || two.mass < rival * one.mass) return undefined
  const [heightOne, heightTwo] = [one.bottom - one.top, two.bottom - two.top]
  const overlap = Math.min(one.right, two.right) - Math.max(one.left, two.left)
  const narrower = Math.min(one.right - one.left, two.right - two.left)
  if (Math.min(heightOne, heightTwo) < 0.7 * Math.max(heightOne, heightTwo) || overlap > 0.1 * narrower)
    return undefined
  return 'it shows two tall parts side by side, which were read as one digit'
}
