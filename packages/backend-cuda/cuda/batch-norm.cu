// Batch normalization of x [count, channels], count being whatever is not the channel:
//   y = (x - mean) inverse weight + bias, inverse = 1 / sqrt(variance + epsilon)
//   running = (1 - momentum) running + momentum statistic, of the unbiased variance
//   dWeight = inverse sum dy (x - mean), dBias = sum dy
//   dx = (dy - dBias / count - (x - mean) inverse dWeight / count) inverse weight
//
// A block has `width` channels, fewer than 32; a thread has one of them and a row of every so many, so that a warp reads neighbours. A
// first launch sums up shards of the rows; each block of the second adds up the shards of its channels, in their order, and goes on
// to its share of the rows. Where the rows are one shard, the second launch does both.
//
// x is read once for mean and variance. Eight rows are taken around their own mean in float32; that mean's distance from the channel's first
// value is summed in float64, and so is its square. As the first value is one of the count, it is at most sqrt(count) deviations
// off the mean: count x 2^-53 is lost of the variance at most.
// Check: npx vitest run packages/backend-cuda -t batchNorm
#include "device.cuh"

static constexpr int normThreads = 1024;
static constexpr int normWidth = 32;
static constexpr int rowsAtOnce = 8; // that a thread reads; of the gradient's second launch half as many

/** How a call is divided: src/batch-norm.ts. */
struct Normalized {
  int count, channels;
  int width;
  int shards; // 0 where the sums are not made yet
  int rows;   // of a shard, or of what a block of the second launch makes
};

/** Where a thread works. */
struct NormPlace {
  int channel;
  int column; // of the block's channels
  int row;    // of those that a block reads at once
  int rows;   // how many that are
  bool active;
  long long from, to; // rows of the block
};

DEVICE NormPlace placeOf(const Normalized& of) {
  const int rows = normThreads / of.width;
  const int row = threadIdx.x / of.width;
  const int column = threadIdx.x % of.width;
  const int channel = blockIdx.x * of.width + column;
  const long long from = (long long)blockIdx.y * of.rows;
  const long long to = from + of.rows < of.count ? from + of.rows : of.count;
  return {channel, column, row, rows, row < rows && channel < of.channels, from, to};
}

struct alignas(16) NormSums {
  double first, second;
};

/** What the threads of a channel have, added in a fixed order: with the one of row 0. Each has what is within `rows` rows. */
DEVICE NormSums sumOfThreads(NormSums own, int row, int rows, int width) {
  __shared__ NormSums parts[normThreads];
  parts[threadIdx.x] = own;
  int half = 1;
  while (half < rows) half *= 2;
  for (half /= 2; half > 0; half /= 2) {
    __syncthreads();
    if (row < half && row + half < rows) {
      parts[threadIdx.x].first += parts[threadIdx.x + half * width].first;
      parts[threadIdx.x].second += parts[threadIdx.x + half * width].second;
    }
  }
  return parts[threadIdx.x];
}

/** A thread's part of the sums over the shards. */
DEVICE NormSums sumOfShards(const NormSums* __restrict__ partials, const Normalized& of, const NormPlace& at) {
  NormSums sums = {0.0, 0.0};
  if (!at.active) return sums;
  for (int shard = at.row; shard < of.shards; shard += at.rows) {
    const NormSums part = partials[(long long)shard * of.channels + at.channel];
    sums.first += part.first;
    sums.second += part.second;
  }
  return sums;
}

/** A thread's part of the sums of x - its first value, and of the squares of that. */
DEVICE NormSums sumOfValues(const float* __restrict__ x, const Normalized& of, const NormPlace& at) {
  NormSums sums = {0.0, 0.0};
  if (!at.active) return sums;
  const float* column = x + at.channel;
  const double start = double(column[0]);
  for (long long row = at.from + at.row; row < at.to; row += rowsAtOnce * at.rows) {
    float values[rowsAtOnce];
#pragma unroll
    for (int k = 0; k < rowsAtOnce; k++) {
      const long long wanted = row + k * at.rows;
      values[k] = column[(wanted < at.to ? wanted : row) * of.channels]; // beyond the last row what is not counted
    }
    float total = values[0];
    int number = 1;
#pragma unroll
    for (int k = 1; k < rowsAtOnce; k++)
      if (row + k * at.rows < at.to) {
        total += values[k];
        number = k + 1;
      }
    const float mean = total / float(number);
    float rest = 0.0f, squares = 0.0f;
#pragma unroll
    for (int k = 0; k < rowsAtOnce; k++) {
      const float apart = k < number ? values[k] - mean : 0.0f;
      rest += apart; // what is rounded off the mean
      squares = mulAdd(apart, apart, squares);
    }
    const double off = double(mean) - start;
    const double sum = off * number;
    sums.first += sum + double(rest);
    sums.second += double(squares) + off * (sum + 2.0 * double(rest));
  }
  return sums;
}

/** A thread's part of the sums of dy, and of dy (x - mean). */
DEVICE NormSums sumOfGradients(const float* __restrict__ dy, const float* __restrict__ x, const float* __restrict__ mean,
                               const Normalized& of, const NormPlace& at) {
  NormSums sums = {0.0, 0.0};
  if (!at.active) return sums;
  const float middle = mean[at.channel];
  for (long long row = at.from + at.row; row < at.to; row += rowsAtOnce * at.rows) {
    float gradients[rowsAtOnce], values[rowsAtOnce];
#pragma unroll
    for (int k = 0; k < rowsAtOnce; k++) {
      const long long wanted = row + k * at.rows;
      const long long place = (wanted < at.to ? wanted : row) * of.channels + at.channel;
      gradients[k] = dy[place];
      values[k] = x[place];
    }
    float sum = 0.0f, products = 0.0f;
#pragma unroll
    for (int k = 0; k < rowsAtOnce; k++) {
      const float gradient = row + k * at.rows < at.to ? gradients[k] : 0.0f;
      sum += gradient;
      products = mulAdd(gradient, values[k] - middle, products);
    }
    sums.first += double(sum);
    sums.second += double(products);
  }
  return sums;
}

/** Blocks: (channels / width, shards), rounded up. */
KERNEL __launch_bounds__(normThreads)
batchNormSums(const float* __restrict__ x, NormSums* __restrict__ partials, Normalized of) {
  const NormPlace at = placeOf(of);
  const NormSums sums = sumOfThreads(sumOfValues(x, of, at), at.row, at.rows, of.width);
  if (at.active && at.row == 0) partials[(long long)blockIdx.y * of.channels + at.channel] = sums;
}

/** Blocks: (channels / width, count / rows), rounded up. */
KERNEL __launch_bounds__(normThreads)
batchNorm(const float* __restrict__ x, const NormSums* __restrict__ partials, const float* __restrict__ weight,
          const float* __restrict__ bias, float* runningMean, float* runningVariance, float* batches,
          float* __restrict__ y, float* __restrict__ mean, float* __restrict__ inverse, Normalized of, double momentum,
          double epsilon) {
  __shared__ float means[normWidth], scales[normWidth], shifts[normWidth];
  const NormPlace at = placeOf(of);
  const NormSums own = of.shards > 0 ? sumOfShards(partials, of, at) : sumOfValues(x, of, at);
  const NormSums sums =
      sumOfThreads(own, at.row, of.shards > 0 ? minimum(at.rows, of.shards) : at.rows, of.width);
  if (at.active && at.row == 0) {
    const int c = at.channel;
    const double apart = sums.first / of.count;
    const double middle = double(x[c]) + apart;
    const double squares = sums.second - sums.first * apart;
    const double around = squares < 0.0 ? 0.0 : squares;
    const double deviation = 1.0 / __builtin_sqrt(around / of.count + epsilon);
    const double scale = deviation * weight[c];
    means[at.column] = float(middle);
    scales[at.column] = float(scale);
    shifts[at.column] = float(bias[c] - (middle - double(float(middle))) * scale); // with what the mean was rounded by
    if (blockIdx.y == 0) {
      mean[c] = float(middle);
      inverse[c] = float(deviation);
      runningMean[c] = float((1.0 - momentum) * runningMean[c] + momentum * middle);
      runningVariance[c] = float((1.0 - momentum) * runningVariance[c] + momentum * around / (of.count - 1.0));
      if (c == 0) *batches += 1.0f;
    }
  }
  __syncthreads();
  if (!at.active) return;
  const float middle = means[at.column], scale = scales[at.column], shift = shifts[at.column];
  for (long long row = at.from + at.row; row < at.to; row += rowsAtOnce * at.rows) {
    float values[rowsAtOnce];
#pragma unroll
    for (int k = 0; k < rowsAtOnce; k++) {
      const long long wanted = row + k * at.rows;
      values[k] = x[(wanted < at.to ? wanted : row) * of.channels + at.channel];
    }
#pragma unroll
    for (int k = 0; k < rowsAtOnce; k++) {
      const long long wanted = row + k * at.rows;
      if (wanted < at.to) y[wanted * of.channels + at.channel] = mulAdd(values[k] - middle, scale, shift);
    }
  }
}

/** Blocks: (channels / width, shards), rounded up. */
KERNEL __launch_bounds__(normThreads)
batchNormGradSums(const float* __restrict__ dy, const float* __restrict__ x, const float* __restrict__ mean,
                  NormSums* __restrict__ partials, Normalized of) {
  const NormPlace at = placeOf(of);
  const NormSums sums = sumOfThreads(sumOfGradients(dy, x, mean, of, at), at.row, at.rows, of.width);
  if (at.active && at.row == 0) partials[(long long)blockIdx.y * of.channels + at.channel] = sums;
}

/** Blocks: (channels / width, count / rows), rounded up; (channels / width, 1) where dx is null. */
KERNEL __launch_bounds__(normThreads)
batchNormGrad(const float* __restrict__ dy, const float* __restrict__ x, const NormSums* __restrict__ partials,
              const float* __restrict__ weight, const float* __restrict__ mean, const float* __restrict__ inverse,
              float* __restrict__ dWeight, float* __restrict__ dBias, float* __restrict__ dx, Normalized of) {
  __shared__ float means[normWidth], scales[normWidth], slopes[normWidth], shifts[normWidth];
  const NormPlace at = placeOf(of);
  const NormSums own = of.shards > 0 ? sumOfShards(partials, of, at) : sumOfGradients(dy, x, mean, of, at);
  const NormSums sums =
      sumOfThreads(own, at.row, of.shards > 0 ? minimum(at.rows, of.shards) : at.rows, of.width);
  if (at.active && at.row == 0) {
    const int c = at.channel;
    const double deviation = inverse[c];
    const double slope = sums.second * deviation;
    means[at.column] = mean[c];
    scales[at.column] = float(deviation * weight[c]);
    slopes[at.column] = float(-deviation * slope / of.count);
    shifts[at.column] = float(sums.first / of.count);
    if (blockIdx.y == 0) {
      dWeight[c] = float(slope);
      dBias[c] = float(sums.first);
    }
  }
  if (!dx) return;
  __syncthreads();
  if (!at.active) return;
  const float middle = means[at.column], scale = scales[at.column], slope = slopes[at.column],
              shift = shifts[at.column];
  for (long long row = at.from + at.row; row < at.to; row += rowsAtOnce / 2 * at.rows) {
    float gradients[rowsAtOnce / 2], values[rowsAtOnce / 2];
#pragma unroll
    for (int k = 0; k < rowsAtOnce / 2; k++) {
      const long long wanted = row + k * at.rows;
      const long long place = (wanted < at.to ? wanted : row) * of.channels + at.channel;
      gradients[k] = dy[place];
      values[k] = x[place];
    }
#pragma unroll
    for (int k = 0; k < rowsAtOnce / 2; k++) {
      const long long wanted = row + k * at.rows;
      if (wanted < at.to)
        dx[wanted * of.channels + at.channel] = mulAdd(values[k] - middle, slope, gradients[k] - shift) * scale;
    }
  }
}

#ifdef REFERENCE
KERNEL batchNormReference(const float* x, const NormSums*, const float* weight, const float* bias, float* runningMean,
                          float* runningVariance, float* batches, float* y, float* mean, float* inverse, Normalized of,
                          double momentum, double epsilon) {
  for (int c = 0; c < of.channels; c++) {
    double middle = 0, squares = 0;
    for (int i = 0; i < of.count; i++) middle += double(x[i * of.channels + c]) / of.count;
    for (int i = 0; i < of.count; i++) squares += (x[i * of.channels + c] - middle) * (x[i * of.channels + c] - middle);
    const double deviation = 1 / __builtin_sqrt(squares / of.count + epsilon);
    for (int i = 0; i < of.count; i++)
      y[i * of.channels + c] = float((x[i * of.channels + c] - middle) * deviation * weight[c] + bias[c]);
    mean[c] = float(middle);
    inverse[c] = float(deviation);
    runningMean[c] = float((1 - momentum) * runningMean[c] + momentum * middle);
    runningVariance[c] = float((1 - momentum) * runningVariance[c] + momentum * squares / (of.count - 1));
  }
  *batches += 1;
}

KERNEL batchNormGradReference(const float* dy, const float* x, const NormSums*, const float* weight, const float* mean,
                              const float* inverse, float* dWeight, float* dBias, float* dx, Normalized of) {
  for (int c = 0; c < of.channels; c++) {
    double sum = 0, products = 0;
    for (int i = 0; i < of.count; i++) {
      sum += dy[i * of.channels + c];
      products += double(dy[i * of.channels + c]) * (double(x[i * of.channels + c]) - mean[c]) * inverse[c];
    }
    dWeight[c] = float(products);
    dBias[c] = float(sum);
    for (int i = 0; dx && i < of.count; i++) {
      const double normalized = (double(x[i * of.channels + c]) - mean[c]) * inverse[c];
      dx[i * of.channels + c] = float((dy[i * of.channels + c] - sum / of.count - normalized * products / of.count) *
                                      inverse[c] * weight[c]);
    }
  }
}
#endif
