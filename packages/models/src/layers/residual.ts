import { defineLayer } from '../layer-type'
import { layerList } from '../options'

/**
 * y = layers(x) + shortcut(x), or + x where there is no shortcut. The modules of `layers` come first in PyTorch's order, those of the
 * shortcut behind them.
 *
 * Source: He et al., "Deep residual learning for image recognition", CVPR 2016.
 */
export const residual = defineLayer({
  type: 'residual',
  options: {
    layers: layerList({ says: 'what is added to the shortcut' }),
    shortcut: layerList({ optional: true, says: 'the other way, where shapes differ: usually a convolution of 1' }),
  },
  parts: ({ layers, shortcut }) => ({ layers, ...(shortcut && { shortcut }) }),
  output({ input, refuse }, { layers = [], shortcut = input } = {}) {
    if (layers.join() !== shortcut.join())
      return refuse(
        `adds [${layers.join(', ')}], which its layers make, to [${shortcut.join(', ')}] ${shortcut === input ? 'that they are given: give it a shortcut that makes the same' : 'of its shortcut'}`,
      )
    return layers
  },
  forward({ tf }, { x, parts = {} }) {
    const made = parts['layers']?.(x)
    const other = parts['shortcut']?.(x)
    if (!made) throw new Error('a residual was run without its layers')
    return {
      y: tf.add(made.y, other?.y ?? x),
      buffers: { ...made.buffers, ...other?.buffers },
      back: (dy, needsInputGradient) => {
        const [ours, theirs] = [made.back(dy, needsInputGradient), other?.back(dy, needsInputGradient)]
        const through = other ? theirs?.dx : dy
        return {
          dx: ours.dx && through && needsInputGradient ? tf.add(ours.dx, through) : undefined,
          gradients: { ...ours.gradients, ...theirs?.gradients },
        }
      },
    }
  },
  float64({ map }, { x, parts = {} }) {
    const made = parts['layers']?.(x)
    const other = parts['shortcut']?.(x)
    if (!made) throw new Error('a residual was run without its layers')
    const sum = (a: typeof x, b: typeof x | undefined) => map(a, (value, i) => value + (b?.data[i] ?? NaN))
    return {
      y: sum(made.y, other?.y ?? x),
      buffers: { ...made.buffers, ...other?.buffers },
      back: (dy) => {
        const [ours, theirs] = [made.back(dy, true), other?.back(dy, true)]
        return {
          dx: ours.dx && sum(ours.dx, other ? theirs?.dx : dy),
          gradients: { ...ours.gradients, ...theirs?.gradients },
        }
      },
    }
  },
  onnx: { write: ({ options: { shortcut } }) => [{ op: 'Add', inputs: ['layers', shortcut ? 'shortcut' : 'x'] }] },
  keras: {
    write: ({ shortcut }, { own }) => [
      { class_name: 'Add', config: { name: own }, takes: ['layers', shortcut ? 'shortcut' : 'x'] },
    ],
  },
})
