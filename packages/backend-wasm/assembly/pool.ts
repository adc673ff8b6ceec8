// Max-pooling and average pooling, NHWC, for any window, stride and padding, and the gradient of the second:
//   y[p, c] = the largest, or the mean, of the window p of x that lies within the image
//   dx[i, c] = the sum of dy[p, c] / (height x width of a window) over the windows p that hold i
// Four channels at a time; images from .. to - 1.
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.
import { clear } from './simd'

const LARGEST: i32 = 0
const MEAN: i32 = 1

@inline
function channels4(address: usize, four: bool): v128 {
  return four ? v128.load(address) : v128.load32_zero(address)
}

@inline
function storeChannels(address: usize, value: v128, four: bool): void {
  if (four) v128.store(address, value)
  else v128.store32_lane(address, value, 0)
}

/** The larger of two; NaN never is, as tfjs has it. */
@inline
function larger(best: v128, value: v128): v128 {
  return f32x4.pmax(best, value)
}

@inline
function pooled(
  what: i32,
  x: usize,
  y: usize,
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
  from: i32,
  to: i32,
): void {
  const pixel = <usize>channels << 2
  const whole = pixel & ~15
  y += <usize>from * <usize>outHeight * <usize>outWidth * pixel
  for (let b = from; b < to; b++) {
    const image = x + <usize>b * <usize>height * <usize>width * pixel
    for (let r = 0; r < outHeight; r++) {
      const firstRow = max(0, r * strideHeight - top)
      const endRow = min(height, r * strideHeight - top + windowHeight)
      for (let c = 0; c < outWidth; c++, y += pixel) {
        const firstColumn = max(0, c * strideWidth - left)
        const endColumn = min(width, c * strideWidth - left + windowWidth)
        const share = f32x4.splat(1 / <f32>((endRow - firstRow) * (endColumn - firstColumn)))
        for (let i: usize = 0; i < pixel; i += i < whole ? 16 : 4) {
          const four = i < whole
          let v = f32x4.splat(what == LARGEST ? -Infinity : 0)
          for (let row = firstRow; row < endRow; row++) {
            let at = image + (<usize>row * <usize>width + <usize>firstColumn) * pixel + i
            for (const end = at + <usize>(endColumn - firstColumn) * pixel; at < end; at += pixel)
              v = what == LARGEST ? larger(v, channels4(at, four)) : f32x4.add(v, channels4(at, four))
          }
          storeChannels(y + i, what == LARGEST ? v : f32x4.mul(v, share), four)
        }
      }
    }
  }
}

@inline
function ofTwo(what: i32, a: v128, b: v128): v128 {
  return what == LARGEST ? larger(a, b) : f32x4.add(a, b)
}

@inline
function ofFour(what: i32, upper: usize, lower: usize, pixel: usize, four: bool): v128 {
  let v = channels4(upper, four)
  if (what == LARGEST) v = larger(f32x4.splat(-Infinity), v)
  v = ofTwo(what, v, channels4(upper + pixel, four))
  v = ofTwo(what, v, channels4(lower, four))
  v = ofTwo(what, v, channels4(lower + pixel, four))
  return what == LARGEST ? v : f32x4.mul(v, f32x4.splat(0.25))
}

/** That of 2 x 2 windows side by side: the usual case. Where channels are no fours, the last four are those at the end. */
@inline
function halved(what: i32, x: usize, y: usize, height: usize, width: usize, pixel: usize, from: usize, to: usize): void {
  const rows = height >> 1
  const columns = width >> 1
  const rowBytes = width * pixel
  y += from * rows * columns * pixel
  for (let b = from; b < to; b++)
    for (let r: usize = 0; r < rows; r++) {
      let upper = x + (b * height + 2 * r) * rowBytes
      for (let c: usize = 0; c < columns; c++, upper += 2 * pixel, y += pixel) {
        const lower = upper + rowBytes
        let i: usize = 0
        for (; i + 16 <= pixel; i += 16) v128.store(y + i, ofFour(what, upper + i, lower + i, pixel, true))
        if (i < pixel && pixel > 16) {
          i = pixel - 16
          v128.store(y + i, ofFour(what, upper + i, lower + i, pixel, true))
        } else
          for (; i < pixel; i += 4) v128.store32_lane(y + i, ofFour(what, upper + i, lower + i, pixel, false), 0)
      }
    }
}

@inline
function isHalved(
  windowHeight: i32,
  windowWidth: i32,
  strideHeight: i32,
  strideWidth: i32,
  top: i32,
  left: i32,
): bool {
  const sides = windowHeight | windowWidth | strideHeight | strideWidth
  return sides == 2 && (windowHeight & windowWidth & strideHeight & strideWidth) == 2 && (top | left) == 0
}

export function maxPool(
  x: usize,
  y: usize,
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
  if (isHalved(windowHeight, windowWidth, strideHeight, strideWidth, top, left))
    return halved(LARGEST, x, y, height, width, <usize>channels << 2, from, to)
  pooled(
    LARGEST, x, y, height, width, channels, outHeight, outWidth, windowHeight, windowWidth, strideHeight, strideWidth, top,
    left, from, to,
  )
}

export function averagePool(
  x: usize,
  y: usize,
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
  if (isHalved(windowHeight, windowWidth, strideHeight, strideWidth, top, left))
    return halved(MEAN, x, y, height, width, <usize>channels << 2, from, to)
  pooled(
    MEAN, x, y, height, width, channels, outHeight, outWidth, windowHeight, windowWidth, strideHeight, strideWidth, top,
    left, from, to,
  )
}

@inline
function spread(dy: usize, upper: usize, lower: usize, pixel: usize, four: bool): void {
  const v = f32x4.mul(channels4(dy, four), f32x4.splat(0.25))
  storeChannels(upper, v, four)
  storeChannels(upper + pixel, v, four)
  storeChannels(lower, v, four)
  storeChannels(lower + pixel, v, four)
}

/** The gradient of means of 2 x 2 windows side by side: each value lies in one window, and is written once. */
function halvedMeanGrad(dy: usize, dx: usize, height: usize, width: usize, pixel: usize, from: usize, to: usize): void {
  const rows = height >> 1
  const columns = width >> 1
  const rowBytes = width * pixel
  dy += from * rows * columns * pixel
  dx += from * height * rowBytes
  for (let b = from; b < to; b++, dx += height * rowBytes) {
    if ((height & 1) != 0) clear(dx + (height - 1) * rowBytes, rowBytes)
    for (let r: usize = 0; r < rows; r++) {
      let upper = dx + 2 * r * rowBytes
      for (let c: usize = 0; c < columns; c++, upper += 2 * pixel, dy += pixel) {
        const lower = upper + rowBytes
        let i: usize = 0
        for (; i + 16 <= pixel; i += 16) spread(dy + i, upper + i, lower + i, pixel, true)
        for (; i < pixel; i += 4) spread(dy + i, upper + i, lower + i, pixel, false)
      }
      if ((width & 1) != 0) {
        clear(upper, pixel)
        clear(upper + rowBytes, pixel)
      }
    }
  }
}

export function averagePoolGrad(
  dy: usize,
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
  const pixel = <usize>channels << 2
  const whole = pixel & ~15
  const imageBytes = <usize>height * <usize>width * pixel
  if (isHalved(windowHeight, windowWidth, strideHeight, strideWidth, top, left))
    return halvedMeanGrad(dy, dx, height, width, pixel, from, to)
  const share = f32x4.splat(1 / <f32>(windowHeight * windowWidth))
  dy += <usize>from * <usize>outHeight * <usize>outWidth * pixel
  for (let b = from; b < to; b++) {
    const image = dx + <usize>b * imageBytes
    clear(image, imageBytes)
    for (let r = 0; r < outHeight; r++) {
      const firstRow = max(0, r * strideHeight - top)
      const endRow = min(height, r * strideHeight - top + windowHeight)
      for (let c = 0; c < outWidth; c++, dy += pixel) {
        const firstColumn = max(0, c * strideWidth - left)
        const endColumn = min(width, c * strideWidth - left + windowWidth)
        for (let i: usize = 0; i < pixel; i += i < whole ? 16 : 4) {
          const four = i < whole
          const v = f32x4.mul(channels4(dy + i, four), share)
          for (let row = firstRow; row < endRow; row++) {
            let at = image + (<usize>row * <usize>width + <usize>firstColumn) * pixel + i
            for (const end = at + <usize>(endColumn - firstColumn) * pixel; at < end; at += pixel)
              storeChannels(at, f32x4.add(channels4(at, four), v), four)
          }
        }
      }
    }
  }
}
