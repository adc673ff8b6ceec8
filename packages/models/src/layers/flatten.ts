import { defineLayer } from '../layer-type'

/** An image as a row, as `nn.Flatten`. It is free: memory already is in that order. */
export const flatten = defineLayer({
  type: 'flatten',
  options: {},
  reshapes: true,
  output: ({ input }) => [input.reduce((product, size) => product * size, 1)],
  forward({ tf }, { x }) {
    const { shape } = x
    return { y: tf.reshape(x, [shape[0] ?? 0, -1]), back: (dy) => ({ dx: tf.reshape(dy, shape) }) }
  },
  float64(_, { x: { shape, data } }) {
    const batch = shape[0] ?? 0
    return {
      y: { shape: [batch, data.length / batch], data },
      back: (dy) => ({ dx: { shape, data: dy.data } }),
    }
  },
  onnx: { write: () => [{ op: 'Flatten', inputs: ['x'], attributes: { axis: 1 } }] },
  keras: { write: (_, { own }) => [{ class_name: 'Flatten', config: { name: own } }] },
})
