// Loop bounds are the tensors' shapes and the padding around them: each `!` on an array is in range.
import type { ConvReluPoolSizes } from '@digitlab/ops/backend'

/** The sizes of a convolution of stride 1 with 2 x 2 max-pooling behind it. */
export type Geometry = ConvReluPoolSizes

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
