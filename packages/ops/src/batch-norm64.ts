// Batch normalization in float64, by plain loops over [values of a channel, channels]. Loop bounds are the shapes: each `!` is in range.
import type { Array64 } from './float64'

/** Mean, and the mean of the squared distances from it, of each channel. */
const statistics = (x: Array64, channels: number) => {
  const count = x.data.length / channels
  const [mean, variance] = [new Float64Array(channels), new Float64Array(channels)]
  x.data.forEach((value, i) => (mean[i % channels]! += value / count))
  x.data.forEach((value, i) => (variance[i % channels]! += (value - mean[i % channels]!) ** 2 / count))
  return { count, mean, variance }
}

/** y = (x - mean) / sqrt(variance + epsilon) weight + bias, with the statistics of the batch, in which the channels come last. */
export const batchNorm = (x: Array64, weight: Array64, bias: Array64, epsilon: number) => {
  const channels = weight.data.length
  const { count, mean, variance } = statistics(x, channels)
  const y = x.data.map(
    (value, i) =>
      ((value - mean[i % channels]!) / Math.sqrt(variance[i % channels]! + epsilon)) * weight.data[i % channels]! +
      bias.data[i % channels]!,
  )
  return { y: { shape: x.shape, data: y }, count, mean, variance }
}

/** The gradient of {@link batchNorm}, through the statistics as well. */
export const batchNormGrad = (dy: Array64, x: Array64, weight: Array64, epsilon: number) => {
  const channels = weight.data.length
  const { count, mean, variance } = statistics(x, channels)
  const scale = variance.map((value) => 1 / Math.sqrt(value + epsilon))
  const normalized = x.data.map((value, i) => (value - mean[i % channels]!) * scale[i % channels]!)
  const [dWeight, dBias] = [new Float64Array(channels), new Float64Array(channels)]
  dy.data.forEach((value, i) => {
    dWeight[i % channels]! += value * normalized[i]!
    dBias[i % channels]! += value
  })
  const dx = dy.data.map(
    (value, i) =>
      (value - dBias[i % channels]! / count - (normalized[i]! * dWeight[i % channels]!) / count) *
      scale[i % channels]! *
      weight.data[i % channels]!,
  )
  return {
    dx: { shape: x.shape, data: dx },
    dWeight: { shape: weight.shape, data: dWeight },
    dBias: { shape: weight.shape, data: dBias },
  }
}
