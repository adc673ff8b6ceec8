// Loop bounds are the sizes that tfjs computes: each `!` on an array is in range.
import { backend_util, util } from '@tensorflow/tfjs-core'
import { defineKernel } from './kernel'

interface PoolAttributes {
  readonly filterSize: [number, number] | number
  readonly strides: [number, number] | number
  readonly pad: Parameters<typeof backend_util.computePool2DInfo>[4]
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

/**
 * tfjs's `MaxPoolGrad`, NHWC: the first largest of a window gets its gradient. (`MaxPool` itself is tfjs's own: one of this
 * kind was no faster.)
 */
export const maxPoolGrad = defineKernel(
  'MaxPoolGrad',
  ['dy', 'input'],
  ({ values, output }, [dy, x], attributes: PoolAttributes) => {
    if (x.dtype !== 'float32' || dy.dtype !== 'float32') return undefined
    const { filterSize, strides, pad, dimRoundingMode } = attributes
    const shape = x.shape as [number, number, number, number]
    const info = backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode)
    const dx = new Float64Array(util.sizeFromShape(shape))
    addToLargest(info, values(x), values(dy), dx)
    return output(shape, new Float32Array(dx))
  },
)

const addToLargest = (info: backend_util.Conv2DInfo, x: Float32Array, dy: Float32Array, dx: Float64Array): void => {
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
