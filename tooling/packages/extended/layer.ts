// tanh(x) times a factor, as a layer.
import { defineLayer, number } from '@digitlab/models'

export const scaledTanh = defineLayer({
  type: 'scaledTanh',
  options: { scale: number({ above: 0, default: 1 }) },
  output: ({ input }) => input,
  forward({ tf }, { x, options: { scale } }) {
    const tanh = tf.tanh(x)
    return {
      y: tf.mul(tanh, scale),
      back: (dy) => ({ dx: tf.mul(dy, tf.mul(tf.sub(1, tf.square(tanh)), scale)) }),
    }
  },
  float64({ map }, { x, options: { scale } }) {
    const tanh = map(x, Math.tanh)
    return {
      y: map(tanh, (value) => scale * value),
      back: (dy) => ({ dx: map(dy, (value, i) => value * scale * (1 - (tanh.data[i] ?? 0) ** 2)) }),
    }
  },
})
