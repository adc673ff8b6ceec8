// Loop bounds are the sizes that tfjs computes: each `!` on an array is in range.
import type { WindowSizes } from '@digitlab/ops/backend'
import { defineKernel } from './kernel'

/**
 * tfjs's `MaxPoolGrad`, NHWC: the first largest of a window gets its gradient. (`MaxPool` itself is tfjs's own: one of this
 * kind was no faster.)
 */
export const maxPoolGrad = defineKernel('MaxPoolGrad', ({ values, output }, { dy, input: x }, _, info) => {
  const dx = new Float64Array(values<Float32Array>(x).length)
  addToLargest(info, values(x), values(dy), dx)
  return { dx: output(x.shape, new Float32Array(dx)) }
})

const addToLargest = (info: WindowSizes, x: Float32Array, dy: Float32Array, dx: Float64Array): void => {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, padInfo } = info
  let from = 0
  for (let b = 0; b < batchSize; b++)
    for (let r = 0; r < outHeight; r++) {
      const top = r * info.strideHeight - padInfo.top
      const firstRow = Math.max(0, top)
      const endRow = Math.min(inHeight, top + info.filterHeight)
      for (let c = 0; c < outWidth; c++) {
        const left = c * info.strideWidth - padInfo.left
        const firstColumn = Math.max(0, left)
        const endColumn = Math.min(inWidth, left + info.filterWidth)
        for (let i = 0; i < inChannels; i++, from++) {
          let best = -Infinity
          let largest = -1
          for (let row = firstRow; row < endRow; row++) {
            let at = ((b * inHeight + row) * inWidth + firstColumn) * inChannels + i
            for (let column = firstColumn; column < endColumn; column++, at += inChannels) {
              const value = x[at]!
              if (!(value > best)) continue
              best = value
              largest = at
            }
          }
          if (largest >= 0) dx[largest]! += dy[from]!
        }
      }
    }
}
