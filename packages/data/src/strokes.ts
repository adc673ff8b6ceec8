// Indices run over pixels inside the picture and points inside a stroke: each `!` is in range.
import { MersenneTwister, randperm } from '@digitlab/random'
import { DataError } from './data-error'
import type { Dataset, Split } from './dataset'
import { sha256 } from './sha256'
import { templates, type Stroke } from './stroke-templates'

const side = 28
const pixels = side * side

/** How often each digit occurs in MNIST. */
const proportions = {
  train: [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
  test: [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
} as const

/** Which digits are drawn, and how many. */
export interface StrokesOptions {
  /** Another seed, other handwriting. */
  readonly seed?: number
  /** At most 60,000. Fewer are the first ones of all. */
  readonly trainCount?: number
  /** At most 10,000. */
  readonly testCount?: number
}

/**
 * Digits that digitlab draws itself, in MNIST's form, size and proportions: strokes of a pen with random slant, turn,
 * width and wobble. Needs no file, no network and no licence; the same seed gives the same bytes on every machine (only
 * + - * / and square roots decide them).
 *
 * @throws DataError if a count is not an integer from 1 to MNIST's
 */
export const strokes = async (options: StrokesOptions = {}): Promise<Dataset> => {
  const { seed = 0, trainCount = 60_000, testCount = 10_000 } = options
  const train = drawSplit(new MersenneTwister(2 * seed + 1), proportions.train, trainCount)
  const test = drawSplit(new MersenneTwister(2 * seed + 2), proportions.test, testCount)
  const content = {
    'train-images': train.images,
    'train-labels': train.labels,
    'test-images': test.images,
    'test-labels': test.labels,
  }
  return {
    name: 'strokes',
    title: 'strokes',
    origin: `digitlab's own pen, seed ${seed}`,
    imageShape: [side, side],
    classes: 10,
    classNames: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    train,
    test,
    files: await Promise.all(
      Object.entries(content).map(async ([name, bytes]) => ({
        name: `strokes-${name}`,
        bytes: bytes.length,
        sha256: await sha256(bytes),
      })),
    ),
  }
}

const drawSplit = (generator: MersenneTwister, counts: readonly number[], count: number): Split => {
  const all = counts.reduce((sum, n) => sum + n, 0)
  if (!Number.isInteger(count) || count < 1 || count > all)
    throw new DataError(`strokes has from 1 to ${all} images, not ${count}`)
  const inOrder = counts.flatMap((n, digit) => new Array<number>(n).fill(digit))
  const labels = Uint8Array.from(randperm(generator, all).subarray(0, count), (index) => inOrder[index]!)
  const images = new Uint8Array(count * pixels)
  labels.forEach((digit, i) => drawDigit(generator, digit, images.subarray(i * pixels, (i + 1) * pixels)))
  return { images, labels, count }
}

/** Draws a digit into a picture of zeros, [28, 28]. */
const drawDigit = (generator: MersenneTwister, digit: number, picture: Uint8Array): void => {
  const between = (low: number, high: number) => low + ((high - low) * generator.next()) / 0x1_0000_0000
  /** Two dice: values near the middle come more often. */
  const around = (spread: number) => between(-spread, spread) + between(-spread, spread)
  const variants = templates[digit]!
  const variant = variants[generator.next() % variants.length]!

  // A turn by the angle whose half has this tangent, a slant, and unequal scales.
  const half = around(0.11)
  const [cosine, sine] = [(1 - half * half) / (1 + half * half), (2 * half) / (1 + half * half)]
  const slant = around(0.36)
  const [wide, high] = [between(0.5, 1.3), between(0.75, 1.15)]
  const [bendX, bendY] = [around(0.022), around(0.022)]
  const place = (x: number, y: number): [number, number] => {
    const [dx, dy] = [(x - 10) * wide, (y - 10) * high]
    const slanted = dx - slant * dy + bendX * dy * dy
    const lifted = dy + bendY * dx * dx
    return [cosine * slanted - sine * lifted, sine * slanted + cosine * lifted]
  }
  const lines = variant.map((stroke) => trace(stroke, () => around(1.6), place))

  // Into MNIST's form: the larger side of the box is 20, the centre of mass in the middle.
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity]
  let [mass, massX, massY] = [0, 0, 0]
  for (const line of lines)
    for (let i = 0; i < line.length; i += 2) {
      const [x, y] = [line[i]!, line[i + 1]!]
      left = Math.min(left, x)
      right = Math.max(right, x)
      top = Math.min(top, y)
      bottom = Math.max(bottom, y)
      if (i === 0) continue
      const [px, py] = [line[i - 2]!, line[i - 1]!]
      const length = Math.sqrt((x - px) * (x - px) + (y - py) * (y - py))
      mass += length
      massX += (length * (x + px)) / 2
      massY += (length * (y + py)) / 2
    }
  const radius = between(0.75, 1.7)
  const scale = (20 - 2 * radius) / Math.max(right - left, bottom - top)
  const [offsetX, offsetY] = [side / 2 - (scale * massX) / mass, side / 2 - (scale * massY) / mass]
  const ink = between(215, 265)
  for (const line of lines)
    for (let i = 2; i < line.length; i += 2)
      drawSegment(
        picture,
        scale * line[i - 2]! + offsetX,
        scale * line[i - 1]! + offsetY,
        scale * line[i]! + offsetX,
        scale * line[i + 1]! + offsetY,
        radius,
        ink,
      )
}

/** Points along a stroke's curves, x and y in turn, its control points moved a little before they are placed. */
const trace = (stroke: Stroke, wobble: () => number, place: (x: number, y: number) => [number, number]): number[] => {
  const steps = 6
  const control = stroke.map(([x, y]) => place(x + wobble(), y + wobble()))
  const points: number[] = [...control[0]!]
  for (let at = 0; at + 3 < control.length; at += 3) {
    const [[ax, ay], [bx, by], [cx, cy], [dx, dy]] = control.slice(at, at + 4) as [Point, Point, Point, Point]
    for (let step = 1; step <= steps; step++) {
      const t = step / steps
      const u = 1 - t
      const [a, b, c, d] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t]
      points.push(a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy)
    }
  }
  return points
}
type Point = [number, number]

/** A line with round ends: full ink within the radius, fading over one pixel at its edge; darker ink stays. */
const drawSegment = (
  picture: Uint8Array,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
  radius: number,
  ink: number,
) => {
  const reach = radius + 1
  const fromColumn = Math.max(0, Math.ceil(Math.min(x0, x1) - reach))
  const toColumn = Math.min(side - 1, Math.floor(Math.max(x0, x1) + reach - 1))
  const fromRow = Math.max(0, Math.ceil(Math.min(y0, y1) - reach))
  const toRow = Math.min(side - 1, Math.floor(Math.max(y0, y1) + reach - 1))
  const [dx, dy] = [x1 - x0, y1 - y0]
  const squared = dx * dx + dy * dy || 1
  // Most pixels are beyond the line, under it, or dark already: without a square root, and the same bytes, because a cover
  // within rounding of 0 draws nothing and one within rounding of 1 is left to the root.
  const full = Math.min(255, Math.floor(ink))
  const outside = (radius + 0.5) * (radius + 0.5)
  const inside = (radius - 0.5) * (radius - 0.5) * (1 - 1e-12)
  for (let row = fromRow; row <= toRow; row++) {
    const py = row + 0.5 - y0
    const pydy = py * dy
    for (let column = fromColumn; column <= toColumn; column++) {
      const index = row * side + column
      const before = picture[index]!
      if (before >= full) continue
      const px = column + 0.5 - x0
      const dot = px * dx + pydy
      const along = dot <= 0 ? 0 : dot >= squared ? 1 : dot / squared
      const [ex, ey] = [px - along * dx, py - along * dy]
      const distance = ex * ex + ey * ey
      if (distance >= outside) continue
      const value =
        distance <= inside ? full : Math.min(255, Math.floor(ink * Math.min(1, radius + 0.5 - Math.sqrt(distance))))
      if (value > before) picture[index] = value
    }
  }
}
