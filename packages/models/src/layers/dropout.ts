import { bernoulli } from '@digitlab/random'
import { defineLayer } from '../layer-type'
import { number } from '../options'

/**
 * Sets each value to zero with probability p and multiplies the others by 1 / (1 - p), as `nn.Dropout`: with its draws, to the bit. In use
 * it does nothing.
 */
export const dropout = defineLayer({
  type: 'dropout',
  options: { p: number({ from: 0, below: 1, default: 0.5, says: 'of each value to be dropped' }) },
  draws: true,
  output: ({ input }) => input,
  forward({ ops, tf }, { x, options: { p }, mode, generator, flattened }) {
    // As in PyTorch, where nothing is dropped nothing is drawn.
    if (mode === 'evaluation' || p === 0 || !generator) return { y: x, back: (dy) => ({ dx: dy }) }
    const { y, mask } = ops.dropout(x, p, generator, channelsOf(x.shape, flattened))
    return { y, back: (dy) => ({ dx: tf.mul(dy, mask) }) }
  },
  float64({ map }, { x, options: { p }, mode, generator, flattened }) {
    if (mode === 'evaluation' || p === 0 || !generator) return { y: x, back: (dy) => ({ dx: dy }) }
    const channels = channelsOf(x.shape, flattened)
    const image = x.shape.slice(1).reduce((product, side) => product * side, 1)
    const drawn = bernoulli(generator, x.data.length, 1 - p)
    /** Of a value here, in the order in which PyTorch draws: channel, height, width. */
    const place = (i: number) => {
      const [first, rest] = [Math.floor(i / image) * image, i % image]
      return first + (rest % channels) * (image / channels) + Math.floor(rest / channels)
    }
    const masked = (values: typeof x) => map(values, (value, i) => (drawn[place(i)] === 1 ? value / (1 - p) : 0))
    return { y: masked(x), back: (dy) => ({ dx: masked(dy) }) }
  },
  onnx: { write: () => [{ op: 'Identity', inputs: ['x'] }] },
  keras: { write: ({ p }, { own }) => [{ class_name: 'Dropout', config: { name: own, rate: p } }] },
})

/** How many of an image's values lie side by side here and apart in PyTorch. */
const channelsOf = (
  shape: readonly number[],
  flattened: readonly [height: number, width: number, channels: number] | undefined,
): number => flattened?.[2] ?? (shape.length === 4 ? (shape[3] ?? 1) : 1)
