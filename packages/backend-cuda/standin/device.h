// CUDA's words for a host compiler: the kernels' sources, run by the tests on the processor. A thread of a block is a fiber, and a
// barrier gives way to the others; see driver.cpp.
#pragma once
#include <cstring>

#define __global__
#define __device__
#define __shared__ static
#define __launch_bounds__(...)

struct Index {
  unsigned x, y, z;
};
extern Index threadIdx, blockIdx, blockDim, gridDim;

void waitForBlock();
float exchangeInWarp(float value, int lane);
void multiplyInWarp(float sums[4], const float left[4], const float right[2]);
extern float* dynamicShared;

static inline void __syncthreads() { waitForBlock(); }
static inline float shuffleXor(float value, int lanes) { return exchangeInWarp(value, int(threadIdx.x % 32) ^ lanes); }
#define DYNAMIC_SHARED dynamicShared
