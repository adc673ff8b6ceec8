import { windowsMean } from '../average'
import { defineLayer } from '../layer-type'
import { sides } from '../options'
import { bothSides, windowsOver, type Sides } from '../windows'

/** The mean of each window, without padding, as `nn.AvgPool2d(size, stride)`; a rest that fills no window is left out. */
export const avgPool2d = defineLayer({
  type: 'avgPool2d',
  options: {
    size: sides({ from: 1, to: 65_536, says: 'of the windows' }),
    stride: sides({
      from: 1,
      to: 65_536,
      optional: true,
      says: 'how far apart they are; their size by default',
    }),
  },
  output: (place) => [...windowsOver(place, place.options, 'windows'), place.input[2] ?? 0],
  ...windowsMean(({ size, stride = size }: { readonly size: Sides; readonly stride?: Sides }) => ({ size, stride })),
  onnx: {
    write: ({ options: { size, stride = size } }) => [
      { op: 'AveragePool', inputs: ['x'], attributes: { kernel_shape: bothSides(size), strides: bothSides(stride) } },
    ],
  },
  keras: {
    write({ size, stride = size }, { own }) {
      const windows = { pool_size: bothSides(size), strides: bothSides(stride), padding: 'valid' }
      return [{ class_name: 'AveragePooling2D', config: { name: own, ...windows, data_format: 'channels_last' } }]
    },
  },
})
