import type { Tensor4D } from '@tensorflow/tfjs-core'
import { defineLayer } from '../layer-type'
import { sides } from '../options'
import { bothSides, windowsOver } from '../windows'

/** The largest of each window, as `nn.MaxPool2d(size, stride, padding)`; a rest that fills no window is left out. */
export const maxPool2d = defineLayer({
  type: 'maxPool2d',
  options: {
    size: sides({ from: 1, to: 65_536, says: 'of the windows' }),
    stride: sides({
      from: 1,
      to: 65_536,
      optional: true,
      says: 'how far apart they are; their size by default',
    }),
    padding: sides({ from: 0, to: 32_768, default: 0, says: 'around the image, of values that are never the largest' }),
  },
  output(place) {
    const { size, padding } = place.options
    const [window, around] = [bothSides(size), bothSides(padding)]
    // As PyTorch has it: a window that lies outside has no largest value.
    if (around[0] * 2 > window[0] || around[1] * 2 > window[1])
      return place.refuse(
        `has a padding of [${around.join(', ')}], which must be at most half of its windows of [${window.join(', ')}]`,
        'padding',
      )
    return [...windowsOver(place, place.options, 'windows'), place.input[2] ?? 0]
  },
  forward({ ops }, { x, options }) {
    const image = x as Tensor4D
    const y = ops.maxPool(image, options)
    return { y, back: (dy) => ({ dx: ops.maxPoolGrad(dy as Tensor4D, image, y, options) }) }
  },
  float64(kit, { x, options }) {
    return { y: kit.maxPool(x, options), back: (dy) => ({ dx: kit.maxPoolGrad(dy, x, options) }) }
  },
  onnx: {
    write({ options: { size, stride = size, padding } }) {
      const windows = { kernel_shape: bothSides(size), strides: bothSides(stride) }
      const [top, left] = bothSides(padding)
      const pads = top + left === 0 ? {} : { pads: [top, left, top, left] }
      return [{ op: 'MaxPool', inputs: ['x'], attributes: { ...windows, ...pads } }]
    },
  },
  keras: {
    write({ size, stride = size, padding }, { own }) {
      const windows = { pool_size: bothSides(size), strides: bothSides(stride) }
      if (bothSides(padding).some((side) => side > 0)) return 'with padding, which Keras does with zeros'
      const config = { name: own, ...windows, padding: 'valid', data_format: 'channels_last' }
      return [{ class_name: 'MaxPooling2D', config }]
    },
  },
})
