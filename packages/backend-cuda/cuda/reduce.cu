// out[o] = sum, mean, largest, smallest, product, any or all of a[o, ...], or the index of the largest or smallest: a block for each o, which
// strides through the row; then its threads' results are joined in their order.
// The operations' numbers are those of src/reduce.ts.
// Check: npx vitest run packages/backend-cuda -t reduce
#include "elementwise.cu"

static constexpr int reduceThreads = 256;

DEVICE double join(int operation, double a, double b) {
  switch (operation) {
    case 0: return a + b;
    case 1: return a != a || a > b ? a : b;
    case 2: return a != a || a < b ? a : b;
    case 3: return a * b;
    case 4: return a != 0.0 || b != 0.0 ? 1.0 : 0.0;
    default: return a != 0.0 && b != 0.0 ? 1.0 : 0.0;
  }
}

DEVICE double neutral(int operation) {
  switch (operation) {
    case 0: return 0.0;
    case 1: return -INFINITE;
    case 2: return INFINITE;
    case 3: return 1.0;
    case 4: return 0.0;
    default: return 1.0;
  }
}

/** scale: what the result is multiplied by, 1 / inner for a mean. */
KERNEL __launch_bounds__(reduceThreads)
reduce(const void* __restrict__ a, void* __restrict__ out, int inner, int operation, int type, int outType, double scale) {
  __shared__ double parts[reduceThreads];
  double result = neutral(operation);
  for (int i = threadIdx.x; i < inner; i += reduceThreads)
    result = join(operation, result, load(a, type, (long long)blockIdx.x * inner + i));
  parts[threadIdx.x] = result;
  for (int half = reduceThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (int(threadIdx.x) < half) parts[threadIdx.x] = join(operation, parts[threadIdx.x], parts[threadIdx.x + half]);
  }
  if (threadIdx.x == 0) store(out, outType, blockIdx.x, parts[0] * scale);
}

/** The first index of the largest (sign 1) or the smallest (sign -1) of each row. */
KERNEL __launch_bounds__(reduceThreads)
argReduce(const void* __restrict__ a, int* __restrict__ out, int inner, int type, double sign) {
  __shared__ double values[reduceThreads];
  __shared__ int indices[reduceThreads];
  double best = 0.0;
  int index = -1;
  for (int i = threadIdx.x; i < inner; i += reduceThreads) {
    const double value = sign * load(a, type, (long long)blockIdx.x * inner + i);
    if (index < 0 || value > best) {
      best = value;
      index = i;
    }
  }
  values[threadIdx.x] = best;
  indices[threadIdx.x] = index;
  for (int half = reduceThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (int(threadIdx.x) >= half) continue;
    const int other = indices[threadIdx.x + half];
    const double value = values[threadIdx.x + half];
    const bool better = value > values[threadIdx.x] || (value == values[threadIdx.x] && other < indices[threadIdx.x]);
    if (other >= 0 && (indices[threadIdx.x] < 0 || better)) {
      values[threadIdx.x] = value;
      indices[threadIdx.x] = other;
    }
  }
  if (threadIdx.x == 0) out[blockIdx.x] = indices[0];
}
