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

MAT_MUL(TILED(matMulNN), false, false)
MAT_MUL(TILED(matMulNT), false, true)
MAT_MUL(TILED(matMulTN), true, false)
MAT_MUL(TILED(matMulTT), true, true)
