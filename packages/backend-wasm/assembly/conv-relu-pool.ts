// y = maxPool2x2(relu(x * filter + bias)), stride 1, with the winner of each window (0 1 over 2 3; -1 where ReLU stopped
// all four; at a tie the first), and its gradient.
//
// Each image is copied into a frame of zeros first, so that no kernel asks where the border is. A window and the inputs of
// its four candidates: with a 3 x 3 filter a patch of 4 x 4 pixels.
//
// Forward, two ways here and a third in `conv-relu-pool-sparse.ts`, for outputs by 32s:
// - single: one input channel, 3 x 3. Nine weights and four sums in registers; black patches are not computed.
// - direct: everything else; four candidates by eight output channels in registers, over a list of the inputs that are not
//   zero for one of the four: ReLU leaves half of them zero. Windows of plain background are computed once for a batch.
// All sum each candidate's taps in the same order, so that equal patches give equal candidates to the bit and the first of
// them wins, as in PyTorch. Winograd's F(2 x 2, 3 x 3) takes a quarter less time than direct and does not: with it ties
// fell to chance, gradients went to other pixels, and losses left PyTorch's after ten steps.
//
// Backward: only a window's winner passes a gradient g, if ReLU passed it: dFilter += patch of x at the winner x g,
// dx at that patch += filter x g. Two ways:
// - single: as above, no dx; the winners' gradients as four masked copies of dy.
// - rows: for each output channel the list of its winners; a filter row's weights for all input channels lie together, so
//   six or twelve vectors of it are summed in registers over the list.
// Filters' gradients are sums over a batch: ranges are of output channels there, so that no sum is split and each has the order of the images.
//
// Each kernel computes what is asked for of one result: images from .. to - 1, unless it says of what.
//
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.
import { clear, copy, fma, lane0, lane1, lane2, lane3, rectified, roundUp, splat } from './simd'

/** Bytes behind a frame that a last vector may read or add zero to. */
const SLACK: usize = 256

// ---------------------------------------------------------------------------------------------------------------- frame

@inline
function frameBytes<T>(height: T, width: T, inputs: T, padding: T): T {
  return roundUp<T>((height + <T>2 * padding) * (width + <T>2 * padding) * inputs * <T>4, <T>16) + <T>SLACK
}

/** Windows of 2 x 2 along a side of the convolution's output. */
@inline
function windowsAlong(size: f64, kernel: f64, padding: f64): f64 {
  return floor<f64>((size + 2 * padding - kernel + 1) / 2)
}

/** One image [height, width, inputs] into the middle of its frame, whose border is zero already. */
function frame(x: usize, height: usize, width: usize, inputs: usize, padding: usize, to: usize): void {
  const rowBytes = width * inputs * 4
  const frameRow = (width + 2 * padding) * inputs * 4
  to += padding * frameRow + padding * inputs * 4
  for (let r: usize = 0; r < height; r++) {
    copy(to, x, rowBytes)
    x += rowBytes
    to += frameRow
  }
}

/** The middle of a frame, back into an image. */
function unframe(from: usize, height: usize, width: usize, inputs: usize, padding: usize, x: usize): void {
  const rowBytes = width * inputs * 4
  const frameRow = (width + 2 * padding) * inputs * 4
  from += padding * frameRow + padding * inputs * 4
  for (let r: usize = 0; r < height; r++) {
    copy(x, from, rowBytes)
    x += rowBytes
    from += frameRow
  }
}

/** Picks the winner of four candidates in each lane, adds nothing: y and winner as the header says. */
@inline
export function pool(c0: v128, c1: v128, c2: v128, c3: v128, y: usize, winners: usize): void {
  const m1 = f32x4.gt(c1, c0)
  let best = v128.bitselect(c1, c0, m1)
  let winner = v128.and(m1, i32x4.splat(1))
  const m2 = f32x4.gt(c2, best)
  best = v128.bitselect(c2, best, m2)
  winner = v128.bitselect(i32x4.splat(2), winner, m2)
  const m3 = f32x4.gt(c3, best)
  best = v128.bitselect(c3, best, m3)
  winner = v128.bitselect(i32x4.splat(3), winner, m3)
  v128.store(y, rectified(best))
  v128.store(winners, v128.or(winner, v128.not(f32x4.gt(best, f32x4.splat(0)))))
}

// --------------------------------------------------------------------------------------------------------------- single

/** Bytes of scratch memory that one range of images needs, forward or backward. */
export function convSingleRoom(height: f64, width: f64, padding: f64): f64 {
  return frameBytes<f64>(height, width, 1, padding) + (height + 2 * padding) * (width + 2 * padding) * 2 + 64
}

/**
 * Lists the windows of one frame whose patch is not all zero, as (address of the patch, address offset of the window in y).
 * @returns the list's end
 */
@inline
function listPatches(image: usize, frameRow: usize, rows: usize, columns: usize, outBytes: usize, list: usize): usize {
  let offset: usize = 0
  for (let r: usize = 0; r < rows; r++) {
    let patch = image + r * 2 * frameRow
    for (let c: usize = 0; c < columns; c++, patch += 8, offset += outBytes) {
      const upper = v128.or(v128.load(patch), v128.load(patch + frameRow))
      const lower = v128.or(v128.load(patch + 2 * frameRow), v128.load(patch + 3 * frameRow))
      store<u32>(list, <u32>patch)
      store<u32>(list, <u32>offset, 4)
      list += v128.any_true(v128.or(upper, lower)) ? 8 : 0
    }
  }
  return list
}

export function convSingle(
  x: usize,
  filter: usize,
  bias: usize,
  y: usize,
  winners: usize,
  height: usize,
  width: usize,
  outputs: usize,
  padding: usize,
  room: usize,
  from: usize,
  to: usize,
): void {
  const image = room
  const list = image + frameBytes<usize>(height, width, 1, padding)
  const frameRow = (width + 2 * padding) * 4
  const rows = (height + 2 * padding - 2) >> 1
  const columns = (width + 2 * padding - 2) >> 1
  const outBytes = outputs * 4
  clear(image, frameBytes<usize>(height, width, 1, padding))
  x += from * height * width * 4
  y += from * rows * columns * outBytes
  winners += from * rows * columns * outBytes
  for (let b = from; b < to; b++) {
    frame(x, height, width, 1, padding, image)
    const end = listPatches(image, frameRow, rows, columns, outBytes, list)
    // What a black patch gives, everywhere; the windows that are not black are written over.
    for (let o: usize = 0; o < outBytes; o += 16) {
      const value = v128.load(bias + o)
      const positive = rectified(value)
      const winner = v128.not(f32x4.gt(value, f32x4.splat(0)))
      for (let at = o; at < rows * columns * outBytes; at += outBytes) {
        v128.store(y + at, positive)
        v128.store(winners + at, winner)
      }
    }
    for (let o: usize = 0; o < outBytes; o += 16) {
      const f = filter + o
      const f0 = v128.load(f)
      const f1 = v128.load(f + outBytes)
      const f2 = v128.load(f + 2 * outBytes)
      const f3 = v128.load(f + 3 * outBytes)
      const f4 = v128.load(f + 4 * outBytes)
      const f5 = v128.load(f + 5 * outBytes)
      const f6 = v128.load(f + 6 * outBytes)
      const f7 = v128.load(f + 7 * outBytes)
      const f8 = v128.load(f + 8 * outBytes)
      const start = v128.load(bias + o)
      for (let p = list; p < end; p += 8) {
        const q: usize = load<u32>(p)
        const at = <usize>load<u32>(p, 4) + o
        const row0 = v128.load(q)
        const row1 = v128.load(q + frameRow)
        const row2 = v128.load(q + 2 * frameRow)
        const row3 = v128.load(q + 3 * frameRow)
        let v = lane0(row0)
        let c0 = fma(v, f0, start)
        v = lane1(row0)
        c0 = fma(v, f1, c0)
        let c1 = fma(v, f0, start)
        v = lane2(row0)
        c0 = fma(v, f2, c0)
        c1 = fma(v, f1, c1)
        v = lane3(row0)
        c1 = fma(v, f2, c1)
        v = lane0(row1)
        c0 = fma(v, f3, c0)
        let c2 = fma(v, f0, start)
        v = lane1(row1)
        c0 = fma(v, f4, c0)
        c1 = fma(v, f3, c1)
        c2 = fma(v, f1, c2)
        let c3 = fma(v, f0, start)
        v = lane2(row1)
        c0 = fma(v, f5, c0)
        c1 = fma(v, f4, c1)
        c2 = fma(v, f2, c2)
        c3 = fma(v, f1, c3)
        v = lane3(row1)
        c1 = fma(v, f5, c1)
        c3 = fma(v, f2, c3)
        v = lane0(row2)
        c0 = fma(v, f6, c0)
        c2 = fma(v, f3, c2)
        v = lane1(row2)
        c0 = fma(v, f7, c0)
        c1 = fma(v, f6, c1)
        c2 = fma(v, f4, c2)
        c3 = fma(v, f3, c3)
        v = lane2(row2)
        c0 = fma(v, f8, c0)
        c1 = fma(v, f7, c1)
        c2 = fma(v, f5, c2)
        c3 = fma(v, f4, c3)
        v = lane3(row2)
        c1 = fma(v, f8, c1)
        c3 = fma(v, f5, c3)
        v = lane0(row3)
        c2 = fma(v, f6, c2)
        v = lane1(row3)
        c2 = fma(v, f7, c2)
        c3 = fma(v, f6, c3)
        v = lane2(row3)
        c2 = fma(v, f8, c2)
        c3 = fma(v, f7, c3)
        v = lane3(row3)
        c3 = fma(v, f8, c3)
        pool(c0, c1, c2, c3, y + at, winners + at)
      }
    }
    x += height * width * 4
    y += rows * columns * outBytes
    winners += rows * columns * outBytes
  }
}

/** Bytes of scratch memory that one range of output channels needs. */
export function convSingleGradRoom(height: f64, width: f64, outputs: f64, padding: f64): f64 {
  return convSingleRoom(height, width, padding) + 36 * outputs
}

/** @param from, to output channels, in fours */
export function convSingleGrad(
  dy: usize,
  x: usize,
  winners: usize,
  dFilter: usize,
  dBias: usize,
  batch: usize,
  height: usize,
  width: usize,
  outputs: usize,
  padding: usize,
  room: usize,
  from: usize,
  to: usize,
): void {
  const sums = room
  const outBytes = outputs * 4
  const image = sums + 9 * outBytes
  const list = image + frameBytes<usize>(height, width, 1, padding)
  const frameRow = (width + 2 * padding) * 4
  const rows = (height + 2 * padding - 2) >> 1
  const columns = (width + 2 * padding - 2) >> 1
  const imageBytes = rows * columns * outBytes
  clear(image, frameBytes<usize>(height, width, 1, padding))
  clear(sums, 9 * outBytes)
  biasGrad(dy, winners, batch * rows * columns, outputs, dBias, from, to)
  for (let b: usize = 0; b < batch; b++) {
    frame(x, height, width, 1, padding, image)
    const end = listPatches(image, frameRow, rows, columns, outBytes, list)
    for (let o = from * 4; o < to * 4; o += 16) {
      const sum = sums + o
      let s0 = v128.load(sum)
      let s1 = v128.load(sum + outBytes)
      let s2 = v128.load(sum + 2 * outBytes)
      let s3 = v128.load(sum + 3 * outBytes)
      let s4 = v128.load(sum + 4 * outBytes)
      let s5 = v128.load(sum + 5 * outBytes)
      let s6 = v128.load(sum + 6 * outBytes)
      let s7 = v128.load(sum + 7 * outBytes)
      let s8 = v128.load(sum + 8 * outBytes)
      for (let p = list; p < end; p += 8) {
        const patch: usize = load<u32>(p)
        const at = <usize>load<u32>(p, 4) + o
        const g = v128.load(dy + at)
        const w = v128.load(winners + at)
        const row0 = v128.load(patch)
        const row1 = v128.load(patch + frameRow)
        const row2 = v128.load(patch + 2 * frameRow)
        const row3 = v128.load(patch + 3 * frameRow)
        const m0 = v128.and(g, i32x4.eq(w, i32x4.splat(0)))
        const m1 = v128.and(g, i32x4.eq(w, i32x4.splat(1)))
        const m2 = v128.and(g, i32x4.eq(w, i32x4.splat(2)))
        const m3 = v128.and(g, i32x4.eq(w, i32x4.splat(3)))
        let v = lane0(row0)
        s0 = fma(v, m0, s0)
        v = lane1(row0)
        s1 = fma(v, m0, s1)
        s0 = fma(v, m1, s0)
        v = lane2(row0)
        s2 = fma(v, m0, s2)
        s1 = fma(v, m1, s1)
        v = lane3(row0)
        s2 = fma(v, m1, s2)
        v = lane0(row1)
        s3 = fma(v, m0, s3)
        s0 = fma(v, m2, s0)
        v = lane1(row1)
        s4 = fma(v, m0, s4)
        s3 = fma(v, m1, s3)
        s1 = fma(v, m2, s1)
        s0 = fma(v, m3, s0)
        v = lane2(row1)
        s5 = fma(v, m0, s5)
        s4 = fma(v, m1, s4)
        s2 = fma(v, m2, s2)
        s1 = fma(v, m3, s1)
        v = lane3(row1)
        s5 = fma(v, m1, s5)
        s2 = fma(v, m3, s2)
        v = lane0(row2)
        s6 = fma(v, m0, s6)
        s3 = fma(v, m2, s3)
        v = lane1(row2)
        s7 = fma(v, m0, s7)
        s6 = fma(v, m1, s6)
        s4 = fma(v, m2, s4)
        s3 = fma(v, m3, s3)
        v = lane2(row2)
        s8 = fma(v, m0, s8)
        s7 = fma(v, m1, s7)
        s5 = fma(v, m2, s5)
        s4 = fma(v, m3, s4)
        v = lane3(row2)
        s8 = fma(v, m1, s8)
        s5 = fma(v, m3, s5)
        v = lane0(row3)
        s6 = fma(v, m2, s6)
        v = lane1(row3)
        s7 = fma(v, m2, s7)
        s6 = fma(v, m3, s6)
        v = lane2(row3)
        s8 = fma(v, m2, s8)
        s7 = fma(v, m3, s7)
        v = lane3(row3)
        s8 = fma(v, m3, s8)
      }
      v128.store(sum, s0)
      v128.store(sum + outBytes, s1)
      v128.store(sum + 2 * outBytes, s2)
      v128.store(sum + 3 * outBytes, s3)
      v128.store(sum + 4 * outBytes, s4)
      v128.store(sum + 5 * outBytes, s5)
      v128.store(sum + 6 * outBytes, s6)
      v128.store(sum + 7 * outBytes, s7)
      v128.store(sum + 8 * outBytes, s8)
    }
    x += height * width * 4
    dy += imageBytes
    winners += imageBytes
  }
  for (let t: usize = 0; t < 9; t++) {
    const row = t * outBytes + from * 4
    copy(dFilter + row, sums + row, (to - from) * 4)
  }
}

/** dy of windows that have a winner, 0 of others. */
@inline
function passed(dy: usize, winners: usize): v128 {
  return v128.andnot(v128.load(dy), i32x4.lt_s(v128.load(winners), i32x4.splat(0)))
}

/**
 * dBias = the sum of dy over windows that have a winner.
 *
 * @param from, to output channels
 */
function biasGrad(
  dy: usize,
  winners: usize,
  windows: usize,
  outputs: usize,
  dBias: usize,
  from: usize,
  to: usize,
): void {
  const outBytes = outputs * 4
  const end = dy + windows * outBytes
  let o = from * 4
  // Several at once: one sum need not wait for another.
  for (; o + 64 <= to * 4; o += 64) {
    let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0
    for (let p = dy + o, w = winners + o; p < end; p += outBytes, w += outBytes) {
      s0 = f32x4.add(s0, passed(p, w))
      s1 = f32x4.add(s1, passed(p + 16, w + 16))
      s2 = f32x4.add(s2, passed(p + 32, w + 32))
      s3 = f32x4.add(s3, passed(p + 48, w + 48))
    }
    v128.store(dBias + o, s0)
    v128.store(dBias + o, s1, 16)
    v128.store(dBias + o, s2, 32)
    v128.store(dBias + o, s3, 48)
  }
  for (; o + 32 <= to * 4; o += 32) {
    let s0 = f32x4.splat(0), s1 = s0
    for (let p = dy + o, w = winners + o; p < end; p += outBytes, w += outBytes) {
      s0 = f32x4.add(s0, passed(p, w))
      s1 = f32x4.add(s1, passed(p + 16, w + 16))
    }
    v128.store(dBias + o, s0)
    v128.store(dBias + o, s1, 16)
  }
  for (; o + 16 <= to * 4; o += 16) {
    let s = f32x4.splat(0)
    for (let p = dy + o, w = winners + o; p < end; p += outBytes, w += outBytes) s = f32x4.add(s, passed(p, w))
    v128.store(dBias + o, s)
  }
  for (; o < to * 4; o += 4) {
    let s: f32 = 0
    for (let p = dy + o, w = winners + o; p < end; p += outBytes, w += outBytes)
      if (load<i32>(w) >= 0) s += load<f32>(p)
    store<f32>(dBias + o, s)
  }
}

// --------------------------------------------------------------------------------------------------------------- direct

/** Bytes of scratch memory for what all images share. */
export function convDirectScratch(
  height: f64,
  width: f64,
  inputs: f64,
  outputs: f64,
  kernelHeight: f64,
  kernelWidth: f64,
  padding: f64,
): f64 {
  const padded = roundUp<f64>(outputs, 8) * 4
  const taps = kernelHeight * kernelWidth * inputs
  const windows = windowsAlong(height, kernelHeight, padding) * windowsAlong(width, kernelWidth, padding)
  return (
    taps * padded + // filter in eights
    padded + // bias
    frameBytes<f64>(height, width, inputs, padding) + // the background
    2 * windows * outputs * 4 + // its y and winners
    64
  )
}

/** Bytes of scratch memory that one range needs. */
export function convDirectRoom(
  height: f64,
  width: f64,
  inputs: f64,
  outputs: f64,
  kernelHeight: f64,
  kernelWidth: f64,
  padding: f64,
): f64 {
  return (
    frameBytes<f64>(height, width, inputs, padding) +
    2 * roundUp<f64>(outputs, 8) * 4 + // a line of y, a line of winners
    (kernelHeight * kernelWidth * inputs + 1) * 8 + // the list of taps
    64
  )
}

/**
 * Lists the taps of a window at which one of its four candidates has an input that is not zero, as (address of the first
 * candidate's input, offset of the weights in a block of eight channels).
 * @returns the list's end
 */
@inline
function listTaps(
  patch: usize,
  frameRow: usize,
  inBytes: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  list: usize,
): usize {
  const zero = i32x4.splat(0)
  let f: usize = 0
  for (let kr: usize = 0; kr < kernelHeight; kr++, patch += frameRow) {
    const rowEnd = patch + kernelWidth * inBytes
    let q = patch
    // Always written, counted only where it is not zero: no branch to predict wrongly.
    for (; q + 16 <= rowEnd; q += 16, f += 128) {
      const upper = v128.or(v128.load(q), v128.load(q + inBytes))
      const lower = v128.or(v128.load(q + frameRow), v128.load(q + frameRow + inBytes))
      const any = i32x4.bitmask(i32x4.ne(v128.or(upper, lower), zero))
      store<u32>(list, <u32>q)
      store<u32>(list, <u32>f, 4)
      list += <usize>(any & 1) << 3
      store<u32>(list, <u32>(q + 4))
      store<u32>(list, <u32>(f + 32), 4)
      list += <usize>(any & 2) << 2
      store<u32>(list, <u32>(q + 8))
      store<u32>(list, <u32>(f + 64), 4)
      list += <usize>(any & 4) << 1
      store<u32>(list, <u32>(q + 12))
      store<u32>(list, <u32>(f + 96), 4)
      list += <usize>(any & 8)
    }
    for (; q < rowEnd; q += 4, f += 32) {
      const any = load<u32>(q) | load<u32>(q + inBytes) | load<u32>(q + frameRow) | load<u32>(q + frameRow + inBytes)
      store<u32>(list, <u32>q)
      store<u32>(list, <u32>f, 4)
      list += any != 0 ? 8 : 0
    }
  }
  return list
}

/** One window from its list: four candidates by eight channels at a time, into a line of y and one of winners. */
@inline
function directWindow(
  list: usize,
  end: usize,
  frameRow: usize,
  inBytes: usize,
  filters: usize,
  blockBytes: usize,
  biases: usize,
  padded: usize,
  line: usize,
  winnersLine: usize,
): void {
  const diagonal = frameRow + inBytes
  for (let o: usize = 0; o < padded; o += 32, filters += blockBytes) {
    let a0 = v128.load(biases + o), b0 = v128.load(biases + o, 16)
    let a1 = a0, a2 = a0, a3 = a0, b1 = b0, b2 = b0, b3 = b0
    for (let p = list; p < end; p += 8) {
      const q: usize = load<u32>(p)
      const f = filters + load<u32>(p, 4)
      const fa = v128.load(f), fb = v128.load(f, 16)
      let v = splat(q, 0)
      a0 = fma(v, fa, a0)
      b0 = fma(v, fb, b0)
      v = splat(q + inBytes, 0)
      a1 = fma(v, fa, a1)
      b1 = fma(v, fb, b1)
      v = splat(q + frameRow, 0)
      a2 = fma(v, fa, a2)
      b2 = fma(v, fb, b2)
      v = splat(q + diagonal, 0)
      a3 = fma(v, fa, a3)
      b3 = fma(v, fb, b3)
    }
    pool(a0, a1, a2, a3, line + o, winnersLine + o)
    pool(b0, b1, b2, b3, line + o + 16, winnersLine + o + 16)
  }
}

/** Whether `bytes` (whole vectors) at two places are the same bits. */
function sameBytes(a: usize, b: usize, bytes: usize): bool {
  for (const end = a + bytes; a < end; a += 16, b += 16)
    if (v128.any_true(v128.xor(v128.load(a), v128.load(b)))) return false
  return true
}

/** Whether all rows of two patches are the same bits. */
@inline
function samePatch(a: usize, b: usize, frameRow: usize, rows: usize, bytes: usize): bool {
  for (const end = a + rows * frameRow; a < end; a += frameRow, b += frameRow)
    if (!sameBytes(a, b, bytes)) return false
  return true
}

/**
 * The filter as [outputs / 8][kernel x kernel x inputs][8], and behind it the bias in full eights.
 *
 * @param from, end taps of the filter; the bias comes with the first
 */
export function convDirectFilters(
  filter: usize,
  bias: usize,
  taps: usize,
  outputs: usize,
  to: usize,
  _room: usize,
  from: usize,
  end: usize,
): void {
  const outBytes = outputs * 4
  const padded = roundUp<usize>(outputs, 8) * 4
  for (let t = from; t < end; t++)
    for (let o: usize = 0; o < padded >> 2; o++)
      store<f32>(to + ((o >> 3) * taps + t) * 32 + (o & 7) * 4, o < outputs ? load<f32>(filter + t * outBytes + o * 4) : 0)
  if (from > 0) return
  copy(to + taps * padded, bias, outBytes)
  clear(to + taps * padded + outBytes, padded - outBytes)
}

/** The frame of an image of plain background: every pixel that of the first image's corner. */
export function convDirectPlain(
  x: usize,
  height: usize,
  width: usize,
  inputs: usize,
  padding: usize,
  plain: usize,
): void {
  const inBytes = inputs * 4
  const frameRow = (width + 2 * padding) * inBytes
  clear(plain, frameBytes<usize>(height, width, inputs, padding))
  for (let r: usize = 0; r < height; r++)
    for (let c: usize = 0; c < width; c++)
      copy(plain + (r + padding) * frameRow + (c + padding) * inBytes, x, inBytes)
}

/**
 * The plain image's y and winners.
 *
 * @param shared what `convDirectFilters` and `convDirectPlain` made
 * @param from, to rows of its windows
 */
export function convDirectPlainRows(
  shared: usize,
  height: usize,
  width: usize,
  inputs: usize,
  outputs: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  padding: usize,
  room: usize,
  from: usize,
  to: usize,
): void {
  const inBytes = inputs * 4
  const outBytes = outputs * 4
  const padded = roundUp<usize>(outputs, 8) * 4
  const taps = kernelHeight * kernelWidth * inputs
  const frameRow = (width + 2 * padding) * inBytes
  const rows = (height + 2 * padding - kernelHeight + 1) >> 1
  const columns = (width + 2 * padding - kernelWidth + 1) >> 1
  const biases = shared + taps * padded
  const plain = biases + padded
  let y = plain + frameBytes<usize>(height, width, inputs, padding) + from * columns * outBytes
  let winners = y + rows * columns * outBytes
  const line = room
  const winnersLine = line + padded
  const list = winnersLine + padded
  for (let r = from; r < to; r++) {
    let patch = plain + r * 2 * frameRow
    for (let c: usize = 0; c < columns; c++, patch += 2 * inBytes, y += outBytes, winners += outBytes) {
      const end = listTaps(patch, frameRow, inBytes, kernelHeight, kernelWidth, list)
      directWindow(list, end, frameRow, inBytes, shared, taps * 32, biases, padded, line, winnersLine)
      copy(y, line, outBytes)
      copy(winners, winnersLine, outBytes)
    }
  }
}

/**
 * Of a batch, an image of plain background is computed first, by the kernels above. Windows of other images whose patches are the same
 * bits take their result from it: a quarter of MNIST's in the second layer.
 *
 * @param shared what the kernels above made
 * @param ahead whether the plain image is there
 */
export function convDirect(
  x: usize,
  shared: usize,
  y: usize,
  winners: usize,
  ahead: bool,
  height: usize,
  width: usize,
  inputs: usize,
  outputs: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  padding: usize,
  room: usize,
  from: usize,
  to: usize,
): void {
  const inBytes = inputs * 4
  const outBytes = outputs * 4
  const padded = roundUp<usize>(outputs, 8) * 4
  const framed = frameBytes<usize>(height, width, inputs, padding)
  const taps = kernelHeight * kernelWidth * inputs
  const frameRow = (width + 2 * padding) * inBytes
  const rows = (height + 2 * padding - kernelHeight + 1) >> 1
  const columns = (width + 2 * padding - kernelWidth + 1) >> 1
  const biases = shared + taps * padded
  const plain = biases + padded
  const plainY = plain + framed
  const plainWinners = plainY + rows * columns * outBytes
  const image = room
  const line = image + framed
  const winnersLine = line + padded
  const list = winnersLine + padded
  clear(image, framed)
  x += from * height * width * inBytes
  y += from * rows * columns * outBytes
  winners += from * rows * columns * outBytes
  for (let b = from; b < to; b++, x += height * width * inBytes) {
    frame(x, height, width, inputs, padding, image)
    let known = plainY
    let knownWinners = plainWinners
    for (let r: usize = 0; r < rows; r++) {
      let patch = image + r * 2 * frameRow
      for (let c: usize = 0; c < columns; c++, patch += 2 * inBytes) {
        const same =
          ahead &&
          samePatch(patch, plain + (patch - image), frameRow, kernelHeight + 1, (kernelWidth + 1) * inBytes)
        if (same) {
          copy(y, known, outBytes)
          copy(winners, knownWinners, outBytes)
        } else {
          const end = listTaps(patch, frameRow, inBytes, kernelHeight, kernelWidth, list)
          directWindow(list, end, frameRow, inBytes, shared, taps * 32, biases, padded, line, winnersLine)
          copy(y, line, outBytes)
          copy(winners, winnersLine, outBytes)
        }
        y += outBytes
        winners += outBytes
        known += outBytes
        knownWinners += outBytes
      }
    }
  }
}

// ------------------------------------------------------------------------------------------------------- backward: rows

/** Bytes of one filter row for all input channels, in full vectors. */
@inline
function segmentBytes<T>(kernelWidth: T, inputs: T): T {
  return roundUp<T>(kernelWidth * inputs * <T>4, <T>16)
}

/** Bytes of a filter as the rows way has it, [outputs][kernelHeight][segment]. */
export function convRowsFilterBytes(inputs: f64, outputs: f64, kernelHeight: f64, kernelWidth: f64): f64 {
  return outputs * kernelHeight * segmentBytes<f64>(kernelWidth, inputs)
}

/** Bytes of scratch memory that one range of output channels needs, and one of images. */
export function convRowsGradRoom(
  height: f64,
  width: f64,
  inputs: f64,
  outputs: f64,
  kernelHeight: f64,
  kernelWidth: f64,
  padding: f64,
): f64 {
  const windows = windowsAlong(height, kernelHeight, padding) * windowsAlong(width, kernelWidth, padding)
  const sums = convRowsFilterBytes(inputs, outputs, kernelHeight, kernelWidth)
  return frameBytes<f64>(height, width, inputs, padding) + sums + outputs * (windows + 1) * 8 + outputs * 4 + 64
}

/** sums[0..24) += g x patch[0..24) over a list of (offset, g): six sums in registers, and six loads of a patch. */
@inline
function gatherSix(list: usize, end: usize, from: usize, to: usize): void {
  let s0 = v128.load(to), s1 = v128.load(to, 16), s2 = v128.load(to, 32)
  let s3 = v128.load(to, 48), s4 = v128.load(to, 64), s5 = v128.load(to, 80)
  for (let p = list; p < end; p += 8) {
    const q = from + load<u32>(p)
    const g = splat(p, 4)
    s0 = fma(g, v128.load(q), s0)
    s1 = fma(g, v128.load(q, 16), s1)
    s2 = fma(g, v128.load(q, 32), s2)
    s3 = fma(g, v128.load(q, 48), s3)
    s4 = fma(g, v128.load(q, 64), s4)
    s5 = fma(g, v128.load(q, 80), s5)
  }
  v128.store(to, s0)
  v128.store(to, s1, 16)
  v128.store(to, s2, 32)
  v128.store(to, s3, 48)
  v128.store(to, s4, 64)
  v128.store(to, s5, 80)
}

/**
 * The same of 28 elements: seven sums, seven loads of a patch and g are all the registers that there are. The engine puts a block's loads before
 * its sums, so eight would go through memory.
 */
@inline
function gatherSeven(list: usize, end: usize, from: usize, to: usize): void {
  let s0 = v128.load(to), s1 = v128.load(to, 16), s2 = v128.load(to, 32), s3 = v128.load(to, 48)
  let s4 = v128.load(to, 64), s5 = v128.load(to, 80), s6 = v128.load(to, 96)
  for (let p = list; p < end; p += 8) {
    const q = from + load<u32>(p)
    const g = splat(p, 4)
    s0 = fma(g, v128.load(q), s0)
    s1 = fma(g, v128.load(q, 16), s1)
    s2 = fma(g, v128.load(q, 32), s2)
    s3 = fma(g, v128.load(q, 48), s3)
    s4 = fma(g, v128.load(q, 64), s4)
    s5 = fma(g, v128.load(q, 80), s5)
    s6 = fma(g, v128.load(q, 96), s6)
  }
  v128.store(to, s0)
  v128.store(to, s1, 16)
  v128.store(to, s2, 32)
  v128.store(to, s3, 48)
  v128.store(to, s4, 64)
  v128.store(to, s5, 80)
  v128.store(to, s6, 96)
}

/** The same of 20 elements. */
@inline
function gatherFive(list: usize, end: usize, from: usize, to: usize): void {
  let s0 = v128.load(to), s1 = v128.load(to, 16), s2 = v128.load(to, 32), s3 = v128.load(to, 48), s4 = v128.load(to, 64)
  for (let p = list; p < end; p += 8) {
    const q = from + load<u32>(p)
    const g = splat(p, 4)
    s0 = fma(g, v128.load(q), s0)
    s1 = fma(g, v128.load(q, 16), s1)
    s2 = fma(g, v128.load(q, 32), s2)
    s3 = fma(g, v128.load(q, 48), s3)
    s4 = fma(g, v128.load(q, 64), s4)
  }
  v128.store(to, s0)
  v128.store(to, s1, 16)
  v128.store(to, s2, 32)
  v128.store(to, s3, 48)
  v128.store(to, s4, 64)
}

/** dx patch[0..48) += g x row[0..48) over a list of (offset, g): the twelve vectors of the filter row in registers. */
@inline
function scatterTwelve(list: usize, end: usize, from: usize, to: usize): void {
  const f0 = v128.load(from), f1 = v128.load(from, 16), f2 = v128.load(from, 32), f3 = v128.load(from, 48)
  const f4 = v128.load(from, 64), f5 = v128.load(from, 80), f6 = v128.load(from, 96), f7 = v128.load(from, 112)
  const f8 = v128.load(from, 128), f9 = v128.load(from, 144), f10 = v128.load(from, 160), f11 = v128.load(from, 176)
  for (let p = list; p < end; p += 8) {
    const q = to + load<u32>(p)
    const g = splat(p, 4)
    v128.store(q, fma(g, f0, v128.load(q)))
    v128.store(q, fma(g, f1, v128.load(q, 16)), 16)
    v128.store(q, fma(g, f2, v128.load(q, 32)), 32)
    v128.store(q, fma(g, f3, v128.load(q, 48)), 48)
    v128.store(q, fma(g, f4, v128.load(q, 64)), 64)
    v128.store(q, fma(g, f5, v128.load(q, 80)), 80)
    v128.store(q, fma(g, f6, v128.load(q, 96)), 96)
    v128.store(q, fma(g, f7, v128.load(q, 112)), 112)
    v128.store(q, fma(g, f8, v128.load(q, 128)), 128)
    v128.store(q, fma(g, f9, v128.load(q, 144)), 144)
    v128.store(q, fma(g, f10, v128.load(q, 160)), 160)
    v128.store(q, fma(g, f11, v128.load(q, 176)), 176)
  }
}

/**
 * The filter as the rows way has it.
 *
 * @param from, end output channels
 */
export function convRowsFilters(
  filter: usize,
  inputs: usize,
  outputs: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  filters: usize,
  _room: usize,
  from: usize,
  end: usize,
): void {
  const segment = segmentBytes<usize>(kernelWidth, inputs)
  const filterBytes = kernelHeight * segment
  clear(filters + from * filterBytes, (end - from) * filterBytes)
  for (let kr: usize = 0; kr < kernelHeight; kr++)
    for (let s: usize = 0; s < kernelWidth * inputs; s++) {
      const row = filter + (kr * kernelWidth * inputs + s) * outputs * 4
      for (let o = from; o < end; o++) store<f32>(filters + o * filterBytes + kr * segment + s * 4, load<f32>(row + o * 4))
    }
}

/**
 * For each of some output channels the list of an image's winners: where in the frame the winner's patch begins, and its gradient.
 *
 * @param lists `listBytes` apart, the first is that of the first channel
 * @param ends where each list ends
 * @param from, to output channels
 */
@inline
function listWinners(
  dy: usize,
  winners: usize,
  rows: usize,
  columns: usize,
  outputs: usize,
  frameRow: usize,
  inBytes: usize,
  lists: usize,
  listBytes: usize,
  ends: usize,
  from: usize,
  to: usize,
): void {
  const channels = to - from
  dy += from * 4
  winners += from * 4
  let o: usize = 0
  for (; o + 4 <= channels; o += 4) {
    let end0 = lists + o * listBytes
    let end1 = end0 + listBytes
    let end2 = end1 + listBytes
    let end3 = end2 + listBytes
    let at = o * 4
    for (let r: usize = 0; r < rows; r++) {
      let window = i32x4.splat(<i32>(r * 2 * frameRow))
      for (let c: usize = 0; c < columns; c++, at += outputs * 4) {
        const winner = v128.load(winners + at)
        const g = v128.load(dy + at)
        // Of two bits, whatever the winner is: its patch lies in the frame.
        const down = v128.and(i32x4.ne(v128.and(winner, i32x4.splat(2)), i32x4.splat(0)), i32x4.splat(<i32>frameRow))
        const right = v128.and(i32x4.ne(v128.and(winner, i32x4.splat(1)), i32x4.splat(0)), i32x4.splat(<i32>inBytes))
        const patch = i32x4.add(window, i32x4.add(down, right))
        const passes: usize = i32x4.bitmask(v128.andnot(f32x4.ne(g, f32x4.splat(0)), winner))
        const lower = i8x16.shuffle(patch, g, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23)
        const upper = i8x16.shuffle(patch, g, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31)
        // Always written, counted only where it passes its gradient: no branch to predict wrongly.
        v128.store64_lane(end0, lower, 0)
        end0 += (passes & 1) << 3
        v128.store64_lane(end1, lower, 1)
        end1 += (passes & 2) << 2
        v128.store64_lane(end2, upper, 0)
        end2 += (passes & 4) << 1
        v128.store64_lane(end3, upper, 1)
        end3 += passes & 8
        window = i32x4.add(window, i32x4.splat(<i32>inBytes * 2))
      }
    }
    store<u32>(ends + o * 4, <u32>end0)
    store<u32>(ends + o * 4, <u32>end1, 4)
    store<u32>(ends + o * 4, <u32>end2, 8)
    store<u32>(ends + o * 4, <u32>end3, 12)
  }
  for (; o < channels; o++) {
    let end = lists + o * listBytes
    let at = o * 4
    for (let r: usize = 0; r < rows; r++)
      for (let c: usize = 0; c < columns; c++, at += outputs * 4) {
        const winner = load<i32>(winners + at)
        const g = load<f32>(dy + at)
        const right = <usize>(winner & 1) * inBytes
        store<u32>(end, <u32>(r * 2 * frameRow + c * 2 * inBytes + <usize>((winner >> 1) & 1) * frameRow + right))
        store<f32>(end, g, 4)
        end += <usize>((winner >= 0) & (g != 0)) << 3
      }
    store<u32>(ends + o * 4, <u32>end)
  }
}

/**
 * dFilter and dBias, each sum over all images in their order.
 *
 * @param from, to output channels
 */
export function convRowsFilterGrad(
  dy: usize,
  x: usize,
  winners: usize,
  dFilter: usize,
  dBias: usize,
  batch: usize,
  height: usize,
  width: usize,
  inputs: usize,
  outputs: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  padding: usize,
  room: usize,
  from: usize,
  to: usize,
): void {
  const inBytes = inputs * 4
  const rows = (height + 2 * padding - kernelHeight + 1) >> 1
  const columns = (width + 2 * padding - kernelWidth + 1) >> 1
  const frameRow = (width + 2 * padding) * inBytes
  const framed = frameBytes<usize>(height, width, inputs, padding)
  const segment = segmentBytes<usize>(kernelWidth, inputs)
  const filterBytes = kernelHeight * segment // one output channel's
  const channels = to - from
  const image = room
  const sums = image + framed
  const lists = sums + channels * filterBytes
  const listBytes = (rows * columns + 1) * 8
  const ends = lists + channels * listBytes
  clear(image, framed)
  clear(sums, channels * filterBytes)
  biasGrad(dy, winners, batch * rows * columns, outputs, dBias, from, to)
  for (let b: usize = 0; b < batch; b++) {
    frame(x, height, width, inputs, padding, image)
    listWinners(dy, winners, rows, columns, outputs, frameRow, inBytes, lists, listBytes, ends, from, to)
    for (let o: usize = 0; o < channels; o++) {
      const list = lists + o * listBytes
      const end = <usize>load<u32>(ends + o * 4)
      for (let kr: usize = 0; kr < kernelHeight; kr++) {
        const patch = image + kr * frameRow
        const sum = sums + o * filterBytes + kr * segment
        let s: usize = 0
        for (; s + 192 <= segment; s += 192) {
          gatherSeven(list, end, patch + s, sum + s)
          gatherFive(list, end, patch + s + 112, sum + s + 112)
        }
        for (; s + 96 <= segment; s += 96) gatherSix(list, end, patch + s, sum + s)
        for (; s < segment; s += 16) {
          let one = v128.load(sum + s)
          for (let p = list; p < end; p += 8) one = fma(splat(p, 4), v128.load(patch + s + load<u32>(p)), one)
          v128.store(sum + s, one)
        }
      }
    }
    x += height * width * inBytes
    dy += rows * columns * outputs * 4
    winners += rows * columns * outputs * 4
  }
  const row = kernelWidth * inputs
  for (let t: usize = 0; t < kernelHeight * row; t++) {
    const at = sums + (t / row) * segment + (t % row) * 4
    const tap = dFilter + (t * outputs + from) * 4
    for (let o: usize = 0; o < channels; o++) store<f32>(tap + o * 4, load<f32>(at + o * filterBytes))
  }
}

/**
 * dx.
 *
 * @param filters what `convRowsFilters` made
 */
export function convRowsInputGrad(
  dy: usize,
  filters: usize,
  winners: usize,
  dx: usize,
  height: usize,
  width: usize,
  inputs: usize,
  outputs: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  padding: usize,
  room: usize,
  from: usize,
  to: usize,
): void {
  const inBytes = inputs * 4
  const rows = (height + 2 * padding - kernelHeight + 1) >> 1
  const columns = (width + 2 * padding - kernelWidth + 1) >> 1
  const frameRow = (width + 2 * padding) * inBytes
  const framed = frameBytes<usize>(height, width, inputs, padding)
  const segment = segmentBytes<usize>(kernelWidth, inputs)
  const filterBytes = kernelHeight * segment
  const image = room
  const lists = image + framed
  const listBytes = (rows * columns + 1) * 8
  const ends = lists + outputs * listBytes
  dx += from * height * width * inBytes
  dy += from * rows * columns * outputs * 4
  winners += from * rows * columns * outputs * 4
  for (let b = from; b < to; b++) {
    listWinners(dy, winners, rows, columns, outputs, frameRow, inBytes, lists, listBytes, ends, 0, outputs)
    clear(image, framed)
    for (let o: usize = 0; o < outputs; o++) {
      const list = lists + o * listBytes
      const end = <usize>load<u32>(ends + o * 4)
      for (let kr: usize = 0; kr < kernelHeight; kr++) {
        const patch = image + kr * frameRow
        const f = filters + o * filterBytes + kr * segment
        let s: usize = 0
        for (; s + 192 <= segment; s += 192) scatterTwelve(list, end, f + s, patch + s)
        for (; s < segment; s += 16) {
          const weight = v128.load(f + s)
          for (let p = list; p < end; p += 8) {
            const q = patch + s + load<u32>(p)
            v128.store(q, fma(splat(p, 4), weight, v128.load(q)))
          }
        }
      }
    }
    unframe(image, height, width, inputs, padding, dx)
    dx += height * width * inBytes
    dy += rows * columns * outputs * 4
    winners += rows * columns * outputs * 4
  }
}
