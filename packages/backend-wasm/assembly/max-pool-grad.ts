// The gradient of max-pooling, NHWC, for any window, stride and padding:
//   dx[i, c] = the sum of dy[p, c] over the windows p whose first largest is at i
// Four channels at a time: which element of a window wins is four masks, so that nothing is scattered. (Max-pooling itself is
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

export function maxPoolGrad(
  dy: usize,
  x: usize,
  dx: usize,
  batch: i32,
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
): void {
  clear(dx, <usize>(batch * height * width * channels) << 2)
  const whole = channels & ~3
  for (let b = 0; b < batch; b++)
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
