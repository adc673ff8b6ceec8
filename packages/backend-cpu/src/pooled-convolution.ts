// Loop bounds are the tensors' shapes and the padding around them: each `!` on an array is in range.
import type { TensorInfo } from '@tensorflow/tfjs-core'

/** The sizes of a convolution of stride 1 with 2 x 2 max-pooling behind it. */
export interface Geometry {
  readonly height: number
  readonly width: number
  readonly inputs: number
  readonly outputs: number
  readonly kernelHeight: number
  readonly kernelWidth: number
  readonly padding: number
  /** of the pooled output */
  readonly rows: number
  readonly columns: number
}

export const geometryOf = (x: TensorInfo, filter: TensorInfo, padding: number): Geometry => {
  const [, height = 0, width = 0, inputs = 0] = x.shape
  const [kernelHeight = 0, kernelWidth = 0, , outputs = 0] = filter.shape
  const rows = Math.floor((height + 2 * padding - kernelHeight + 1) / 2)
  const columns = Math.floor((width + 2 * padding - kernelWidth + 1) / 2)
  return { height, width, inputs, outputs, kernelHeight, kernelWidth, padding, rows, columns }
}

/** An image within its padding of zeros, [height + 2 padding, width + 2 padding, inputs], as float64. */
export const padImage = (x: Float32Array, image: number, geometry: Geometry, padded: Float64Array): void => {
  const { height, width, inputs, padding } = geometry
  const line = width * inputs
  const stride = (width + 2 * padding) * inputs
  for (let row = 0; row < height; row++) {
    const from = (image * height + row) * line
    const to = (row + padding) * stride + padding * inputs
    for (let i = 0; i < line; i++) padded[to + i] = x[from + i]!
  }
}
