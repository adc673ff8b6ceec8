// y = maxPool2x2(relu(x * filter + bias)) and winners, as `conv-relu-pool.ts` has them, for inputs of which many are zero, as behind a ReLU, and
// output channels by 32s.
//
// Of each image its inputs that are not zero are listed once, as (where the weights of its channel begin, its value). The pixels of a row
// follow one another in the list, so the taps that one row of the filter has at one place are a range of it, and the 32 channels of one
// candidate are eight vectors in registers over as many ranges as the filter has rows. `direct` lists the taps of a window that are not zero for one
// of its four candidates; here no product of a zero is computed at all. Each sum has the same order, and its bits.
//
// Windows whose patches are plain background, every pixel the first image's corner, take their result from what was computed once.
//
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.
import { pool, windowsAlong } from './conv-relu-pool'
import { copy, fma, splat } from './simd'

/** Bytes of the output channels that are computed at a time. */
const BLOCK: usize = 128

/** Bytes of scratch memory that one range of images needs. */
export function convSparseRoom(
  height: f64,
  width: f64,
  inputs: f64,
  outputs: f64,
  kernelHeight: f64,
  kernelWidth: f64,
  padding: f64,
): f64 {
  const windows = windowsAlong(height, kernelHeight, padding) * windowsAlong(width, kernelWidth, padding)
  const down = height + 2 * padding
  const across = width + 2 * padding
  return (
    4 * <f64>BLOCK + // the four candidates of a window
    2 * windows * outputs * 4 + // y and winners of plain background
    height * width * inputs * 8 + // the list
    down * (across + 1) * 4 + // where the list has got to at each pixel
    down * across + // which pixels are plain
    64
  )
}

/**
 * Lists one image's inputs that are not zero.
 *
 * @param step bytes between two of its pixels
 * @param plain a pixel of plain background
 * @param starts for each pixel of the image in its frame of zeros, where its inputs begin in the list, and for each row where they end
 * @param same for each such pixel whether it is as plain background has it
 */
function listInputs(
  x: usize,
  step: usize,
  height: usize,
  width: usize,
  inputs: usize,
  outputs: usize,
  padding: usize,
  plain: usize,
  list: usize,
  starts: usize,
  same: usize,
): void {
  const across = width + 2 * padding
  const outBytes = <i32>outputs * 4
  const lanes = i32x4(0, outBytes, 2 * outBytes, 3 * outBytes)
  const zero = i32x4.splat(0)
  for (let r: usize = 0; r < height + 2 * padding; r++) {
    for (let c: usize = 0; c < across; c++, starts += 4, same++) {
      store<u32>(starts, <u32>list)
      let other = zero
      if (r - padding < height && c - padding < width) {
        let offsets = i32x4.add(lanes, i32x4.splat(<i32>(c * inputs) * outBytes))
        for (let s: usize = 0; s < inputs * 4; s += 16) {
          const v = v128.load(x + s)
          const any: usize = i32x4.bitmask(i32x4.ne(v, zero))
          const lower = i8x16.shuffle(offsets, v, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23)
          const upper = i8x16.shuffle(offsets, v, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31)
          // Always written, counted only where it is not zero: no branch to predict wrongly.
          v128.store64_lane(list, lower, 0)
          list += (any & 1) << 3
          v128.store64_lane(list, lower, 1)
          list += (any & 2) << 2
          v128.store64_lane(list, upper, 0)
          list += (any & 4) << 1
          v128.store64_lane(list, upper, 1)
          list += any & 8
          offsets = i32x4.add(offsets, i32x4.splat(4 * outBytes))
          other = v128.or(other, v128.xor(v, v128.load(plain + s)))
        }
        x += step
      }
      store<u8>(same, <u8>!v128.any_true(other))
    }
    store<u32>(starts, <u32>list)
    starts += 4
  }
}

/**
 * One candidate: eight vectors of output channels. Two of them are stored as they come: the engine would put all loads of a block before its sums,
 * more than it has registers, and take the sums through memory (1.9 times as long); it does not move a load past a store.
 *
 * @param starts where the list has got to at its patch's first pixel
 * @param weights of those channels, for the first row's first pixel
 */
@inline
function candidate(
  starts: usize,
  startsRow: usize,
  weights: usize,
  weightsRow: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  bias: usize,
  to: usize,
): void {
  let s0 = v128.load(bias), s1 = v128.load(bias, 16), s2 = v128.load(bias, 32), s3 = v128.load(bias, 48)
  let s4 = v128.load(bias, 64), s5 = v128.load(bias, 80), s6 = v128.load(bias, 96), s7 = v128.load(bias, 112)
  for (let kr: usize = 0; kr < kernelHeight; kr++, starts += startsRow, weights += weightsRow) {
    const end: usize = load<u32>(starts + kernelWidth * 4)
    for (let p: usize = load<u32>(starts); p < end; p += 8) {
      const f = weights + load<u32>(p)
      const v = splat(p, 4)
      s0 = fma(v, v128.load(f), s0)
      s1 = fma(v, v128.load(f, 16), s1)
      v128.store(to, s0)
      v128.store(to, s1, 16)
      s2 = fma(v, v128.load(f, 32), s2)
      s3 = fma(v, v128.load(f, 48), s3)
      s4 = fma(v, v128.load(f, 64), s4)
      s5 = fma(v, v128.load(f, 80), s5)
      s6 = fma(v, v128.load(f, 96), s6)
      s7 = fma(v, v128.load(f, 112), s7)
    }
  }
  v128.store(to, s0)
  v128.store(to, s1, 16)
  v128.store(to, s2, 32)
  v128.store(to, s3, 48)
  v128.store(to, s4, 64)
  v128.store(to, s5, 80)
  v128.store(to, s6, 96)
  v128.store(to, s7, 112)
}

/** One window: its four candidates, and the winners among them. */
function sparseWindow(
  starts: usize,
  startsRow: usize,
  weights: usize,
  pixelWeights: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  bias: usize,
  outBytes: usize,
  candidates: usize,
  y: usize,
  winners: usize,
): void {
  const weightsRow = kernelWidth * pixelWeights
  for (let o: usize = 0; o < outBytes; o += BLOCK) {
    for (let k: usize = 0; k < 4; k++)
      candidate(
        starts + (k >> 1) * startsRow + (k & 1) * 4,
        startsRow,
        weights + o - (k & 1) * pixelWeights,
        weightsRow,
        kernelHeight,
        kernelWidth,
        bias + o,
        candidates + k * BLOCK,
      )
    for (let s = candidates; s < candidates + BLOCK; s += 16) {
      const at = o + (s - candidates)
      const first = v128.load(s), second = v128.load(s + BLOCK)
      pool(first, second, v128.load(s + 2 * BLOCK), v128.load(s + 3 * BLOCK), y + at, winners + at)
    }
  }
}

/** Whether all pixels of a window's patch are as plain background has them. */
@inline
function samePixels(same: usize, across: usize, rows: usize, columns: usize): bool {
  let all: u32 = 1
  for (let r: usize = 0; r < rows; r++, same += across)
    for (let c: usize = 0; c < columns; c++) all &= load<u8>(same + c)
  return all != 0
}

/** The first window along a side whose patch is the same as this one's where every pixel is: all that lie within the image are. */
@inline
function likeIt(window: usize, size: usize, kernel: usize, padding: usize): usize {
  const inside = window * 2 >= padding && window * 2 + kernel + 1 <= size + padding
  return inside ? (padding + 1) >> 1 : window
}

export function convSparse(
  x: usize,
  filter: usize,
  bias: usize,
  y: usize,
  winners: usize,
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
  const outBytes = outputs * 4
  const pixelWeights = inputs * outBytes
  const across = width + 2 * padding
  const startsRow = (across + 1) * 4
  const rows = (height + 2 * padding - kernelHeight + 1) >> 1
  const columns = (width + 2 * padding - kernelWidth + 1) >> 1
  const imageBytes = height * width * inputs * 4
  const plainY = room + 4 * BLOCK
  const plainWinners = plainY + rows * columns * outBytes
  const starts = plainWinners + rows * columns * outBytes
  const same = starts + (height + 2 * padding) * startsRow
  const list = (same + (height + 2 * padding) * across + 15) & ~15
  // An image of plain background.
  listInputs(x, 0, height, width, inputs, outputs, padding, x, list, starts, same)
  for (let r: usize = 0; r < rows; r++)
    for (let c: usize = 0; c < columns; c++) {
      const at = (r * columns + c) * outBytes
      const row = likeIt(r, height, kernelHeight, padding)
      const column = likeIt(c, width, kernelWidth, padding)
      if (row != r || column != c) {
        const like = (row * columns + column) * outBytes
        copy(plainY + at, plainY + like, outBytes)
        copy(plainWinners + at, plainWinners + like, outBytes)
      } else
        sparseWindow(
          starts + r * 2 * startsRow + c * 8,
          startsRow,
          filter - c * 2 * pixelWeights,
          pixelWeights,
          kernelHeight,
          kernelWidth,
          bias,
          outBytes,
          room,
          plainY + at,
          plainWinners + at,
        )
    }
  const plain = x
  x += from * imageBytes
  y += from * rows * columns * outBytes
  winners += from * rows * columns * outBytes
  for (let b = from; b < to; b++, x += imageBytes) {
    listInputs(x, inputs * 4, height, width, inputs, outputs, padding, plain, list, starts, same)
    let known: usize = 0
    for (let r: usize = 0; r < rows; r++)
      for (let c: usize = 0; c < columns; c++) {
        if (samePixels(same + r * 2 * across + c * 2, across, kernelHeight + 1, kernelWidth + 1)) {
          copy(y, plainY + known, outBytes)
          copy(winners, plainWinners + known, outBytes)
        } else
          sparseWindow(
            starts + r * 2 * startsRow + c * 8,
            startsRow,
            filter - c * 2 * pixelWeights,
            pixelWeights,
            kernelHeight,
            kernelWidth,
            bias,
            outBytes,
            room,
            y,
            winners,
          )
        y += outBytes
        winners += outBytes
        known += outBytes
      }
  }
}
