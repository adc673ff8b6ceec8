import type { Tensor4D } from '@tensorflow/tfjs-core'
import type { Array64 } from '../kit'
import { defineLayer } from '../layer-type'
import { integer } from '../options'
import { windowsOf } from '../windows'

/** The mean of each window, without padding, as `nn.AvgPool2d(size, stride)`; a rest that fills no window is left out. */
export const avgPool2d = defineLayer({
  type: 'avgPool2d',
  options: {
    size: integer({ from: 1, to: 65_536, says: 'side of the windows' }),
    stride: integer({
      from: 1,
      to: 65_536,
      optional: true,
      says: 'how far apart they are, as far as their side unless given',
    }),
  },
  output: windowsOf,
  forward({ tf }, { x, options: { size, stride = size } }) {
    const image = x as Tensor4D
    return {
      y: tf.avgPool(image, size, stride, 0, 'floor'),
      back: (dy) => ({ dx: tf.avgPoolGrad(dy as Tensor4D, image, size, stride) }),
    }
  },
  float64({ array64 }, { x, options: { size, stride = size } }) {
    const [batch = 0, height = 0, width = 0, channels = 0] = x.shape
    const side = (length: number) => Math.floor((length - size) / stride) + 1
    const y = array64([batch, side(height), side(width), channels])
    visit(x, y, size, stride, (from, to) => (y.data[to]! += x.data[from]! / size ** 2))
    return {
      y,
      back: (dy) => {
        const dx = array64(x.shape)
        visit(x, y, size, stride, (from, to) => (dx.data[from]! += dy.data[to]! / size ** 2))
        return { dx }
      },
    }
  },
  onnx: {
    write: ({ options: { size, stride = size } }) => [
      { op: 'AveragePool', inputs: ['x'], attributes: { kernel_shape: [size, size], strides: [stride, stride] } },
    ],
  },
  keras: {
    write({ size, stride = size }, { own }) {
      const windows = { pool_size: [size, size], strides: [stride, stride], padding: 'valid' }
      return [{ class_name: 'AveragePooling2D', config: { name: own, ...windows, data_format: 'channels_last' } }]
    },
  },
})

/** Calls `each` with the index of every value of every window in x and of that window's in y; both are in range. */
const visit = (x: Array64, y: Array64, size: number, stride: number, each: (from: number, to: number) => void) => {
  const [, height = 0, width = 0] = x.shape
  const [batch = 0, rows = 0, columns = 0, channels = 0] = y.shape
  for (let b = 0; b < batch; b++)
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++)
        for (let wr = 0; wr < size; wr++)
          for (let wc = 0; wc < size; wc++)
            for (let channel = 0; channel < channels; channel++)
              each(
                ((b * height + r * stride + wr) * width + c * stride + wc) * channels + channel,
                ((b * rows + r) * columns + c) * channels + channel,
              )
}
