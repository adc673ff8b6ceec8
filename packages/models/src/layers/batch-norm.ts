import type { Tensor1D } from '@tensorflow/tfjs-core'
import { constant } from '../initial-values'
import { defineLayer } from '../layer-type'
import { layerName, number } from '../options'
import { featureLayout } from '../tensor-layout'

/**
 * y = (x - mean) / sqrt(variance + epsilon) weight + bias for each channel of an image, as `nn.BatchNorm2d`, or each feature of a row, as
 * `nn.BatchNorm1d`: in training with the statistics of the batch, in use with running ones.
 *
 * Source: Ioffe and Szegedy, "Batch normalization", ICML 2015.
 */
export const batchNorm = defineLayer({
  type: 'batchNorm',
  options: {
    name: layerName(),
    momentum: number({ default: 0.1, says: "of the batch's statistics in the running ones" }),
    epsilon: number({ above: 0, default: 1e-5, says: 'added to the variance' }),
  },
  output: ({ input }) => input,
  leastBatch: ({ input }) => (input.slice(0, -1).reduce((product, side) => product * side, 1) === 1 ? 2 : 1),
  weights({ input, flattened }) {
    const [features, layout] = perChannel(input, flattened)
    return {
      weight: { shape: [features], initial: constant(1), layout },
      bias: { shape: [features], initial: constant(0), layout },
    }
  },
  buffers({ input, flattened }) {
    const [features, layout] = perChannel(input, flattened)
    return {
      running_mean: { shape: [features], initial: constant(0), layout },
      running_var: { shape: [features], initial: constant(1), layout },
      num_batches_tracked: { shape: [], initial: constant(0), dtype: 'int64' as const },
    }
  },
  forward({ ops, tf }, { x, options, weights, buffers, mode }) {
    const [weight, bias] = [weights.weight as Tensor1D, weights.bias as Tensor1D]
    const [mean, variance] = [buffers.running_mean as Tensor1D, buffers.running_var as Tensor1D]
    if (mode === 'evaluation') {
      const scale = tf.div(weight, tf.sqrt(tf.add(variance, options.epsilon))) // [channels]
      const y = tf.add(tf.mul(tf.sub(x, mean), scale), bias)
      return {
        y,
        back: (dy) => {
          const axes = Array.from({ length: x.shape.length - 1 }, (_, axis) => axis)
          const normalized = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, options.epsilon)))
          const gradients = { weight: tf.sum(tf.mul(dy, normalized), axes), bias: tf.sum(dy, axes) }
          return { dx: tf.mul(dy, scale), gradients }
        },
      }
    }
    const batches = buffers.num_batches_tracked
    const made = ops.batchNorm(x, weight, bias, { mean, variance, batches }, options)
    const { running } = made
    return {
      y: made.y,
      ...(running && {
        buffers: {
          ...{ running_mean: running.mean, running_var: running.variance, num_batches_tracked: running.batches },
        },
      }),
      back: (dy, needsInputGradient) => {
        const { dx, dWeight, dBias } = ops.batchNormGrad(dy, x, weight, made, needsInputGradient)
        return { dx, gradients: { weight: dWeight, bias: dBias } }
      },
    }
  },
  float64(kit, { x, options: { momentum, epsilon }, weights: { weight, bias }, buffers, mode }) {
    const { running_mean: mean, running_var: variance, num_batches_tracked: batches } = buffers
    if (mode === 'evaluation') {
      const of = ({ data }: typeof mean, i: number) => data[i % data.length] as number // one a channel
      const normalized = kit.map(x, (value, i) => (value - of(mean, i)) / Math.sqrt(of(variance, i) + epsilon))
      return {
        y: kit.map(normalized, (value, i) => value * of(weight, i) + of(bias, i)),
        back: (dy) => {
          const [dWeight, dBias] = [kit.array64(weight.shape), kit.array64(bias.shape)]
          dy.data.forEach((value, i) => {
            dWeight.data[i % dWeight.data.length]! += value * (normalized.data[i] as number)
            dBias.data[i % dBias.data.length]! += value
          })
          const dx = kit.map(dy, (value, i) => (value * of(weight, i)) / Math.sqrt(of(variance, i) + epsilon))
          return { dx, gradients: { weight: dWeight, bias: dBias } }
        },
      }
    }
    const made = kit.batchNorm(x, weight, bias, epsilon)
    const moved = (from: typeof mean, to: Float64Array, factor: number) =>
      kit.map(from, (value, i) => (1 - momentum) * value + momentum * factor * (to[i] as number))
    return {
      y: made.y,
      buffers: {
        running_mean: moved(mean, made.mean, 1),
        running_var: moved(variance, made.variance, made.count / (made.count - 1)),
        num_batches_tracked: kit.map(batches, (value) => value + 1),
      },
      back: (dy) => {
        const { dx, dWeight, dBias } = kit.batchNormGrad(dy, x, weight, epsilon)
        return { dx, gradients: { weight: dWeight, bias: dBias } }
      },
    }
  },
  onnx: {
    write: ({ options: { epsilon } }) => [
      {
        op: 'BatchNormalization',
        inputs: ['x', 'weight', 'bias', 'running_mean', 'running_var'],
        attributes: { epsilon: { float: epsilon } },
      },
    ],
  },
  keras: {
    write: ({ momentum, epsilon }, { own }) => [
      { class_name: 'BatchNormalization', config: { name: own, axis: -1, momentum: 1 - momentum, epsilon } },
    ],
    arrays: { weight: 'gamma', bias: 'beta', running_mean: 'moving_mean', running_var: 'moving_variance' },
  },
})

/** How many there are, and where each stands. */
const perChannel = (
  input: readonly number[],
  flattened: readonly [height: number, width: number, channels: number] | undefined,
) => {
  const features = input.at(-1) ?? 0
  return [features, featureLayout(features, flattened)] as const
}
