// y = softmax(x) or its logarithm over the last axis: a warp for each row, 8 rows a block.
// Check: npx vitest run packages/backend-cuda -t softmax
#include "math.cuh"

KERNEL __launch_bounds__(256)
softmax(const float* __restrict__ x, float* __restrict__ y, int rows, int classes, int logarithm) {
  const int row = 8 * blockIdx.x + threadIdx.x / 32;
  if (row >= rows) return;
  const int lane = threadIdx.x % 32;
  const float* from = x + (long long)row * classes;
  float* to = y + (long long)row * classes;
  float largest = -float(INFINITE);
  for (int c = lane; c < classes; c += 32) largest = from[c] > largest || from[c] != from[c] ? from[c] : largest;
  largest = warpMaximum(largest);
  float total = 0.0f;
  for (int c = lane; c < classes; c += 32) total += exp32(from[c] - largest);
  total = warpSum(total);
  for (int c = lane; c < classes; c += 32)
    to[c] = logarithm ? (from[c] - largest) - log32(total) : exp32(from[c] - largest) / total;
}
