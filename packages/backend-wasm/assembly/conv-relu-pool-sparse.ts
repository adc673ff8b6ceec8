// y = maxPool2x2(relu(x * filter + bias)) and winners, as `conv-relu-pool.ts` has them, for inputs of which many are zero, as behind a ReLU, and
// output channels by 32s.
//
// Of each image its inputs that are not zero are listed once, as (where the weights of its channel begin, its value). The pixels of a row
// follow one another in the list, so the taps that one row of the filter has at one place are a range of it, and the 32 channels of one
// candidate are eight vectors in registers over as many ranges as the filter has rows. `direct` lists the taps of a window that are not zero for one
// of its four candidates; here no product of a zero is computed at all. Each sum has the same order, and its bits.
//
// Of an image of plain background, every pixel the first image's corner, each candidate's sum is computed once, and noted row by row of the filter.
// Candidates of other images begin where the first rows of their patch are no longer plain: of MNIST's in the second layer 45 % of the rows are
// not computed. A patch's place matters only where it reaches over the border, so there are few of them.
//
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.
import { pool } from './conv-relu-pool'
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
  _kernelWidth: f64,
  padding: f64,
): f64 {
  const down = height + padding * 2
  const across = width + padding * 2
  const places = (2 * padding + 1) * (2 * padding + 1)
  return (
    4 * <f64>BLOCK + // the four candidates of a window
    places * (kernelHeight + 1) * outputs * 4 + // sums of plain background
    height * width * inputs * 8 + // the list
    down * (across + 1) * 4 + // where the list has got to at each pixel
    2 * down * across + // what is plain
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
  const across = width + padding * 2
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
 * For each pixel in its frame of zeros, how many rows of a patch that begins there are as plain background has them, from the first row on.
 *
 * @param same which pixels are
 */
function countPlain(
  same: usize,
  down: usize,
  across: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  plain: usize,
): void {
  for (let r = down - 1; r < down; r--)
    for (let c: usize = 0; c + kernelWidth <= across; c++) {
      let all: u32 = 1
      for (let k: usize = 0; k < kernelWidth; k++) all &= load<u8>(same + r * across + c + k)
      const below = r + 1 < down ? <u32>load<u8>(plain + (r + 1) * across + c) : 0
      const most = min<u32>(<u32>kernelHeight, 255) // of a byte
      store<u8>(plain + r * across + c, <u8>(all * min<u32>(below + 1, most)))
    }
}

/** Which of the places that a patch may have along a side, of 2 x padding + 1: in the middle all are the same. */
@inline
function placeOf(at: usize, size: usize, kernel: usize, padding: usize): usize {
  return at < padding ? at : at + kernel <= size + padding ? padding : at + kernel - size
}

/**
 * One candidate: eight vectors of output channels. Two of them are stored as they come: the engine would put all loads of a block before its sums,
 * more than it has registers, and take the sums through memory (1.9 times as long); it does not move a load past a store.
 *
 * @param from the sum so far
 * @param rows of the filter that are left
 * @param starts where the list has got to at the first of their pixels
 * @param weights of those channels, for that pixel
 */
@inline
function candidate(
  from: usize,
  rows: usize,
  starts: usize,
  startsRow: usize,
  weights: usize,
  weightsRow: usize,
  kernelWidth: usize,
  to: usize,
): void {
  let s0 = v128.load(from), s1 = v128.load(from, 16), s2 = v128.load(from, 32), s3 = v128.load(from, 48)
  let s4 = v128.load(from, 64), s5 = v128.load(from, 80), s6 = v128.load(from, 96), s7 = v128.load(from, 112)
  for (; rows > 0; rows--, starts += startsRow, weights += weightsRow) {
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
  const weightsRow = kernelWidth * pixelWeights
  const down = height + padding * 2
  const across = width + padding * 2
  const startsRow = (across + 1) * 4
  const rows = (down - kernelHeight + 1) >> 1
  const columns = (across - kernelWidth + 1) >> 1
  const imageBytes = height * width * inputs * 4
  const places: usize = padding * 2 + 1
  const placeBytes = (kernelHeight + 1) * outBytes
  const sums = room + 4 * BLOCK // [places down][places across][rows of the filter so far][outputs]
  const starts = sums + places * places * placeBytes
  const same = starts + down * startsRow
  const plain = same + down * across
  const list = (plain + down * across + 15) & ~15
  const background = x
  listInputs(x, 0, height, width, inputs, outputs, padding, background, list, starts, same)
  for (let i: usize = 0; i < places * places; i++) {
    // The last candidate along a side that has this place.
    const r = i / places < padding ? i / places : i / places + height - kernelHeight
    const c = i % places < padding ? i % places : i % places + width - kernelWidth
    let sum = sums + i * placeBytes
    copy(sum, bias, outBytes)
    if (r > down - kernelHeight || c > across - kernelWidth) continue // none has it
    for (let kr: usize = 0; kr < kernelHeight; kr++, sum += outBytes)
      for (let o: usize = 0; o < outBytes; o += BLOCK)
        candidate(
          sum + o,
          1,
          starts + (r + kr) * startsRow + c * 4,
          startsRow,
          filter + o + kr * weightsRow - c * pixelWeights,
          weightsRow,
          kernelWidth,
          sum + outBytes + o,
        )
  }
  x += from * imageBytes
  y += from * rows * columns * outBytes
  winners += from * rows * columns * outBytes
  for (let b = from; b < to; b++, x += imageBytes) {
    listInputs(x, inputs * 4, height, width, inputs, outputs, padding, background, list, starts, same)
    countPlain(same, down, across, kernelHeight, kernelWidth, plain)
    for (let row: usize = 0; row < rows; row++)
      for (let column: usize = 0; column < columns; column++) {
        for (let o: usize = 0; o < outBytes; o += BLOCK) {
          for (let k: usize = 0; k < 4; k++) {
            const r = row * 2 + (k >> 1)
            const c = column * 2 + (k & 1)
            const done: usize = load<u8>(plain + r * across + c)
            const place =
              placeOf(r, height, kernelHeight, padding) * places + placeOf(c, width, kernelWidth, padding)
            candidate(
              sums + place * placeBytes + done * outBytes + o,
              kernelHeight - done,
              starts + (r + done) * startsRow + c * 4,
              startsRow,
              filter + o + done * weightsRow - c * pixelWeights,
              weightsRow,
              kernelWidth,
              room + k * BLOCK,
            )
          }
          for (let s: usize = 0; s < BLOCK; s += 16) {
            const c = room + s
            const first = v128.load(c), second = v128.load(c + BLOCK)
            pool(first, second, v128.load(c + 2 * BLOCK), v128.load(c + 3 * BLOCK), y + o + s, winners + o + s)
          }
        }
        y += outBytes
        winners += outBytes
      }
  }
}
