// y = maxPool2x2(relu(x * filter + bias)), stride 1, with the winner of each window (0 1 over 2 3; -1 where ReLU stopped
// all four; at a tie the first), and its gradient.
//
// Each image is copied into a frame of zeros first, so that no kernel asks where the border is. A window and the inputs of
// its four candidates: with a 3 x 3 filter a patch of 4 x 4 pixels.
//
// Forward, three ways:
// - single: one input channel, 3 x 3. Nine weights and four sums in registers; black patches are not computed.
// - winograd: 3 x 3, input channels in fours, output channels in eights. Winograd's F(2 x 2, 3 x 3) computes just the four
//   candidates of a window, from a patch of 4 x 4, with 16 products instead of 36 for each pair of channels:
//   Y = A^T [(G g G^T) . (B^T d B)] A. Products of many windows are one matrix product for each of the 16.
//   Patches that are all one value give four equal candidates to the bit, so ties stay ties.
// - direct: everything else; four candidates by eight output channels in registers.
//
// Backward: only a window's winner passes a gradient g, if ReLU passed it: dFilter += patch of x at the winner x g,
// dx at that patch += filter x g. Two ways:
// - single: as above, no dx; the winners' gradients as four masked copies of dy.
// - rows: for each output channel the list of its winners; a filter row's weights for all input channels lie together, so
//   twelve vectors of it are summed in registers over the list.
//
// Source of F(2 x 2, 3 x 3): Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.
import { clear, copy, fma, lane0, lane1, lane2, lane3, rectified, roundUp, splat } from './simd'

/** Windows in one matrix product of the winograd way: three groups of four, whose operands fit the 32 KiB of the smallest L1. */
const TILES: usize = 12

/** Bytes behind a frame that a last vector may read or add zero to. */
const SLACK: usize = 256

// ---------------------------------------------------------------------------------------------------------------- frame

@inline
function frameBytes(height: usize, width: usize, inputs: usize, padding: usize): usize {
  return roundUp((height + 2 * padding) * (width + 2 * padding) * inputs * 4, 16) + SLACK
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
function pool(c0: v128, c1: v128, c2: v128, c3: v128, y: usize, winners: usize): void {
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

export function convSingleScratch(height: usize, width: usize, padding: usize): usize {
  return frameBytes(height, width, 1, padding) + (height + 2 * padding) * (width + 2 * padding) * 2 + 64
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
  batch: usize,
  height: usize,
  width: usize,
  outputs: usize,
  padding: usize,
  scratch: usize,
): void {
  const image = scratch
  const list = image + frameBytes(height, width, 1, padding)
  const frameRow = (width + 2 * padding) * 4
  const rows = (height + 2 * padding - 2) >> 1
  const columns = (width + 2 * padding - 2) >> 1
  const outBytes = outputs * 4
  clear(image, frameBytes(height, width, 1, padding))
  for (let b: usize = 0; b < batch; b++) {
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
  scratch: usize,
): void {
  const image = scratch
  const list = image + frameBytes(height, width, 1, padding)
  const frameRow = (width + 2 * padding) * 4
  const rows = (height + 2 * padding - 2) >> 1
  const columns = (width + 2 * padding - 2) >> 1
  const outBytes = outputs * 4
  const imageBytes = rows * columns * outBytes
  clear(image, frameBytes(height, width, 1, padding))
  clear(dFilter, 9 * outBytes)
  biasGrad(dy, winners, batch * rows * columns, outputs, dBias)
  for (let b: usize = 0; b < batch; b++) {
    frame(x, height, width, 1, padding, image)
    const end = listPatches(image, frameRow, rows, columns, outBytes, list)
    for (let o: usize = 0; o < outBytes; o += 16) {
      const to = dFilter + o
      let s0 = v128.load(to)
      let s1 = v128.load(to + outBytes)
      let s2 = v128.load(to + 2 * outBytes)
      let s3 = v128.load(to + 3 * outBytes)
      let s4 = v128.load(to + 4 * outBytes)
      let s5 = v128.load(to + 5 * outBytes)
      let s6 = v128.load(to + 6 * outBytes)
      let s7 = v128.load(to + 7 * outBytes)
      let s8 = v128.load(to + 8 * outBytes)
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
      v128.store(to, s0)
      v128.store(to + outBytes, s1)
      v128.store(to + 2 * outBytes, s2)
      v128.store(to + 3 * outBytes, s3)
      v128.store(to + 4 * outBytes, s4)
      v128.store(to + 5 * outBytes, s5)
      v128.store(to + 6 * outBytes, s6)
      v128.store(to + 7 * outBytes, s7)
      v128.store(to + 8 * outBytes, s8)
    }
    x += height * width * 4
    dy += imageBytes
    winners += imageBytes
  }
}

/** dBias = the sum of dy over all windows that have a winner. */
function biasGrad(dy: usize, winners: usize, windows: usize, outputs: usize, dBias: usize): void {
  const outBytes = outputs * 4
  const end = dy + windows * outBytes
  let o: usize = 0
  for (; o + 16 <= outBytes; o += 16) {
    let s = f32x4.splat(0)
    for (let p = dy + o, w = winners + o; p < end; p += outBytes, w += outBytes)
      s = f32x4.add(s, v128.andnot(v128.load(p), i32x4.lt_s(v128.load(w), i32x4.splat(0))))
    v128.store(dBias + o, s)
  }
  for (; o < outBytes; o += 4) {
    let s: f32 = 0
    for (let p = dy + o, w = winners + o; p < end; p += outBytes, w += outBytes)
      if (load<i32>(w) >= 0) s += load<f32>(p)
    store<f32>(dBias + o, s)
  }
}

// ------------------------------------------------------------------------------------------------------------- winograd

/** Images from which on windows of plain background are worth computing ahead. */
const AHEAD: usize = 8

export function convWinogradScratch(height: usize, width: usize, inputs: usize, outputs: usize, padding: usize): usize {
  const windows = ((height + 2 * padding - 2) >> 1) * ((width + 2 * padding - 2) >> 1)
  return (
    2 * frameBytes(height, width, inputs, padding) +
    16 * inputs * outputs * 4 + // filter, transformed
    16 * TILES * inputs * 4 + // patches, transformed
    16 * TILES * 32 + // products for eight output channels
    TILES * 4 +
    2 * windows * outputs * 4 + // y and winners of the background
    64
  )
}

/** G g G^T for all pairs of channels, as [outputs / 8][16][inputs][8]. */
function transformFilter(filter: usize, inputs: usize, outputs: usize, to: usize): void {
  const k = inputs * outputs * 4 // from one of the nine weights to the next
  const step = inputs * 32 // from one of the sixteen products to the next
  const half = f32x4.splat(0.5)
  for (let o: usize = 0; o < outputs; o += 4) {
    const base = to + (o >> 3) * 16 * step + ((o & 4) << 2)
    for (let i: usize = 0; i < inputs; i++) {
      const f = filter + (i * outputs + o) * 4
      let t = base + i * 32
      // Rows of G g: g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2; then the same along the columns.
      for (let r = 0; r < 4; r++) {
        let a: v128, b: v128, c: v128
        if (r == 0) {
          a = v128.load(f)
          b = v128.load(f + k)
          c = v128.load(f + 2 * k)
        } else if (r == 3) {
          a = v128.load(f + 6 * k)
          b = v128.load(f + 7 * k)
          c = v128.load(f + 8 * k)
        } else {
          const a1 = v128.load(f + 3 * k), b1 = v128.load(f + 4 * k), c1 = v128.load(f + 5 * k)
          a = f32x4.add(v128.load(f), v128.load(f + 6 * k))
          b = f32x4.add(v128.load(f + k), v128.load(f + 7 * k))
          c = f32x4.add(v128.load(f + 2 * k), v128.load(f + 8 * k))
          a = f32x4.mul(half, r == 1 ? f32x4.add(a, a1) : f32x4.sub(a, a1))
          b = f32x4.mul(half, r == 1 ? f32x4.add(b, b1) : f32x4.sub(b, b1))
          c = f32x4.mul(half, r == 1 ? f32x4.add(c, c1) : f32x4.sub(c, c1))
        }
        const ends = f32x4.add(a, c)
        v128.store(t, a)
        v128.store(t + step, f32x4.mul(half, f32x4.add(ends, b)))
        v128.store(t + 2 * step, f32x4.mul(half, f32x4.sub(ends, b)))
        v128.store(t + 3 * step, c)
        t += 4 * step
      }
    }
  }
}

/** B^T d B of the patch at `patch`, four channels at a time; product p goes to `to` + p x step. */
@inline
function transformPatch(patch: usize, frameRow: usize, inBytes: usize, to: usize, step: usize): void {
  for (let i: usize = 0; i < inBytes; i += 16) {
    const p0 = patch + i
    const p1 = p0 + frameRow
    const p2 = p1 + frameRow
    const p3 = p2 + frameRow
    let a = v128.load(p0), b = v128.load(p1), c = v128.load(p2), d = v128.load(p3)
    const r00 = f32x4.sub(a, c), r10 = f32x4.add(b, c), r20 = f32x4.sub(c, b), r30 = f32x4.sub(b, d)
    let at = inBytes
    a = v128.load(p0 + at), b = v128.load(p1 + at), c = v128.load(p2 + at), d = v128.load(p3 + at)
    const r01 = f32x4.sub(a, c), r11 = f32x4.add(b, c), r21 = f32x4.sub(c, b), r31 = f32x4.sub(b, d)
    at += inBytes
    a = v128.load(p0 + at), b = v128.load(p1 + at), c = v128.load(p2 + at), d = v128.load(p3 + at)
    const r02 = f32x4.sub(a, c), r12 = f32x4.add(b, c), r22 = f32x4.sub(c, b), r32 = f32x4.sub(b, d)
    at += inBytes
    a = v128.load(p0 + at), b = v128.load(p1 + at), c = v128.load(p2 + at), d = v128.load(p3 + at)
    const r03 = f32x4.sub(a, c), r13 = f32x4.add(b, c), r23 = f32x4.sub(c, b), r33 = f32x4.sub(b, d)
    let t = to + i
    v128.store(t, f32x4.sub(r00, r02))
    t += step
    v128.store(t, f32x4.add(r01, r02))
    t += step
    v128.store(t, f32x4.sub(r02, r01))
    t += step
    v128.store(t, f32x4.sub(r01, r03))
    t += step
    v128.store(t, f32x4.sub(r10, r12))
    t += step
    v128.store(t, f32x4.add(r11, r12))
    t += step
    v128.store(t, f32x4.sub(r12, r11))
    t += step
    v128.store(t, f32x4.sub(r11, r13))
    t += step
    v128.store(t, f32x4.sub(r20, r22))
    t += step
    v128.store(t, f32x4.add(r21, r22))
    t += step
    v128.store(t, f32x4.sub(r22, r21))
    t += step
    v128.store(t, f32x4.sub(r21, r23))
    t += step
    v128.store(t, f32x4.sub(r30, r32))
    t += step
    v128.store(t, f32x4.add(r31, r32))
    t += step
    v128.store(t, f32x4.sub(r32, r31))
    t += step
    v128.store(t, f32x4.sub(r31, r33))
  }
}

/**
 * Four rows v (inBytes apart) by a matrix u [inputs, 8] into four rows of eight: eight sums in registers. Not more, because
 * V8 before its version 12 moves all loads of a loop's body to its top: sums and loads together must fit fifteen registers.
 */
@inline
function fourByEight(v: usize, inBytes: usize, u: usize, m: usize): void {
  const v1 = v + inBytes
  const v2 = v1 + inBytes
  const v3 = v2 + inBytes
  let s00 = f32x4.splat(0)
  let s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00
  for (let i: usize = 0; i < inBytes; i += 4, u += 32) {
    const left = v128.load(u)
    const right = v128.load(u, 16)
    let a = splat(v + i, 0)
    s00 = fma(a, left, s00)
    s01 = fma(a, right, s01)
    a = splat(v1 + i, 0)
    s10 = fma(a, left, s10)
    s11 = fma(a, right, s11)
    a = splat(v2 + i, 0)
    s20 = fma(a, left, s20)
    s21 = fma(a, right, s21)
    a = splat(v3 + i, 0)
    s30 = fma(a, left, s30)
    s31 = fma(a, right, s31)
  }
  v128.store(m, s00)
  v128.store(m, s01, 16)
  v128.store(m, s10, 32)
  v128.store(m, s11, 48)
  v128.store(m, s20, 64)
  v128.store(m, s21, 80)
  v128.store(m, s30, 96)
  v128.store(m, s31, 112)
}

/** A^T M A + bias of one window for four output channels, then the pool; products lie `step` apart. */
@inline
function transformProducts(m: usize, bias: v128, y: usize, winners: usize): void {
  const step = TILES * 32
  let a = v128.load(m, 0), b = v128.load(m, 4 * step), c = v128.load(m, 8 * step), d = v128.load(m, 12 * step)
  const r00 = f32x4.add(f32x4.add(a, b), c), r10 = f32x4.sub(f32x4.sub(b, c), d)
  a = v128.load(m, step), b = v128.load(m, 5 * step), c = v128.load(m, 9 * step), d = v128.load(m, 13 * step)
  const r01 = f32x4.add(f32x4.add(a, b), c), r11 = f32x4.sub(f32x4.sub(b, c), d)
  a = v128.load(m, 2 * step), b = v128.load(m, 6 * step), c = v128.load(m, 10 * step), d = v128.load(m, 14 * step)
  const r02 = f32x4.add(f32x4.add(a, b), c), r12 = f32x4.sub(f32x4.sub(b, c), d)
  a = v128.load(m, 3 * step), b = v128.load(m, 7 * step), c = v128.load(m, 11 * step), d = v128.load(m, 15 * step)
  const r03 = f32x4.add(f32x4.add(a, b), c), r13 = f32x4.sub(f32x4.sub(b, c), d)
  pool(
    f32x4.add(f32x4.add(f32x4.add(r00, r01), r02), bias),
    f32x4.add(f32x4.sub(f32x4.sub(r01, r02), r03), bias),
    f32x4.add(f32x4.add(f32x4.add(r10, r11), r12), bias),
    f32x4.add(f32x4.sub(f32x4.sub(r11, r12), r13), bias),
    y,
    winners,
  )
}

/** Multiplies `count` transformed patches by the transformed filter and finishes their windows. */
function finishTiles(
  patches: usize,
  filters: usize,
  products: usize,
  offsets: usize,
  count: usize,
  bias: usize,
  y: usize,
  winners: usize,
  inBytes: usize,
  outBytes: usize,
): void {
  for (let o: usize = 0; o < outBytes; o += 32) {
    for (let p: usize = 0, v = patches, m = products; p < 16; p++) {
      for (let t: usize = 0; t < TILES; t += 4) {
        fourByEight(v, inBytes, filters, m)
        v += 4 * inBytes
        m += 128
      }
      filters += inBytes * 8
    }
    const left = v128.load(bias + o)
    const right = v128.load(bias + o, 16)
    for (let t: usize = 0, m = products; t < count; t++, m += 32) {
      const at = <usize>load<u32>(offsets + t * 4) + o
      transformProducts(m, left, y + at, winners + at)
      transformProducts(m + 16, right, y + at + 16, winners + at + 16)
    }
  }
}

/** Whether two patches of four rows are the same, bit for bit; the rows in the middle first, where a difference is likelier. */
@inline
function samePatch(a: usize, b: usize, frameRow: usize, bytes: usize): bool {
  return (
    sameBytes(a + frameRow, b + frameRow, bytes) &&
    sameBytes(a + 2 * frameRow, b + 2 * frameRow, bytes) &&
    sameBytes(a, b, bytes) &&
    sameBytes(a + 3 * frameRow, b + 3 * frameRow, bytes)
  )
}

function sameBytes(a: usize, b: usize, bytes: usize): bool {
  for (const end = a + bytes; a < end; a += 16, b += 16)
    if (v128.any_true(v128.xor(v128.load(a), v128.load(b)))) return false
  return true
}

/**
 * Of a batch, an image of plain background is computed first: every pixel that of the first image's corner. Windows of
 * other images whose patches are the same bits take their result from it: a quarter of MNIST's in the second layer.
 */
export function convWinograd(
  x: usize,
  filter: usize,
  bias: usize,
  y: usize,
  winners: usize,
  batch: usize,
  height: usize,
  width: usize,
  inputs: usize,
  outputs: usize,
  padding: usize,
  scratch: usize,
): void {
  const inBytes = inputs * 4
  const outBytes = outputs * 4
  const framed = frameBytes(height, width, inputs, padding)
  const frameRow = (width + 2 * padding) * inBytes
  const rows = (height + 2 * padding - 2) >> 1
  const columns = (width + 2 * padding - 2) >> 1
  const image = scratch
  const plain = image + framed
  const filters = plain + framed
  const patches = filters + 16 * inputs * outBytes
  const products = patches + 16 * TILES * inBytes
  const offsets = products + 16 * TILES * 32
  const plainY = offsets + TILES * 4
  const plainWinners = plainY + rows * columns * outBytes
  const ahead = batch >= AHEAD
  clear(image, 2 * framed)
  clear(patches, 16 * TILES * inBytes)
  transformFilter(filter, inputs, outputs, filters)
  if (ahead)
    for (let r: usize = 0; r < height; r++)
      for (let c: usize = 0; c < width; c++)
        copy(plain + (r + padding) * frameRow + (c + padding) * inBytes, x, inBytes)
  // Image 0 is the background; the batch's own follow, their tiles filled across images.
  let tile: usize = 0
  let offset: usize = 0
  for (let b: usize = ahead ? 0 : 1; b <= batch; b++) {
    const current = b == 0 ? plain : image
    const toY = b == 0 ? plainY : y
    const toWinners = b == 0 ? plainWinners : winners
    if (b > 0) {
      frame(x, height, width, inputs, padding, image)
      x += height * width * inBytes
    }
    for (let r: usize = 0, window: usize = 0; r < rows; r++) {
      let patch = current + r * 2 * frameRow
      for (let c: usize = 0; c < columns; c++, patch += 2 * inBytes, offset += outBytes, window += outBytes) {
        if (ahead && b > 0 && samePatch(patch, plain + (patch - image), frameRow, 4 * inBytes)) {
          copy(y + offset, plainY + window, outBytes)
          copy(winners + offset, plainWinners + window, outBytes)
          continue
        }
        transformPatch(patch, frameRow, inBytes, patches + tile * inBytes, TILES * inBytes)
        store<u32>(offsets + tile * 4, <u32>offset)
        if (++tile == TILES) {
          finishTiles(patches, filters, products, offsets, tile, bias, toY, toWinners, inBytes, outBytes)
          tile = 0
        }
      }
    }
    if (b == 0 || b == batch) {
      if (tile > 0) finishTiles(patches, filters, products, offsets, tile, bias, toY, toWinners, inBytes, outBytes)
      tile = 0
      offset = 0
    }
  }
}

// --------------------------------------------------------------------------------------------------------------- direct

export function convDirectScratch(
  height: usize,
  width: usize,
  inputs: usize,
  outputs: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  padding: usize,
): usize {
  const padded = roundUp(outputs, 8) * 4
  return frameBytes(height, width, inputs, padding) + kernelHeight * kernelWidth * inputs * padded + 3 * padded + 64
}

export function convDirect(
  x: usize,
  filter: usize,
  bias: usize,
  y: usize,
  winners: usize,
  batch: usize,
  height: usize,
  width: usize,
  inputs: usize,
  outputs: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  padding: usize,
  scratch: usize,
): void {
  const inBytes = inputs * 4
  const outBytes = outputs * 4
  const padded = roundUp(outputs, 8) * 4
  const image = scratch
  // The filter as [outputs / 8][kernel x kernel x inputs][8], the bias and one line of y and of winners in full eights.
  const filters = image + frameBytes(height, width, inputs, padding)
  const taps = kernelHeight * kernelWidth * inputs
  const biases = filters + taps * padded
  const line = biases + padded
  const winnersLine = line + padded
  const frameRow = (width + 2 * padding) * inBytes
  const rows = (height + 2 * padding - kernelHeight + 1) >> 1
  const columns = (width + 2 * padding - kernelWidth + 1) >> 1
  clear(image, frameBytes(height, width, inputs, padding))
  clear(filters, taps * padded + padded)
  copy(biases, bias, outBytes)
  for (let t: usize = 0; t < taps; t++)
    for (let o: usize = 0; o < outputs; o++)
      store<f32>(filters + ((o >> 3) * taps + t) * 32 + (o & 7) * 4, load<f32>(filter + t * outBytes + o * 4))
  for (let b: usize = 0; b < batch; b++) {
    frame(x, height, width, inputs, padding, image)
    for (let r: usize = 0; r < rows; r++)
      for (let c: usize = 0; c < columns; c++) {
        const patch = image + r * 2 * frameRow + c * 2 * inBytes
        let f = filters
        for (let o: usize = 0; o < padded; o += 32) {
          let a0 = v128.load(biases + o), b0 = v128.load(biases + o, 16)
          let a1 = a0, a2 = a0, a3 = a0, b1 = b0, b2 = b0, b3 = b0
          for (let kr: usize = 0, from = patch; kr < kernelHeight; kr++, from += frameRow) {
            const end = from + kernelWidth * inBytes
            for (let q = from; q < end; q += 4, f += 32) {
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
              v = splat(q + frameRow + inBytes, 0)
              a3 = fma(v, fa, a3)
              b3 = fma(v, fb, b3)
            }
          }
          pool(a0, a1, a2, a3, line + o, winnersLine + o)
          pool(b0, b1, b2, b3, line + o + 16, winnersLine + o + 16)
        }
        copy(y, line, outBytes)
        copy(winners, winnersLine, outBytes)
        y += outBytes
        winners += outBytes
      }
    x += height * width * inBytes
  }
}

// ------------------------------------------------------------------------------------------------------- backward: rows

/** Bytes of one filter row for all input channels, in full vectors. */
@inline
function segmentBytes(kernelWidth: usize, inputs: usize): usize {
  return roundUp(kernelWidth * inputs * 4, 16)
}

export function convRowsGradScratch(
  height: usize,
  width: usize,
  inputs: usize,
  outputs: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  padding: usize,
): usize {
  const rows = (height + 2 * padding - kernelHeight + 1) >> 1
  const columns = (width + 2 * padding - kernelWidth + 1) >> 1
  return (
    2 * frameBytes(height, width, inputs, padding) +
    2 * outputs * kernelHeight * segmentBytes(kernelWidth, inputs) +
    outputs * (rows * columns + 1) * 8 +
    outputs * 4 +
    64
  )
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

/** to[0 .. bytes) += g0 f0 + g1 f1 + g2 f2 + g3 f3: four channels at a time, since storing is what takes the time. */
@inline
function addFour(
  to: usize, bytes: usize, f0: usize, f1: usize, f2: usize, f3: usize, g0: v128, g1: v128, g2: v128, g3: v128,
): void {
  for (let s: usize = 0; s < bytes; s += 16) {
    let v = fma(g0, v128.load(f0 + s), v128.load(to + s))
    v = fma(g1, v128.load(f1 + s), v)
    v = fma(g2, v128.load(f2 + s), v)
    v128.store(to + s, fma(g3, v128.load(f3 + s), v))
  }
}

@inline
function addTwo(to: usize, bytes: usize, f0: usize, f1: usize, g0: v128, g1: v128): void {
  for (let s: usize = 0; s < bytes; s += 16)
    v128.store(to + s, fma(g1, v128.load(f1 + s), fma(g0, v128.load(f0 + s), v128.load(to + s))))
}

@inline
function addOne(to: usize, bytes: usize, f0: usize, g0: v128): void {
  for (let s: usize = 0; s < bytes; s += 16) v128.store(to + s, fma(g0, v128.load(f0 + s), v128.load(to + s)))
}

/** Which of up to 32 channels have their winner at `place` and a gradient, one bit each. */
@inline
function winnersAt(place: i32, winners: usize, dy: usize, channels: usize): u32 {
  let mask: u32 = 0
  let o: usize = 0
  for (; o + 4 <= channels; o += 4) {
    const here = i32x4.eq(v128.load(winners + o * 4), i32x4.splat(place))
    const passes = f32x4.ne(v128.load(dy + o * 4), f32x4.splat(0))
    mask |= <u32>i32x4.bitmask(v128.and(here, passes)) << <u32>o
  }
  for (; o < channels; o++)
    mask |= <u32>((load<i32>(winners + o * 4) == place) & (load<f32>(dy + o * 4) != 0)) << <u32>o
  return mask
}

/** dx of the patches of one window's winners: += g x filter for each channel. */
function scatterWindow(
  dy: usize,
  winners: usize,
  outputs: usize,
  filters: usize,
  filterBytes: usize,
  segment: usize,
  kernelHeight: usize,
  to: usize,
  frameRow: usize,
  inBytes: usize,
): void {
  for (let first: usize = 0; first < outputs; first += 32) {
    const channels = outputs - first < 32 ? outputs - first : 32
    for (let place = 0; place < 4; place++) {
      const patch = to + <usize>(place >> 1) * frameRow + <usize>(place & 1) * inBytes
      let mask = winnersAt(place, winners + first * 4, dy + first * 4, channels)
      while (mask != 0) {
        const o0 = first + <usize>ctz(mask)
        mask &= mask - 1
        const g0 = splat(dy + o0 * 4, 0)
        const f0 = filters + o0 * filterBytes
        if (mask == 0) {
          for (let kr: usize = 0; kr < kernelHeight; kr++)
            addOne(patch + kr * frameRow, segment, f0 + kr * segment, g0)
          break
        }
        const o1 = first + <usize>ctz(mask)
        mask &= mask - 1
        const g1 = splat(dy + o1 * 4, 0)
        const f1 = filters + o1 * filterBytes
        if (popcnt(mask) < 2) {
          for (let kr: usize = 0; kr < kernelHeight; kr++)
            addTwo(patch + kr * frameRow, segment, f0 + kr * segment, f1 + kr * segment, g0, g1)
          continue
        }
        const o2 = first + <usize>ctz(mask)
        mask &= mask - 1
        const o3 = first + <usize>ctz(mask)
        mask &= mask - 1
        const g2 = splat(dy + o2 * 4, 0)
        const g3 = splat(dy + o3 * 4, 0)
        const f2 = filters + o2 * filterBytes
        const f3 = filters + o3 * filterBytes
        for (let kr: usize = 0, k: usize = 0; kr < kernelHeight; kr++, k += segment)
          addFour(patch + kr * frameRow, segment, f0 + k, f1 + k, f2 + k, f3 + k, g0, g1, g2, g3)
      }
    }
  }
}

/** @param dx 0 (no address) where the gradient of x is not asked for */
export function convRowsGrad(
  dy: usize,
  x: usize,
  filter: usize,
  winners: usize,
  dFilter: usize,
  dBias: usize,
  dx: usize,
  batch: usize,
  height: usize,
  width: usize,
  inputs: usize,
  outputs: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  padding: usize,
  scratch: usize,
): void {
  const inBytes = inputs * 4
  const rows = (height + 2 * padding - kernelHeight + 1) >> 1
  const columns = (width + 2 * padding - kernelWidth + 1) >> 1
  const frameRow = (width + 2 * padding) * inBytes
  const framed = frameBytes(height, width, inputs, padding)
  const segment = segmentBytes(kernelWidth, inputs)
  const filterBytes = kernelHeight * segment // one output channel's
  const image = scratch
  const dImage = image + framed
  const sums = dImage + framed // dFilter as [outputs][kernelHeight][segment]
  const filters = sums + outputs * filterBytes // filter, the same way
  const lists = filters + outputs * filterBytes
  const listBytes = (rows * columns + 1) * 8
  const ends = lists + outputs * listBytes
  clear(image, framed)
  clear(sums, outputs * filterBytes)
  biasGrad(dy, winners, batch * rows * columns, outputs, dBias)
  if (dx != 0) {
    clear(filters, outputs * filterBytes)
    for (let kr: usize = 0; kr < kernelHeight; kr++)
      for (let s: usize = 0; s < kernelWidth * inputs; s++) {
        const from = filter + (kr * kernelWidth * inputs + s) * outputs * 4
        for (let o: usize = 0; o < outputs; o++)
          store<f32>(filters + o * filterBytes + kr * segment + s * 4, load<f32>(from + o * 4))
      }
  }
  for (let b: usize = 0; b < batch; b++) {
    frame(x, height, width, inputs, padding, image)
    if (dx != 0) clear(dImage, framed)
    // Each output channel's winners: where in the frame the winner's patch begins, and its gradient.
    for (let o: usize = 0; o < outputs; o++) store<u32>(ends + o * 4, <u32>(lists + o * listBytes))
    for (let r: usize = 0; r < rows; r++)
      for (let c: usize = 0; c < columns; c++) {
        const window = r * 2 * frameRow + c * 2 * inBytes
        for (let o: usize = 0; o < outputs; o++) {
          const winner = load<i32>(winners + o * 4)
          const g = load<f32>(dy + o * 4)
          const end = load<u32>(ends + o * 4)
          store<u32>(end, <u32>(window + <usize>(winner >> 1) * frameRow + <usize>(winner & 1) * inBytes))
          store<f32>(end, g, 4)
          store<u32>(ends + o * 4, end + (<u32>((winner >= 0) & (g != 0)) << 3))
        }
        if (dx != 0)
          scatterWindow(
            dy, winners, outputs, filters, filterBytes, segment, kernelHeight, dImage + window, frameRow, inBytes,
          )
        winners += outputs * 4
        dy += outputs * 4
      }
    for (let o: usize = 0; o < outputs; o++) {
      const list = lists + o * listBytes
      const end = <usize>load<u32>(ends + o * 4)
      for (let kr: usize = 0; kr < kernelHeight; kr++) {
        const from = image + kr * frameRow
        const to = sums + o * filterBytes + kr * segment
        let s: usize = 0
        for (; s + 96 <= segment; s += 96) gatherSix(list, end, from + s, to + s)
        for (; s < segment; s += 16) {
          let sum = v128.load(to + s)
          for (let p = list; p < end; p += 8) sum = fma(splat(p, 4), v128.load(from + s + load<u32>(p)), sum)
          v128.store(to + s, sum)
        }
      }
    }
    if (dx != 0) {
      unframe(dImage, height, width, inputs, padding, dx)
      dx += height * width * inBytes
    }
    x += height * width * inBytes
  }
  for (let kr: usize = 0; kr < kernelHeight; kr++)
    for (let s: usize = 0; s < kernelWidth * inputs; s++) {
      const to = dFilter + (kr * kernelWidth * inputs + s) * outputs * 4
      for (let o: usize = 0; o < outputs; o++)
        store<f32>(to + o * 4, load<f32>(sums + o * filterBytes + kr * segment + s * 4))
    }
}
