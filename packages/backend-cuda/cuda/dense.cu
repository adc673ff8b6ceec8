// y = activation(x W + b), x [batch, in], W [in, out], and its gradient: with dz = dy where the activation passes it,
// dW = x^T dz, db = sum of dz over the batch, dx = dz W^T.
//
// Forward, the sum over the inputs is what there is most of: it is split over the threads of a block, and the parts are added
// in a fixed order. Few outputs (denseNarrow): a block for each image, each thread keeps sums of all outputs. Many (denseWide): a
// block for 4 images x 32 outputs, each of its 8 warps takes an eighth of the inputs, a lane is an output. Backward, one launch
// makes all three gradients; which one a block works at follows from its number.
// Check: npx vitest run packages/backend-cuda -t dense
#include "tile.cuh"

static constexpr int narrowOutputs = 16;
static constexpr int denseThreads = 256;
static constexpr int denseWarps = denseThreads / 32;

DEVICE float activated(float value, int relu) { return relu && value <= 0.0f ? 0.0f : value; }

#ifdef TENSOR_CORES
/** Blocks: (batch / 32, outputs / 32), rounded up. */
KERNEL __launch_bounds__(tileThreads)
denseWideTensor(const float* __restrict__ x, const float* __restrict__ weight, const float* __restrict__ bias,
                float* __restrict__ y, int batch, int inputs, int outputs, int relu) {
  tileProduct<false, true>(
      tileSide * blockIdx.x, tileSide * blockIdx.y, inputs,
      [=](int image, int input) { return image < batch && input < inputs ? x[(long long)image * inputs + input] : 0.0f; },
      [=](int input, int output) {
        return input < inputs && output < outputs ? weight[input * outputs + output] : 0.0f;
      },
      [=](int image, int output, float value) {
        if (image < batch && output < outputs) y[image * outputs + output] = activated(value + bias[output], relu);
      });
}
#else
/** One block for each image; outputs <= 16. */
KERNEL __launch_bounds__(denseThreads)
denseNarrow(const float* __restrict__ x, const float* __restrict__ weight, const float* __restrict__ bias,
            float* __restrict__ y, int inputs, int outputs, int relu) {
  __shared__ float parts[denseWarps][narrowOutputs];
  const float* row = x + (long long)blockIdx.x * inputs;
  float sums[narrowOutputs];
#pragma unroll
  for (int o = 0; o < narrowOutputs; o++) sums[o] = 0.0f;
  for (int i = threadIdx.x; i < inputs; i += denseThreads) {
    const float value = row[i];
    const float* weights = weight + i * outputs;
#pragma unroll
    for (int o = 0; o < narrowOutputs; o++)
      if (o < outputs) sums[o] = mulAdd(value, weights[o], sums[o]);
  }
#pragma unroll
  for (int o = 0; o < narrowOutputs; o++)
    if (o < outputs) {
      const float sum = warpSum(sums[o]);
      if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32][o] = sum;
    }
  __syncthreads();
  if (int(threadIdx.x) < outputs) {
    float sum = 0.0f;
    for (int warp = 0; warp < denseWarps; warp++) sum += parts[warp][threadIdx.x];
    y[blockIdx.x * outputs + threadIdx.x] = activated(sum + bias[threadIdx.x], relu);
  }
}

/** Blocks: (batch / 4, outputs / 32), rounded up. */
KERNEL __launch_bounds__(denseThreads)
denseWide(const float* __restrict__ x, const float* __restrict__ weight, const float* __restrict__ bias,
          float* __restrict__ y, int batch, int inputs, int outputs, int relu) {
  __shared__ float parts[denseWarps][4][32];
  const int lane = threadIdx.x % 32;
  const int warp = threadIdx.x / 32;
  const int output = 32 * blockIdx.y + lane;
  const float* column = weight + minimum(output, outputs - 1); // lanes beyond the last compute what is not stored
  const float* rows[4];
  for (int r = 0; r < 4; r++) rows[r] = x + (long long)minimum(4 * blockIdx.x + r, batch - 1) * inputs;
  const int share = 4 * ceilDiv(inputs, 4 * denseWarps);
  const int end = minimum(inputs, (warp + 1) * share);
  float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  int i = warp * share;
  if (inputs % 4 == 0) {
#pragma unroll 2
    for (; i < end; i += 4) {
      float w[4];
      for (int k = 0; k < 4; k++) w[k] = column[(i + k) * outputs];
      for (int r = 0; r < 4; r++) {
        const float4_ four = *(const float4_*)(rows[r] + i);
        sums[r] = mulAdd(four.x, w[0], sums[r]);
        sums[r] = mulAdd(four.y, w[1], sums[r]);
        sums[r] = mulAdd(four.z, w[2], sums[r]);
        sums[r] = mulAdd(four.w, w[3], sums[r]);
      }
    }
  }
  for (; i < end; i++) {
    const float w = column[i * outputs];
    for (int r = 0; r < 4; r++) sums[r] = mulAdd(rows[r][i], w, sums[r]);
  }
  for (int r = 0; r < 4; r++) parts[warp][r][lane] = sums[r];
  __syncthreads();
  const int row = 4 * blockIdx.x + warp;
  if (warp < 4 && row < batch && output < outputs) {
    float sum = 0.0f;
    for (int part = 0; part < denseWarps; part++) sum += parts[part][warp][lane];
    y[row * outputs + output] = activated(sum + bias[output], relu);
  }
}

#endif

/**
 * Blocks: the 32 x 32 tiles of dW [in, out], then outputs / 8 for db, then the tiles of dx [batch, in] where dx is not null;
 * all rounded up.
 */
KERNEL __launch_bounds__(tileThreads)
TILED(denseGrad)(const float* __restrict__ dy, const float* __restrict__ x, const float* __restrict__ weight,
          const float* __restrict__ y, float* __restrict__ dWeight, float* __restrict__ dBias, float* __restrict__ dx,
          int batch, int inputs, int outputs, int relu) {
  const auto dz = [=](int image, int output) -> float {
    if (image >= batch || output >= outputs) return 0.0f;
    const int at = image * outputs + output;
    return relu && !(y[at] > 0.0f) ? 0.0f : dy[at];
  };
  const int acrossOutputs = ceilDiv(outputs, tileSide);
  const int acrossInputs = ceilDiv(inputs, tileSide);
  int block = blockIdx.x;
  if (block < acrossInputs * acrossOutputs) {
    tileProduct<true, true>(
        tileSide * (block / acrossOutputs), tileSide * (block % acrossOutputs), batch,
        [=](int input, int image) {
          return image < batch && input < inputs ? x[(long long)image * inputs + input] : 0.0f;
        },
        [=](int image, int output) { return dz(image, output); },
        [=](int input, int output, float value) {
          if (input < inputs && output < outputs) dWeight[input * outputs + output] = value;
        });
    return;
  }
  block -= acrossInputs * acrossOutputs;
  const int biasBlocks = ceilDiv(outputs, tileThreads / 32);
  if (block < biasBlocks) {
    const int output = block * (tileThreads / 32) + threadIdx.x / 32;
    float sum = 0.0f;
    for (int image = threadIdx.x % 32; image < batch; image += 32) sum += dz(image, output);
    sum = warpSum(sum);
    if (threadIdx.x % 32 == 0 && output < outputs) dBias[output] = sum;
    return;
  }
  block -= biasBlocks;
  tileProduct<false, false>(
      tileSide * (block / acrossInputs), tileSide * (block % acrossInputs), outputs,
      [=](int image, int output) { return dz(image, output); },
      [=](int output, int input) {
        return output < outputs && input < inputs ? weight[input * outputs + output] : 0.0f;
      },
      [=](int image, int input, float value) {
        if (image < batch && input < inputs) dx[(long long)image * inputs + input] = value;
      });
}

#if defined(REFERENCE) && !defined(TENSOR_CORES)
KERNEL denseReference(const float* x, const float* weight, const float* bias, float* y, int batch, int inputs,
                      int outputs, int relu) {
  for (int b = 0; b < batch; b++)
    for (int o = 0; o < outputs; o++) {
      double sum = bias[o];
      for (int i = 0; i < inputs; i++) sum += double(x[b * inputs + i]) * weight[i * outputs + o];
      y[b * outputs + o] = relu && sum <= 0 ? 0.0f : float(sum);
    }
}

KERNEL denseGradReference(const float* dy, const float* x, const float* weight, const float* y, float* dWeight,
                          float* dBias, float* dx, int batch, int inputs, int outputs, int relu) {
  const auto dz = [=](int at) { return relu && !(y[at] > 0.0f) ? 0.0 : double(dy[at]); };
  for (int o = 0; o < outputs; o++) {
    double bias = 0;
    for (int b = 0; b < batch; b++) bias += dz(b * outputs + o);
    dBias[o] = float(bias);
    for (int i = 0; i < inputs; i++) {
      double sum = 0;
      for (int b = 0; b < batch; b++) sum += x[b * inputs + i] * dz(b * outputs + o);
      dWeight[i * outputs + o] = float(sum);
    }
  }
  for (int at = 0; dx && at < batch * inputs; at++) {
    double sum = 0;
    for (int o = 0; o < outputs; o++) sum += dz(at / inputs * outputs + o) * weight[at % inputs * outputs + o];
    dx[at] = float(sum);
  }
}
#endif
