// Convolutions of a single input with stride 1, which is what the first layer of a net sees: y = x * filter + bias, and
//   dFilter[t, o] = the sum over images and pixels of x[pixel + t] dy[pixel, o]
//   dBias[o] = the sum over images and pixels of dy[pixel, o]
// Four pixels in five of a picture are black. Forward, four pixels by eight filters are summed as in direct-convolution.ts, over the rows of
// the filter that see ink. Backward, the places of each image are listed once whose run of taps in a row has ink: of the pixels that a row of
// the filter sums over, those are listed one behind the other.
// Gradients are summed for shards of the batch, and then over the shards: as many as there are, whatever the threads.
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.
import { addColumnSums } from './column-sums'
import { copyIntoFrame, fourPixels, frameBytes, packFilter, placePixels, placesBytes, storeWide, WIDE } from './direct-convolution'
import { clear, fma, roundUp } from './simd'

/** Bytes of scratch memory that one range of images needs. */
export function singleConvolutionRoom(
  height: f64,
  width: f64,
  rows: f64,
  columns: f64,
  outputs: f64,
  taps: f64,
  top: f64,
  left: f64,
): f64 {
  const ink = roundUp<f64>((height + 2 * top) * ceil<f64>(columns / 4), 16)
  const filter = (taps + 1) * roundUp<f64>(outputs, 8) * 4
  return frameBytes<f64>(height, width, 1, top, left) + placesBytes<f64>(rows * columns) + filter + ink + 256
}

/** Whether there is ink in each row of the frame where each four pixels side by side look: a byte each. */
function findInk(image: usize, frameRow: usize, frameRows: usize, groups: usize, kernelWidth: usize, ink: usize): void {
  // Whole vectors are looked at, which is more than the taps where they are narrow.
  const bytes = (kernelWidth + 3) * 4
  for (let r: usize = 0; r < frameRows; r++, image += frameRow)
    for (let g: usize = 0; g < groups; g++, ink++) {
      let any = v128.load(image + g * 16)
      for (let i: usize = 16; i < bytes; i += 16) any = v128.or(any, v128.load(image + g * 16 + i))
      store<u8>(ink, <u8>v128.any_true(any))
    }
}

/**
 * Images from .. to - 1.
 *
 * @param bias 0 for none
 */
export function singleConvolution(
  x: usize,
  filter: usize,
  bias: usize,
  y: usize,
  height: usize,
  width: usize,
  rows: usize,
  columns: usize,
  outputs: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  top: usize,
  left: usize,
  room: usize,
  from: usize,
  to: usize,
): void {
  const taps = kernelHeight * kernelWidth
  const frameRow = (width + 2 * left) * 4
  const places = room + frameBytes<usize>(height, width, 1, top, left)
  const packed = places + placesBytes<usize>(rows * columns)
  const blockBytes = (taps + 1) * WIDE * 4
  const ink = packed + ((outputs + 7) >> 3) * blockBytes
  const groups = (columns + 3) >> 2
  const yRow = outputs * 4
  clear(room, frameBytes<usize>(height, width, 1, top, left))
  placePixels(places, rows, columns, frameRow, 1, 1, 1)
  packFilter(filter, bias, taps, outputs, packed)
  x += from * height * width * 4
  y += from * rows * columns * yRow
  for (let b = from; b < to; b++, x += height * width * 4) {
    copyIntoFrame(x, room, height, width, 1, top, left)
    findInk(room, frameRow, height + 2 * top, groups, kernelWidth, ink)
    for (let r: usize = 0; r < rows; r++)
      for (let g: usize = 0; g < groups; g++) {
        const some = columns - g * 4 < 4 ? columns - g * 4 : 4
        let first: usize = 0
        let last = kernelHeight
        while (first < last && load<u8>(ink + (r + first) * groups + g) == 0) first++
        while (first < last && load<u8>(ink + (r + last - 1) * groups + g) == 0) last--
        let block = packed
        if (first == last) {
          // The bias alone, which lies in front of each eight filters.
          for (let o: usize = 0; o < outputs; o += WIDE, block += blockBytes) {
            const left8 = v128.load(block)
            const right8 = v128.load(block, 16)
            const wide = outputs - o < WIDE ? outputs - o : WIDE
            for (let i: usize = 0; i < some; i++) storeWide(y + i * yRow + o * 4, left8, right8, wide)
          }
        } else {
          const place = places + (r * columns + g * 4) * 4
          for (let o: usize = 0; o < outputs; o += WIDE, block += blockBytes)
            fourPixels(
              room, place, block, first, last, kernelWidth * 4, frameRow, y + o * 4, yRow, some,
              outputs - o < WIDE ? outputs - o : WIDE,
            )
        }
        y += some * yRow
      }
  }
}

/** Fours of filters, the last of which overlap where they are no fours; two at a time are summed. */
@inline
function fours<T>(outputs: T): T {
  return roundUp<T>((outputs + <T>3) / <T>4, 2)
}

/** Bytes of what comes of a shard: a filter's gradient, and sums in float64 for the bias's. */
@inline
function shardBytes<T>(taps: T, outputs: T): T {
  return roundUp<T>(taps * outputs * <T>4, 8) + roundUp<T>(outputs, 4) * <T>8
}

/** Bytes of scratch memory for what comes of the shards. */
export function singleShardsBytes(shards: f64, taps: f64, outputs: f64): f64 {
  return shards * shardBytes<f64>(taps, outputs)
}

/** Bytes of scratch memory that one range of shards needs. */
export function singleFilterGradRoom(
  height: f64,
  width: f64,
  columns: f64,
  outputs: f64,
  taps: f64,
  top: f64,
  left: f64,
): f64 {
  const frameRows = height + 2 * top
  const sums = taps * (ceil<f64>(outputs / 4) + 1) * 16
  return frameBytes<f64>(height, width, 1, top, left) + sums + frameRows * columns * 8 + (frameRows + 2) * 4 + 256
}

@inline
function add(to: usize, v: v128): void {
  v128.store(to, f32x4.add(v128.load(to), v))
}

/** Adds the sums over a list of (address of taps, address offset of dy) for three taps and eight filters. */
function threeTaps(list: usize, end: usize, tap: usize, left: usize, right: usize, to: usize, tapBytes: usize): void {
  let a0 = f32x4.splat(0)
  let a1 = a0, a2 = a0, b0 = a0, b1 = a0, b2 = a0
  for (; list < end; list += 8) {
    const at = <usize>load<u32>(list) + tap
    const offset = <usize>load<u32>(list, 4)
    const l = v128.load(left + offset)
    const r = v128.load(right + offset)
    let v = v128.load32_splat(at)
    a0 = fma(v, l, a0)
    b0 = fma(v, r, b0)
    v = v128.load32_splat(at, 4)
    a1 = fma(v, l, a1)
    b1 = fma(v, r, b1)
    v = v128.load32_splat(at, 8)
    a2 = fma(v, l, a2)
    b2 = fma(v, r, b2)
  }
  add(to, a0)
  add(to + 16, b0)
  add(to + tapBytes, a1)
  add(to + tapBytes + 16, b1)
  add(to + 2 * tapBytes, a2)
  add(to + 2 * tapBytes + 16, b2)
}

/** The same for a single tap. */
function oneTap(list: usize, end: usize, tap: usize, left: usize, right: usize, to: usize): void {
  let a = f32x4.splat(0)
  let b = a
  for (; list < end; list += 8) {
    const v = v128.load32_splat(<usize>load<u32>(list) + tap)
    const offset = <usize>load<u32>(list, 4)
    a = fma(v, v128.load(left + offset), a)
    b = fma(v, v128.load(right + offset), b)
  }
  add(to, a)
  add(to + 16, b)
}

/** The same for two taps. */
function twoTaps(list: usize, end: usize, tap: usize, left: usize, right: usize, to: usize, tapBytes: usize): void {
  let a0 = f32x4.splat(0)
  let a1 = a0, b0 = a0, b1 = a0
  for (; list < end; list += 8) {
    const at = <usize>load<u32>(list) + tap
    const offset = <usize>load<u32>(list, 4)
    const l = v128.load(left + offset)
    const r = v128.load(right + offset)
    let v = v128.load32_splat(at)
    a0 = fma(v, l, a0)
    b0 = fma(v, r, b0)
    v = v128.load32_splat(at, 4)
    a1 = fma(v, l, a1)
    b1 = fma(v, r, b1)
  }
  add(to, a0)
  add(to + 16, b0)
  add(to + tapBytes, a1)
  add(to + tapBytes + 16, b1)
}

/**
 * What comes of shards from .. to - 1.
 *
 * @param outputs four at least
 */
export function singleFilterGrad(
  x: usize,
  dy: usize,
  partial: usize,
  batch: usize,
  shards: usize,
  height: usize,
  width: usize,
  rows: usize,
  columns: usize,
  outputs: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  top: usize,
  left: usize,
  room: usize,
  from: usize,
  to: usize,
): void {
  const taps = kernelHeight * kernelWidth
  const frameRow = (width + 2 * left) * 4
  const frameRows = height + 2 * top
  const vectors = fours<usize>(outputs)
  const tapBytes = vectors * 16
  const outBytes = outputs * 4
  const rowBytes = columns * outBytes
  const sums = room + frameBytes<usize>(height, width, 1, top, left)
  const starts = sums + taps * tapBytes
  const list = starts + (frameRows + 1) * 4
  clear(room, frameBytes<usize>(height, width, 1, top, left))
  for (let shard = from; shard < to; shard++) {
    const out = partial + shard * shardBytes<usize>(taps, outputs)
    const biases = out + roundUp<usize>(taps * outBytes, 8)
    clear(sums, taps * tapBytes)
    clear(biases, outputs * 8)
    const last = (batch * (shard + 1)) / shards
    for (let b = (batch * shard) / shards; b < last; b++) {
      copyIntoFrame(x + b * height * width * 4, room, height, width, 1, top, left)
      const gradient = dy + b * rows * rowBytes
      addColumnSums(gradient, rows * columns, outputs, 0, outputs, biases)
      let end = list
      for (let r: usize = 0; r < frameRows; r++) {
        store<u32>(starts + r * 4, <u32>end)
        let at = room + r * frameRow
        let offset = r * rowBytes
        for (const stop = offset + rowBytes; offset < stop; offset += outBytes, at += 4) {
          let any = v128.load(at)
          for (let i: usize = 4; i < kernelWidth; i += 4) any = v128.or(any, v128.load(at + i * 4))
          store<u32>(end, <u32>at)
          store<u32>(end, <u32>offset, 4)
          end += v128.any_true(any) ? 8 : 0
        }
      }
      store<u32>(starts + frameRows * 4, <u32>end)
      for (let kr: usize = 0; kr < kernelHeight; kr++) {
        const first = <usize>load<u32>(starts + kr * 4)
        const behind = <usize>load<u32>(starts + (kr + rows) * 4)
        for (let v: usize = 0; v < vectors; v += 2) {
          // Offsets are of rows of the frame: a row of the filter lies so many of them higher.
          const above = gradient - kr * rowBytes
          const l = above + min<usize>(v * 4, outputs - 4) * 4
          const r = above + min<usize>(v * 4 + 4, outputs - 4) * 4
          let tap: usize = 0
          let at = sums + kr * kernelWidth * tapBytes + v * 16
          for (; tap + 3 <= kernelWidth; tap += 3, at += 3 * tapBytes)
            threeTaps(first, behind, tap * 4, l, r, at, tapBytes)
          if (kernelWidth - tap == 2) twoTaps(first, behind, tap * 4, l, r, at, tapBytes)
          else if (kernelWidth - tap == 1) oneTap(first, behind, tap * 4, l, r, at)
        }
      }
    }
    for (let t: usize = 0; t < taps; t++)
      for (let o: usize = 0; o < outputs; o += 4)
        v128.store(
          out + t * outBytes + min<usize>(o, outputs - 4) * 4,
          v128.load(sums + t * tapBytes + o * 4),
        )
  }
}

/** dFilter's elements from .. to - 1, and with the last of them dBias: the shards' in their order. */
export function singleShardsSum(
  partial: usize,
  dFilter: usize,
  dBias: usize,
  shards: usize,
  taps: usize,
  outputs: usize,
  _room: usize,
  from: usize,
  to: usize,
): void {
  const bytes = shardBytes<usize>(taps, outputs)
  const end = partial + shards * bytes
  for (let i = from; i < to; i++) {
    let sum: f32 = 0
    for (let at = partial; at < end; at += bytes) sum += load<f32>(at + i * 4)
    store<f32>(dFilter + i * 4, sum)
  }
  if (to < taps * outputs) return
  const biases = roundUp<usize>(taps * outputs * 4, 8)
  for (let o: usize = 0; o < outputs; o++) {
    let sum: f64 = 0
    for (let at = partial + biases; at < end; at += bytes) sum += load<f64>(at + o * 8)
    store<f32>(dBias + o * 4, <f32>sum)
  }
}
