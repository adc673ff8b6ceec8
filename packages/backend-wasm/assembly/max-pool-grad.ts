// The gradient of max-pooling, NHWC, for any window, stride and padding:
//   dx[i, c] = the sum of dy[p, c] over the windows p whose first largest is at i
// Images from .. to - 1. Four channels at a time: which element of a window wins is four masks, so that nothing is scattered. (Max-pooling itself is
// tfjs's own: XNNPACK's kernel is twice as fast as one of this kind was.)
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.
import { clear } from './simd'

/** Four channels from `address`, or one where fewer are left. */
@inline
function channels4(address: usize, four: bool): v128 {
  return four ? v128.load(address) : v128.load32_zero(address)
}

@inline
function storeChannels(address: usize, value: v128, four: bool): void {
  if (four) v128.store(address, value)
  else v128.store32_lane(address, value, 0)
}

/** That of 2 x 2 windows side by side, the usual case: each value lies in one window, and is written once. */
function halvedGrad(
  dy: usize,
  x: usize,
  dx: usize,
  height: usize,
  width: usize,
  pixel: usize,
  from: usize,
  to: usize,
): void {
  const rows = height >> 1
  const columns = width >> 1
  const rowBytes = width * pixel
  const whole = pixel & ~15
  dy += from * rows * columns * pixel
  x += from * height * rowBytes
  dx += from * height * rowBytes
  for (let b = from; b < to; b++, x += height * rowBytes, dx += height * rowBytes) {
    if ((height & 1) != 0) clear(dx + (height - 1) * rowBytes, rowBytes)
    for (let r: usize = 0; r < rows; r++) {
      let at = 2 * r * rowBytes
      for (let c: usize = 0; c < columns; c++, at += 2 * pixel, dy += pixel) {
        for (let i: usize = 0; i < pixel; i += i < whole ? 16 : 4) {
          const four = i < whole
          const x0 = x + at + i
          const dx0 = dx + at + i
          let best = channels4(x0, four)
          const b1 = channels4(x0 + pixel, four)
          const b2 = channels4(x0 + rowBytes, four)
          const b3 = channels4(x0 + rowBytes + pixel, four)
          const gradient = channels4(dy + i, four)
          const m1 = f32x4.gt(b1, best)
          best = v128.bitselect(b1, best, m1)
          const m2 = f32x4.gt(b2, best)
          best = v128.bitselect(b2, best, m2)
          const m3 = f32x4.gt(b3, best)
          // The last that was larger than all before it is the first largest.
          storeChannels(dx0 + rowBytes + pixel, v128.and(gradient, m3), four)
          storeChannels(dx0 + rowBytes, v128.andnot(v128.and(gradient, m2), m3), four)
          storeChannels(dx0 + pixel, v128.andnot(v128.and(gradient, m1), v128.or(m2, m3)), four)
          storeChannels(dx0, v128.andnot(gradient, v128.or(m1, v128.or(m2, m3))), four)
        }
      }
      if ((width & 1) != 0) {
        clear(dx + at, pixel)
        clear(dx + at + rowBytes, pixel)
      }
    }
  }
}

export function maxPoolGrad(
  dy: usize,
  x: usize,
  dx: usize,
  height: i32,
  width: i32,
  channels: i32,
  outHeight: i32,
  outWidth: i32,
  windowHeight: i32,
  windowWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  top: i32,
  left: i32,
  _room: usize,
  from: i32,
  to: i32,
): void {
  const sides = windowHeight | windowWidth | strideHeight | strideWidth
  if (sides == 2 && (windowHeight & windowWidth & strideHeight & strideWidth) == 2 && (top | left) == 0)
    return halvedGrad(dy, x, dx, height, width, <usize>channels << 2, from, to)
  const imageBytes = <usize>(height * width * channels) << 2
  clear(dx + <usize>from * imageBytes, <usize>(to - from) * imageBytes)
  const whole = channels & ~3
  dy += <usize>(from * outHeight * outWidth * channels) << 2
  for (let b = from; b < to; b++)
    for (let r = 0; r < outHeight; r++) {
      const firstRow = max(0, r * strideHeight - top)
      const endRow = min(height, r * strideHeight - top + windowHeight)
      for (let c = 0; c < outWidth; c++, dy += <usize>channels << 2) {
        const firstColumn = max(0, c * strideWidth - left)
        const endColumn = min(width, c * strideWidth - left + windowWidth)
        for (let i = 0; i < channels; i += i < whole ? 4 : 1) {
          const four = i < whole
          let best = f32x4.splat(-Infinity)
          let winner = i32x4.splat(-1)
          for (let row = firstRow; row < endRow; row++)
            for (let column = firstColumn; column < endColumn; column++) {
              const element = ((b * height + row) * width + column) * channels + i
              const value = channels4(x + (<usize>element << 2), four)
              const larger = f32x4.gt(value, best)
              best = v128.bitselect(value, best, larger)
              winner = v128.bitselect(i32x4.splat(element), winner, larger)
            }
          const gradient = channels4(dy + (<usize>i << 2), four)
          for (let row = firstRow; row < endRow; row++)
            for (let column = firstColumn; column < endColumn; column++) {
              const element = ((b * height + row) * width + column) * channels + i
              const won = v128.and(gradient, i32x4.eq(winner, i32x4.splat(element)))
              const at = dx + (<usize>element << 2)
              storeChannels(at, f32x4.add(channels4(at, four), won), four)
            }
        }
      }
    }
}
