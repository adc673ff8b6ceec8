import type { Tensor4D } from '@tensorflow/tfjs-core'
import { defineLayer } from '../layer-type'
import { integer } from '../options'
import { windowsOf } from '../windows'

/** The largest of each window, without padding or overlap, as `nn.MaxPool2d(size)`; a rest that fills no window is left out. */
export const maxPool2d = defineLayer({
  type: 'maxPool2d',
  options: { size: integer({ from: 1, to: 65_536, says: 'side of the windows, and how far apart they are' }) },
  output: windowsOf,
  forward({ ops }, { x, options: { size } }) {
    const image = x as Tensor4D
    const y = ops.maxPool(image, size)
    return { y, back: (dy) => ({ dx: ops.maxPoolGrad(dy as Tensor4D, image, y, size) }) }
  },
  float64(kit, { x, options: { size } }) {
    return { y: kit.maxPool(x, size), back: (dy) => ({ dx: kit.maxPoolGrad(dy, x, size) }) }
  },
  onnx: {
    write: ({ options: { size } }) => [
      { op: 'MaxPool', inputs: ['x'], attributes: { kernel_shape: [size, size], strides: [size, size] } },
    ],
  },
  keras: {
    write({ size }, { own }) {
      const sides = [size, size]
      const config = { name: own, pool_size: sides, strides: sides, padding: 'valid', data_format: 'channels_last' }
      return [{ class_name: 'MaxPooling2D', config }]
    },
  },
})
