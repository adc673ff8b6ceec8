// What every kernel is written in. Three compilers read these sources: clang writes the PTX that ships (it needs no CUDA
// toolkit and writes PTX that old drivers take), nvcc compiles them as a check, and a host compiler builds them for the
// tests' stand-in of the driver, which defines STANDIN.
//
// All are told not to contract a * b + c: where a kernel wants a fused multiply-add it says fma. With that, with sums in a
// fixed order and with exp and log of our own (math.cuh), every compiler's kernel computes the same bits.
#pragma once

#if defined(STANDIN)
#include "../standin/device.h"
#elif defined(__clang__)
#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
struct dim3;
struct uint3;
#include <__clang_cuda_builtin_vars.h>
static __device__ inline void __syncwarp() { __nvvm_bar_warp_sync(0xffffffffu); }
static __device__ inline float shuffleXor(float value, int lanes) {
  return __nvvm_shfl_sync_bfly_f32(0xffffffffu, value, lanes, 31);
}
#else
static __device__ inline float shuffleXor(float value, int lanes) { return __shfl_xor_sync(0xffffffffu, value, lanes); }
#endif

#define KERNEL extern "C" __global__ void
#define DEVICE static __device__ inline

// Memory that a launch asks for, shared by a block: the one array whose size is not in the source.
#ifndef STANDIN
extern __shared__ float dynamicShared[];
#define DYNAMIC_SHARED dynamicShared
#endif

typedef unsigned char byte;

/** Four neighbours in memory, loaded as one: the address is a multiple of 16 bytes. */
struct alignas(16) float4_ {
  float x, y, z, w;
};

DEVICE float mulAdd(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
DEVICE int minimum(int a, int b) { return a < b ? a : b; }
DEVICE int maximum(int a, int b) { return a > b ? a : b; }
DEVICE int ceilDiv(int a, int b) { return (a + b - 1) / b; }
DEVICE int globalThread() { return int(blockIdx.x * blockDim.x + threadIdx.x); }

/** The sum over the 32 threads of a warp, the same in each; always added in the same order. */
DEVICE float warpSum(float value) {
  for (int lanes = 16; lanes > 0; lanes /= 2) value += shuffleXor(value, lanes);
  return value;
}

DEVICE float warpMaximum(float value) {
  for (int lanes = 16; lanes > 0; lanes /= 2) {
    const float other = shuffleXor(value, lanes);
    value = other > value || other != other ? other : value; // NaN wins
  }
  return value;
}

#ifdef TENSOR_CORES
/** sums += left right for 16 x 8 and 8 x 8, spread over the 32 lanes of a warp as mma.m16n8k8 has it. */
#ifdef STANDIN
DEVICE void multiplyOnTensorCores(float sums[4], const float left[4], const float right[2]) {
  multiplyInWarp(sums, left, right);
}
#else
DEVICE unsigned roundedToTf32(float value) {
  unsigned bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
  return bits;
}
DEVICE void multiplyOnTensorCores(float sums[4], const float left[4], const float right[2]) {
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
               "{%0, %1, %2, %3};"
               : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
               : "r"(roundedToTf32(left[0])), "r"(roundedToTf32(left[1])), "r"(roundedToTf32(left[2])),
                 "r"(roundedToTf32(left[3])), "r"(roundedToTf32(right[0])), "r"(roundedToTf32(right[1])));
}
#endif
#endif

/**
 * What differs between repetitions of a recorded step, in device memory so that the recording need not change. A kernel that
 * is launched by itself gets none and takes the value it is given.
 */
struct Variables {
  int start; // of the batch, in the order
  int step;  // of the optimizer, from 1
  int slot;  // of the results, see step.cu
  int unused;
  double learningRate, momentum; // of the optimizer; momentum is beta1 of Adam's kind. NaN: as the kernel was launched with
};

/** An option of the optimizer: what the recorded step brings along, or else what the kernel was launched with. */
DEVICE double optionOf(double launched, const Variables* variables, double Variables::*option) {
  if (!variables) return launched;
  const double varied = variables->*option;
  return varied == varied ? varied : launched;
}
