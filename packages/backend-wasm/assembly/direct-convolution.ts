// Convolutions NHWC without groups, straight from the images: no patches are copied and nothing but the filter is packed.
//   y = x * filter + bias, for any stride and padding
//   dFilter[t, o] = the sum over images and pixels of x[pixel + t] dy[pixel, o]
// Each image lies in a frame of zeros, unless nothing is padded. In a row of the frame the inputs of neighbouring taps lie side by side: a
// filter's row is one run of kernelWidth x inputs floats. Four pixels by eight filters are summed in registers, and for the filter's
// gradient four taps by eight filters. (The gradient of x is a convolution of dy with the filter turned: convolution.ts.)
// Rows of a filter that see nothing but the border are left out, which is much of the gradient of x.
// Images from .. to - 1, or blocks of the filter's gradient: a value's sum has one order, whatever the range.
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.
import { clear, copy, fma, roundUp, splat } from './simd'

/** Filters that are summed at a time. */
export const WIDE: usize = 8

@inline
export function frameBytes<T>(height: T, width: T, inputs: T, top: T, left: T): T {
  return roundUp<T>((height + <T>2 * top) * (width + <T>2 * left) * inputs * <T>4, <T>16)
}

/** Of the output's pixels, where each one's first tap lies; four more, for the last group. */
@inline
export function placesBytes<T>(pixels: T): T {
  return roundUp<T>((pixels + <T>4) * <T>4, <T>16)
}

export function directScratch(
  height: f64,
  width: f64,
  inputs: f64,
  pixels: f64,
  outputs: f64,
  taps: f64,
  top: f64,
  left: f64,
): f64 {
  const wide = roundUp<f64>(outputs, 8)
  const filter = (taps + 1) * wide * 4
  const rows = pixels * wide * 4
  return frameBytes<f64>(height, width, inputs, top, left) + placesBytes<f64>(pixels) + filter + rows + 256
}

/** Copies an image into the middle of its frame. */
@inline
export function copyIntoFrame(
  image: usize,
  frame: usize,
  height: usize,
  width: usize,
  inputs: usize,
  top: usize,
  left: usize,
): void {
  const rowBytes = width * inputs * 4
  const frameRow = (width + 2 * left) * inputs * 4
  let to = frame + top * frameRow + left * inputs * 4
  for (let r: usize = 0; r < height; r++, image += rowBytes, to += frameRow) copy(to, image, rowBytes)
}

/** The image where its taps can be read: itself, or a copy in the middle of the frame. */
@inline
function framed(
  image: usize,
  frame: usize,
  height: usize,
  width: usize,
  inputs: usize,
  top: usize,
  left: usize,
): usize {
  if (top + left == 0) return image
  copyIntoFrame(image, frame, height, width, inputs, top, left)
  return frame
}

export function placePixels(
  places: usize,
  rows: usize,
  columns: usize,
  frameRow: usize,
  inputs: usize,
  down: usize,
  right: usize,
): void {
  let last: u32 = 0
  for (let r: usize = 0; r < rows; r++)
    for (let c: usize = 0; c < columns; c++, places += 4) {
      last = <u32>(r * down * frameRow + c * right * inputs * 4)
      store<u32>(places, last)
    }
  for (let i: usize = 0; i < 4; i++) store<u32>(places + i * 4, last)
}

/** The filter [taps, outputs] as [outputs / 8][taps + 1][8], the bias in front of the taps, and zeros past the end. */
export function packFilter(filter: usize, bias: usize, taps: usize, outputs: usize, to: usize): void {
  for (let o: usize = 0; o < outputs; o += WIDE) {
    const some = outputs - o < WIDE ? outputs - o : WIDE
    let from = bias == 0 ? 0 : bias + o * 4
    for (let t: usize = 0; t <= taps; t++, to += WIDE * 4) {
      for (let i: usize = 0; i < WIDE; i++) store<f32>(to + i * 4, from != 0 && i < some ? load<f32>(from + i * 4) : 0)
      from = filter + (t * outputs + o) * 4
    }
  }
}

/** Stores up to eight values. */
@inline
export function storeWide(to: usize, a: v128, b: v128, some: usize): void {
  if (some == WIDE) {
    v128.store(to, a)
    v128.store(to, b, 16)
    return
  }
  if (some >= 4) v128.store(to, a)
  const rest = some & 3
  const at = to + (some & 4) * 4
  const v = some >= 4 ? b : a
  if (rest > 0) v128.store32_lane(at, v, 0)
  if (rest > 1) v128.store32_lane(at, v, 1, 4)
  if (rest > 2) v128.store32_lane(at, v, 2, 8)
}

/**
 * @param filter the packed one of eight filters
 * @param first, last its rows that are summed
 * @param run bytes of one of them
 */
export function fourPixels(
  image: usize,
  places: usize,
  filter: usize,
  first: usize,
  last: usize,
  run: usize,
  frameRow: usize,
  y: usize,
  yRow: usize,
  pixels: usize,
  some: usize,
): void {
  let p0 = image + <usize>load<u32>(places)
  let p1 = image + <usize>load<u32>(places, 4)
  let p2 = image + <usize>load<u32>(places, 8)
  let p3 = image + <usize>load<u32>(places, 12)
  let a0 = v128.load(filter)
  let b0 = v128.load(filter, 16)
  let a1 = a0, a2 = a0, a3 = a0, b1 = b0, b2 = b0, b3 = b0
  filter += (first * run + 4) * WIDE
  const skip = frameRow - run
  const above = first * frameRow
  p0 += above
  p1 += above
  p2 += above
  p3 += above
  for (let row = first; row < last; row++) {
    for (const end = p0 + run; p0 < end; p0 += 4, p1 += 4, p2 += 4, p3 += 4, filter += WIDE * 4) {
      const left = v128.load(filter)
      const right = v128.load(filter, 16)
      let v = splat(p0, 0)
      a0 = fma(v, left, a0)
      b0 = fma(v, right, b0)
      v = splat(p1, 0)
      a1 = fma(v, left, a1)
      b1 = fma(v, right, b1)
      v = splat(p2, 0)
      a2 = fma(v, left, a2)
      b2 = fma(v, right, b2)
      v = splat(p3, 0)
      a3 = fma(v, left, a3)
      b3 = fma(v, right, b3)
    }
    p0 += skip
    p1 += skip
    p2 += skip
    p3 += skip
  }
  storeWide(y, a0, b0, some)
  if (pixels > 1) storeWide(y + yRow, a1, b1, some)
  if (pixels > 2) storeWide(y + 2 * yRow, a2, b2, some)
  if (pixels > 3) storeWide(y + 3 * yRow, a3, b3, some)
}

/** @param bias 0 for none */
export function directConvolution(
  x: usize,
  filter: usize,
  bias: usize,
  y: usize,
  height: usize,
  width: usize,
  inputs: usize,
  rows: usize,
  columns: usize,
  outputs: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  down: usize,
  right: usize,
  top: usize,
  left: usize,
  scratch: usize,
  from: usize,
  to: usize,
): void {
  const pixels = rows * columns
  const taps = kernelHeight * kernelWidth * inputs
  const frameRow = (width + 2 * left) * inputs * 4
  const places = scratch + frameBytes<usize>(height, width, inputs, top, left)
  const packed = places + placesBytes<usize>(pixels)
  clear(scratch, frameBytes<usize>(height, width, inputs, top, left))
  placePixels(places, rows, columns, frameRow, inputs, down, right)
  packFilter(filter, bias, taps, outputs, packed)
  const imageBytes = height * width * inputs * 4
  const yRow = outputs * 4
  for (let b = from; b < to; b++) {
    const image = framed(x + b * imageBytes, scratch, height, width, inputs, top, left)
    const out = y + b * pixels * yRow
    for (let p: usize = 0; p < pixels; p += 4) {
      const count = pixels - p < 4 ? pixels - p : 4
      let block = packed
      // Of the filter's rows those that see the image from the upper or from the lower one of the four.
      const upper = <isize>(p / columns * down)
      const lower = <isize>((p + count - 1) / columns * down)
      const first = <usize>max<isize>(<isize>top - lower, 0)
      const last = <usize>max<isize>(min<isize>(<isize>(top + height) - upper, <isize>kernelHeight), <isize>first)
      for (let o: usize = 0; o < outputs; o += WIDE, block += (taps + 1) * WIDE * 4)
        fourPixels(
          image, places + p * 4, block, first, last, kernelWidth * inputs * 4, frameRow, out + p * yRow + o * 4, yRow, count,
          outputs - o < WIDE ? outputs - o : WIDE,
        )
    }
  }
}

@inline
function addWide(to: usize, a: v128, b: v128, some: usize): void {
  if (some == WIDE) {
    v128.store(to, f32x4.add(v128.load(to), a))
    v128.store(to, f32x4.add(v128.load(to, 16), b), 16)
    return
  }
  let v = a
  for (let i: usize = 0; i < some; i++) {
    if (i == 4) v = b
    store<f32>(to + i * 4, load<f32>(to + i * 4) + f32x4.extract_lane(v, 0))
    v = i8x16.shuffle(v, v, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3)
  }
}

/**
 * The sums over an image's pixels for four taps and eight filters, added to the filter's gradient.
 *
 * @param image where the taps of the first pixel lie
 * @param step, down bytes from a pixel's taps to the next one's, and to those of the pixel below
 * @param known of the first taps so many have been summed before
 */
function fourTaps(
  image: usize,
  step: usize,
  down: usize,
  rows: usize,
  columns: usize,
  dy: usize,
  dyRow: usize,
  dFilter: usize,
  tapBytes: usize,
  known: usize,
  some: usize,
): void {
  let a0 = f32x4.splat(0)
  let a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0
  const width = columns * step
  for (const bottom = image + rows * down; image < bottom; image += down)
    for (let at = image, end = image + width; at < end; at += step, dy += dyRow) {
      const left = v128.load(dy)
      const right = v128.load(dy, 16)
      let v = v128.load32_splat(at)
      a0 = fma(v, left, a0)
      b0 = fma(v, right, b0)
      v = v128.load32_splat(at, 4)
      a1 = fma(v, left, a1)
      b1 = fma(v, right, b1)
      v = v128.load32_splat(at, 8)
      a2 = fma(v, left, a2)
      b2 = fma(v, right, b2)
      v = v128.load32_splat(at, 12)
      a3 = fma(v, left, a3)
      b3 = fma(v, right, b3)
    }
  if (known < 1) addWide(dFilter, a0, b0, some)
  if (known < 2) addWide(dFilter + tapBytes, a1, b1, some)
  if (known < 3) addWide(dFilter + 2 * tapBytes, a2, b2, some)
  addWide(dFilter + 3 * tapBytes, a3, b3, some)
}

/** The same for a single tap. */
function oneTap(
  image: usize,
  step: usize,
  down: usize,
  rows: usize,
  columns: usize,
  dy: usize,
  dyRow: usize,
  dFilter: usize,
  some: usize,
): void {
  let a = f32x4.splat(0)
  let b = a
  const width = columns * step
  for (const bottom = image + rows * down; image < bottom; image += down)
    for (let at = image, end = image + width; at < end; at += step, dy += dyRow) {
      const v = v128.load32_splat(at)
      a = fma(v, v128.load(dy), a)
      b = fma(v, v128.load(dy, 16), b)
    }
  addWide(dFilter, a, b, some)
}

/** Blocks from .. to - 1 of the gradient: kernelHeight x ceil(run / 4) x ceil(outputs / 8), four taps by eight filters each. */
export function directFilterGrad(
  x: usize,
  dy: usize,
  dFilter: usize,
  batch: usize,
  height: usize,
  width: usize,
  inputs: usize,
  rows: usize,
  columns: usize,
  outputs: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  down: usize,
  right: usize,
  top: usize,
  left: usize,
  scratch: usize,
  from: usize,
  to: usize,
): void {
  const pixels = rows * columns
  const run = kernelWidth * inputs
  const frameRow = (width + 2 * left) * inputs * 4
  const spread = scratch + frameBytes<usize>(height, width, inputs, top, left)
  const whole = (outputs & 7) == 0
  const wideRow = roundUp<usize>(outputs, WIDE) * 4
  const groups = (run + 3) >> 2
  const columnsOfBlocks = (outputs + 7) >> 3
  const step = right * inputs * 4
  clear(scratch, frameBytes<usize>(height, width, inputs, top, left))
  const imageBytes = height * width * inputs * 4
  for (let b: usize = 0; b < batch; b++) {
    const image = framed(x + b * imageBytes, scratch, height, width, inputs, top, left)
    let gradient = dy + b * pixels * outputs * 4
    if (!whole) {
      // Rows of whole vectors: what lies past the end of one is never stored.
      let row = spread
      for (let p: usize = 0; p < pixels; p++, row += wideRow) copy(row, gradient + p * outputs * 4, outputs * 4)
      gradient = spread
    }
    for (let block = from; block < to; block++) {
      const o = (block % columnsOfBlocks) * WIDE
      const group = block / columnsOfBlocks
      const kernelRow = group / groups
      const first = (group % groups) * 4
      const some = outputs - o < WIDE ? outputs - o : WIDE
      const count = run - first < 4 ? run - first : 4
      // A last group that is not full begins among the taps of the one before it: nothing is read past the end of a row.
      const tap = count == 4 || run < 4 ? first : run - 4
      const patch = image + kernelRow * frameRow + tap * 4
      const at = dFilter + ((kernelRow * run + tap) * outputs + o) * 4
      if (b == 0) for (let t: usize = 0; t < count; t++) clear(at + (first - tap + t) * outputs * 4, some * 4)
      if (run >= 4)
        fourTaps(
          patch, step, down * frameRow, rows, columns, gradient + o * 4, wideRow, at, outputs * 4, first - tap, some,
        )
      else
        for (let t: usize = 0; t < count; t++)
          oneTap(
            patch + t * 4, step, down * frameRow, rows, columns, gradient + o * 4, wideRow, at + t * outputs * 4, some,
          )
    }
  }
}

/** The filter of the gradient of x: both sides turned, inputs and outputs exchanged. */
export function turnFilter(
  filter: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  inputs: usize,
  outputs: usize,
  to: usize,
): void {
  const taps = kernelHeight * kernelWidth
  for (let t: usize = 0; t < taps; t++) {
    const from = filter + (taps - 1 - t) * inputs * outputs * 4
    for (let o: usize = 0; o < outputs; o++)
      for (let i: usize = 0; i < inputs; i++, to += 4) store<f32>(to, load<f32>(from + (i * outputs + o) * 4))
  }
}
