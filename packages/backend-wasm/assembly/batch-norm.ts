// Batch normalization of x [rows, channels], rows being whatever is not the channel:
//   y = (x - mean) inverse weight + bias, inverse = 1 / sqrt(variance + epsilon)
//   running = (1 - momentum) running + momentum statistic, of the unbiased variance
//   dWeight = inverse sum dy (x - mean), dBias = sum dy
//   dx = (dy - dBias / rows - (x - mean) inverse dWeight / rows) inverse weight
// The sums over rows are those of column-sums.ts; y and dx for rows from .. to - 1.
// Check: vitest run packages/backend-wasm -t batchNorm. Time: pnpm --filter @digitlab/backend-wasm time.
import { totalOf } from './column-sums'
import { fma } from './simd'

/** Bytes of scratch memory that one range of rows needs. */
export function batchNormRoom(channels: f64): f64 {
  return channels * 12 + 64
}

/**
 * The means, for channels from .. to - 1.
 *
 * @param partials the sums of x, as `columnPartials` makes them
 */
export function batchNormMeans(
  partials: usize,
  shards: usize,
  rows: usize,
  channels: usize,
  mean: usize,
  runningMean: usize,
  momentum: f64,
  _room: usize,
  from: usize,
  to: usize,
): void {
  for (let c = from; c < to; c++) {
    const value = totalOf(partials, shards, channels, c) / <f64>rows
    const at = runningMean + c * 4
    store<f32>(mean + c * 4, <f32>value)
    store<f32>(at, <f32>((1 - momentum) * <f64>load<f32>(at) + momentum * value))
  }
}

/**
 * What x - mean is multiplied by, for channels from .. to - 1.
 *
 * @param partials the sums of (x - mean)^2
 */
export function batchNormDeviations(
  partials: usize,
  shards: usize,
  rows: usize,
  channels: usize,
  inverse: usize,
  runningVariance: usize,
  momentum: f64,
  epsilon: f64,
  _room: usize,
  from: usize,
  to: usize,
): void {
  for (let c = from; c < to; c++) {
    const sum = totalOf(partials, shards, channels, c)
    const at = runningVariance + c * 4
    store<f32>(inverse + c * 4, <f32>(1 / sqrt<f64>(sum / <f64>rows + epsilon)))
    store<f32>(at, <f32>((1 - momentum) * <f64>load<f32>(at) + (momentum * sum) / <f64>(rows - 1)))
  }
}

/** One more batch has been seen. */
export function countBatch(batches: usize): void {
  store<f32>(batches, load<f32>(batches) + 1)
}

export function batchNormValues(
  x: usize,
  y: usize,
  weight: usize,
  bias: usize,
  mean: usize,
  inverse: usize,
  channels: usize,
  scratch: usize,
  from: usize,
  to: usize,
): void {
  const shifts = scratch + channels * 4
  for (let c: usize = 0; c < channels * 4; c += 4) {
    const scale = load<f32>(inverse + c) * load<f32>(weight + c)
    store<f32>(scratch + c, scale)
    store<f32>(shifts + c, load<f32>(bias + c) - load<f32>(mean + c) * scale)
  }
  const rowBytes = channels * 4
  x += from * rowBytes
  const end = y + to * rowBytes
  for (y += from * rowBytes; y < end; y += rowBytes, x += rowBytes) {
    let c: usize = 0
    for (; c + 16 <= rowBytes; c += 16)
      v128.store(y + c, fma(v128.load(x + c), v128.load(scratch + c), v128.load(shifts + c)))
    for (; c < rowBytes; c += 4) {
      const v = fma(v128.load32_splat(x + c), v128.load32_splat(scratch + c), v128.load32_splat(shifts + c))
      v128.store32_lane(y + c, v, 0)
    }
  }
}

/**
 * dWeight and dBias, for channels from .. to - 1.
 *
 * @param partials the sums of dy (x - mean), and of dy
 */
export function batchNormSums(
  partials: usize,
  shards: usize,
  channels: usize,
  inverse: usize,
  dWeight: usize,
  dBias: usize,
  _room: usize,
  from: usize,
  to: usize,
): void {
  for (let c = from; c < to; c++) {
    const products = totalOf(partials, shards, channels, c)
    store<f32>(dWeight + c * 4, <f32>(products * <f64>load<f32>(inverse + c * 4)))
    store<f32>(dBias + c * 4, <f32>totalOf(partials + channels * 8, shards, channels, c))
  }
}

export function batchNormGrad(
  dy: usize,
  x: usize,
  dx: usize,
  weight: usize,
  mean: usize,
  inverse: usize,
  dWeight: usize,
  dBias: usize,
  rows: usize,
  channels: usize,
  scratch: usize,
  from: usize,
  to: usize,
): void {
  const means = scratch + channels * 4
  const slopes = means + channels * 4
  for (let c: usize = 0; c < channels * 4; c += 4) {
    const deviation = <f64>load<f32>(inverse + c)
    store<f32>(scratch + c, <f32>(deviation * <f64>load<f32>(weight + c)))
    store<f32>(means + c, <f32>(<f64>load<f32>(dBias + c) / <f64>rows))
    store<f32>(slopes + c, <f32>((-deviation * <f64>load<f32>(dWeight + c)) / <f64>rows))
  }
  const rowBytes = channels * 4
  x += from * rowBytes
  dy += from * rowBytes
  const end = dx + to * rowBytes
  for (dx += from * rowBytes; dx < end; dx += rowBytes, x += rowBytes, dy += rowBytes) {
    let c: usize = 0
    for (; c + 16 <= rowBytes; c += 16) {
      const centered = f32x4.sub(v128.load(x + c), v128.load(mean + c))
      const moved = f32x4.sub(v128.load(dy + c), v128.load(means + c))
      v128.store(dx + c, f32x4.mul(fma(centered, v128.load(slopes + c), moved), v128.load(scratch + c)))
    }
    for (; c < rowBytes; c += 4) {
      const centered = f32x4.sub(v128.load32_splat(x + c), v128.load32_splat(mean + c))
      const moved = f32x4.sub(v128.load32_splat(dy + c), v128.load32_splat(means + c))
      const value = f32x4.mul(fma(centered, v128.load32_splat(slopes + c), moved), v128.load32_splat(scratch + c))
      v128.store32_lane(dx + c, value, 0)
    }
  }
}
