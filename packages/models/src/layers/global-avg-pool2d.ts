import { windowsMean } from '../average'
import { defineLayer } from '../layer-type'

/** The mean of each channel, [1, 1, channels], as `nn.AdaptiveAvgPool2d(1)`. */
export const globalAvgPool2d = defineLayer({
  type: 'globalAvgPool2d',
  options: {},
  output({ input, refuse }) {
    const [, , channels = 0] = input
    if (input.length !== 3)
      return refuse(`takes [height, width, channels], the layer before it makes [${input.join(', ')}]`)
    return [1, 1, channels]
  },
  ...windowsMean((_, [height = 1, width = 1]) => ({ size: [height, width], stride: [1, 1] })),
  onnx: { write: () => [{ op: 'GlobalAveragePool', inputs: ['x'] }] },
  keras: {
    write: (_, { own }, { input: [height = 1, width = 1] }) => [
      {
        class_name: 'AveragePooling2D',
        config: {
          ...{ name: own, pool_size: [height, width], strides: [height, width], padding: 'valid' },
          data_format: 'channels_last',
        },
      },
    ],
  },
})
