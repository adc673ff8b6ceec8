// Loop bounds are the tensors' shapes and the padding around them: each `!` on an array is in range.
import { defineKernel } from './kernel'
import { addScaledRuns, asFloat64, integers, scratch } from './matrix-product'
import { padImage, type Geometry } from './pooled-convolution'

/**
 * The gradient: a winner adds dy times its patch to its channel's filter, and dy times the filter to its patch of dx. Both
 * are gathered rather than scattered: a channel's filter from the patches of its winners, a pixel of dx from the winners
 * whose patches it lies in, so that sums stay in registers.
 */
export const convReluPoolGrad = defineKernel(
  'DigitlabConvReluPoolGrad',
  ({ values, output }, { dy, x, filter, winners }, { needsInputGradient }, geometry) => {
    const { batch, height, width, inputs, outputs, kernelHeight, kernelWidth, padding, rows, columns } = geometry
    const taps = kernelHeight * kernelWidth * inputs
    const padded = scratch('conv padded', (height + 2 * padding) * (width + 2 * padding) * inputs).fill(0)
    const dFilter = scratch('conv df', outputs * taps).fill(0) // [outputs, taps]
    const dBias = scratch('conv db', outputs).fill(0)
    const passed: Passed = {
      dy: values<Float32Array>(dy),
      winners: values<Int32Array>(winners),
      windows: rows * columns,
    }
    const dx = new Float32Array(needsInputGradient ? batch * height * width * inputs : 0)
    const taken = scratch('conv filter', outputs * taps) // [outputs, taps]
    asFloat64(values(filter), 0, outputs, taps, true, taken)
    for (let image = 0; image < batch; image++) {
      padImage(values(x), image, geometry, padded)
      addFilterGradient(geometry, passed, image, padded, dFilter, dBias)
      if (needsInputGradient) setInputGradient(geometry, passed, image, taken, dx)
    }
    const dFilterValues = new Float32Array(outputs * taps)
    for (let o = 0; o < outputs; o++)
      for (let t = 0; t < taps; t++) dFilterValues[t * outputs + o] = dFilter[o * taps + t]!
    return {
      dFilter: output(filter.shape, dFilterValues),
      dBias: output([outputs], new Float32Array(dBias)),
      dx: needsInputGradient ? output(x.shape, dx) : undefined,
    }
  },
)

/** What comes back to the windows: a gradient for each channel, and which of the four it goes to. */
interface Passed {
  readonly dy: Float32Array
  readonly winners: Int32Array
  /** of an image */
  readonly windows: number
}

/** dFilter[o] += the sum over o's winners of dy times the winner's patch, one run of memory a row of the kernel. */
const addFilterGradient = (
  { width, inputs, outputs, kernelHeight, kernelWidth, padding, columns }: Geometry,
  { dy, winners, windows }: Passed,
  image: number,
  padded: Float64Array,
  dFilter: Float64Array,
  dBias: Float64Array,
): void => {
  const stride = (width + 2 * padding) * inputs
  const line = kernelWidth * inputs
  const corners = integers('conv corners', windows)
  const factors = scratch('conv factors', windows)
  for (let o = 0; o < outputs; o++) {
    let count = 0
    let total = 0
    for (let window = 0, at = image * windows * outputs + o; window < windows; window++, at += outputs) {
      const winner = winners[at]!
      const g = dy[at]!
      if (winner < 0 || g === 0) continue
      total += g
      const row = 2 * Math.floor(window / columns) + ((winner >> 1) & 1) // of two bits, whatever it is
      const column = 2 * (window % columns) + (winner & 1)
      corners[count] = row * stride + column * inputs
      factors[count++] = g
    }
    dBias[o]! += total
    for (let kr = 0; kr < kernelHeight; kr++) {
      addScaledRuns(padded, corners, factors, count, dFilter, (o * kernelHeight + kr) * line, line)
      for (let n = 0; n < count; n++) corners[n]! += stride
    }
  }
}

/** dx[pixel] = the sum over the winners whose patch holds the pixel of dy times the filter's taps for it. */
const setInputGradient = (
  { height, width, inputs, outputs, kernelHeight, kernelWidth, padding, rows, columns }: Geometry,
  passed: Passed,
  image: number,
  filter: Float64Array,
  dx: Float32Array,
): void => {
  const taps = kernelHeight * kernelWidth * inputs
  const { ends, filters, gradients } = byPosition(passed, image, outputs, taps, rows, columns)
  const most = Math.min(kernelHeight * kernelWidth * outputs, gradients.length)
  const starts = integers('conv starts', most)
  const factors = scratch('conv dx factors', most)
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      let count = 0
      for (let kr = 0; kr < kernelHeight; kr++) {
        const r = row + padding - kr
        if (r < 0 || r >= 2 * rows) continue
        for (let kc = 0; kc < kernelWidth; kc++) {
          const c = column + padding - kc
          if (c < 0 || c >= 2 * columns) continue
          const position = r * 2 * columns + c
          const tap = (kr * kernelWidth + kc) * inputs
          for (let n = ends[position]!, end = ends[position + 1]!; n < end; n++) {
            starts[count] = filters[n]! + tap
            factors[count++] = gradients[n]!
          }
        }
      }
      addScaledRuns(filter, starts, factors, count, dx, ((image * height + row) * width + column) * inputs, inputs)
    }
}

/**
 * The winners of an image, position by position of the convolution: position p's are ends[p] .. ends[p + 1] - 1, each the
 * start of its channel's filter and its gradient.
 */
const byPosition = (
  { dy, winners, windows }: Passed,
  image: number,
  outputs: number,
  taps: number,
  rows: number,
  columns: number,
): { ends: Int32Array; filters: Int32Array; gradients: Float64Array } => {
  const ends = integers('conv ends', 4 * windows + 1)
  const filters = integers('conv filters', windows * outputs)
  const gradients = scratch('conv gradients', windows * outputs)
  let count = 0
  let position = 0
  for (let r = 0; r < 2 * rows; r++)
    for (let c = 0; c < 2 * columns; c++, position++) {
      const quadrant = 2 * (r & 1) + (c & 1)
      const from = (image * windows + (r >> 1) * columns + (c >> 1)) * outputs
      ends[position] = count
      for (let o = 0; o < outputs; o++) {
        if (winners[from + o] !== quadrant) continue
        filters[count] = o * taps
        gradients[count++] = dy[from + o]!
      }
    }
  ends[position] = count
  return { ends, filters, gradients }
}
