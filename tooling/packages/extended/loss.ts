// The mean square of the distance to 1 at the label and 0 elsewhere.
import { defineLoss } from '@digitlab/train'

const target = (c: number, label: number | undefined) => (c === label ? 1 : 0)

export const meanSquares = defineLoss({
  name: 'meanSquares',
  options: {},
  loss({ tf }, { logits, labels, scale }) {
    const [, classes] = logits.shape
    const away = tf.sub(logits, tf.oneHot(labels, classes))
    return { loss: tf.mul(tf.sum(tf.square(away)), scale / classes), dLogits: tf.mul(away, (2 * scale) / classes) }
  },
  loss64({ map }, { logits, labels, scale }) {
    const [, classes = 1] = logits.shape
    const away = map(logits, (value, i) => value - target(i % classes, labels[Math.floor(i / classes)]))
    return {
      loss: away.data.reduce((sum, d) => sum + (scale / classes) * d * d, 0),
      dLogits: map(away, (d) => (2 * scale * d) / classes),
    }
  },
  ofImage: (logits, label) =>
    Array.from(logits).reduce((sum, logit, c) => sum + (logit - target(c, label)) ** 2, 0) / logits.length,
})
