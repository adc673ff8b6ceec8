// C[s, i, j] = sum over p of A[s, i, p] B[s, p, j], either factor stored transposed, either one matrix for the whole stack.
// Check: npx vitest run packages/backend-cuda -t 'matrix products'
#include "tile.cuh"

/** Blocks: (rows / 32, columns / 32, stack), rounded up. aStep and bStep are the elements of one matrix, or 0. */
template <bool transposeA, bool transposeB>
DEVICE void matMul(const float* __restrict__ a, const float* __restrict__ b, float* __restrict__ c, int rows,
                   int columns, int inner, int aStep, int bStep) {
  const float* left = a + (long long)blockIdx.z * aStep;
  const float* right = b + (long long)blockIdx.z * bStep;
  float* out = c + (long long)blockIdx.z * rows * columns;
  tileProduct<transposeA, !transposeB>(
      tileSide * blockIdx.x, tileSide * blockIdx.y, inner,
      [=](int i, int p) { return i < rows && p < inner ? left[transposeA ? p * rows + i : i * inner + p] : 0.0f; },
      [=](int p, int j) {
        return p < inner && j < columns ? right[transposeB ? j * inner + p : p * columns + j] : 0.0f;
      },
      [=](int i, int j, float value) {
        if (i < rows && j < columns) out[(long long)i * columns + j] = value;
      });
}

#define MAT_MUL(name, transposeA, transposeB)                                                                          \
  KERNEL __launch_bounds__(tileThreads)                                                                                \
  name(const float* __restrict__ a, const float* __restrict__ b, float* __restrict__ c, int rows, int columns,         \
       int inner, int aStep, int bStep) {                                                                              \
    matMul<transposeA, transposeB>(a, b, c, rows, columns, inner, aStep, bStep);                                       \
  }

#ifndef TENSOR_CORES
/** As above for integers, modulo 2^32 as JavaScript's: a thread for each element of C. */
KERNEL matMulIntegers(const unsigned* __restrict__ a, const unsigned* __restrict__ b, unsigned* __restrict__ c, int rows,
                      int columns, int inner, int stack, int aStep, int bStep, int transposeA, int transposeB) {
  const int at = globalThread();
  if (at >= stack * rows * columns) return;
  const int j = at % columns;
  const int i = at / columns % rows;
  const unsigned* left = a + (long long)(at / columns / rows) * aStep;
  const unsigned* right = b + (long long)(at / columns / rows) * bStep;
  unsigned sum = 0;
  for (int p = 0; p < inner; p++)
    sum += left[transposeA ? p * rows + i : i * inner + p] * right[transposeB ? j * inner + p : p * columns + j];
  c[at] = sum;
}
#endif

MAT_MUL(TILED(matMulNN), false, false)
MAT_MUL(TILED(matMulNT), false, true)
MAT_MUL(TILED(matMulTN), true, false)
MAT_MUL(TILED(matMulTT), true, true)
