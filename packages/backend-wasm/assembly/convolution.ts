// The general convolution y = x * filter and its two gradients, NHWC and HWIO, for any stride, padding and dilation:
//   y [pixels, out] = patches [pixels, taps] filter [taps, out]
//   dFilter = patches^T dy
//   dx = scatter(dy filter^T)
// where row p of `patches` holds the taps = kernel x kernel x in inputs of output pixel p. It is made some hundred
// pixels at a time, so that scratch memory stays small whatever the image's size. Of a convolution in groups one group is computed at a
// time: its channels and its filters lie apart by those of the others.
// Check: vitest run packages/backend-wasm. Time: pnpm --filter @digitlab/backend-wasm time.
import { clear, copy } from './simd'
import { matMul, matMulScratch } from './mat-mul'

/** Floats of `patches` at a time: 512 KiB, half an L2. */
const CHUNK: usize = 128 * 1024

@inline
function chunkPixels(taps: usize): usize {
  const pixels = CHUNK / taps
  return pixels < 6 ? 6 : pixels
}

export function convolutionScratch(taps: f64): f64 {
  return max<f64>(6 * taps, <f64>CHUNK) * 4 + <f64>matMulScratch() + 64
}

/** Copies between the images and the rows of `patches` for output pixels first .. last - 1: there, or added back. */
function patchRows(
  first: usize,
  last: usize,
  x: usize,
  height: usize,
  width: usize,
  inputs: usize,
  outHeight: usize,
  outWidth: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  strideHeight: usize,
  strideWidth: usize,
  dilationHeight: usize,
  dilationWidth: usize,
  top: isize,
  left: isize,
  patches: usize,
  back: bool,
  pixel: usize,
): void {
  const inBytes = inputs * 4
  for (let p = first; p < last; p++) {
    const c = p % outWidth
    const r = (p / outWidth) % outHeight
    const image = x + (p / outWidth / outHeight) * height * width * pixel
    for (let kr: usize = 0; kr < kernelHeight; kr++) {
      const row = <isize>(r * strideHeight + kr * dilationHeight) - top
      for (let kc: usize = 0; kc < kernelWidth; kc++, patches += inBytes) {
        const column = <isize>(c * strideWidth + kc * dilationWidth) - left
        const inside = row >= 0 && row < <isize>height && column >= 0 && column < <isize>width
        if (!back) {
          if (inside) copy(patches, image + (<usize>row * width + <usize>column) * pixel, inBytes)
          else clear(patches, inBytes)
        } else if (inside) {
          const to = image + (<usize>row * width + <usize>column) * pixel
          let i: usize = 0
          for (; i + 16 <= inBytes; i += 16) v128.store(to + i, f32x4.add(v128.load(to + i), v128.load(patches + i)))
          for (; i < inBytes; i += 4) store<f32>(to + i, load<f32>(to + i) + load<f32>(patches + i))
        }
      }
    }
  }
}

/**
 * @param what 0: y from x and filter; 1: filter's gradient from x and y's; 2: x's gradient from y's and filter
 * @param x [batch, height, width, channels], of which `inputs` count; its gradient is added to what is there
 * @param y [batch, outHeight, outWidth, filters], or its gradient, of which `outputs` count
 */
export function convolution(
  what: i32,
  x: usize,
  filter: usize,
  y: usize,
  batch: usize,
  height: usize,
  width: usize,
  inputs: usize,
  outHeight: usize,
  outWidth: usize,
  outputs: usize,
  kernelHeight: usize,
  kernelWidth: usize,
  strideHeight: usize,
  strideWidth: usize,
  dilationHeight: usize,
  dilationWidth: usize,
  top: isize,
  left: isize,
  channels: usize,
  filters: usize,
  scratch: usize,
): void {
  const taps = kernelHeight * kernelWidth * inputs
  const pixels = batch * outHeight * outWidth
  const step = chunkPixels(taps)
  const patches = scratch
  const room = patches + step * taps * 4
  for (let first: usize = 0; first < pixels; first += step) {
    const last = first + step < pixels ? first + step : pixels
    const count = last - first
    const rows = y + first * filters * 4
    if (what == 2) matMul(count, taps, outputs, rows, filters, 1, filter, 1, filters, patches, taps, false, room)
    patchRows(
      first, last, x, height, width, inputs, outHeight, outWidth, kernelHeight, kernelWidth, strideHeight, strideWidth,
      dilationHeight, dilationWidth, top, left, patches, what == 2, channels * 4,
    )
    if (what == 0) matMul(count, outputs, taps, patches, taps, 1, filter, filters, 1, rows, filters, false, room)
    if (what == 1) matMul(taps, outputs, count, patches, 1, taps, rows, filters, 1, filter, filters, first > 0, room)
  }
}
