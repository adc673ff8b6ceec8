// A product of two matrices, one 32 x 32 tile of it for each block of 256 threads: C[i, j] = sum over p of A[i, p] B[p, j].
//
// Both factors go through shared memory, 32 steps of p at a time; each thread keeps four rows of one column in registers, and
// adds in the order of p.
//
// Where TENSOR_CORES is defined (tensor-cores.cu), each of the eight warps computes 16 x 8 of the tile on tensor cores instead: factors
// rounded to TF32's 10 bits, sums in float32.
#pragma once
#include "device.cuh"

#ifdef TENSOR_CORES
#define TILED(name) name##Tensor
#else
#define TILED(name) name
#endif

static constexpr int tileSide = 32;
static constexpr int tileThreads = 256;

/**
 * @param a a(i, p), 0 outside of the matrix; b(p, j) likewise
 * @param aRowsAdjacent whether a(i, p) and a(i + 1, p) are neighbours in memory, else a(i, p) and a(i, p + 1); b's likewise
 *   for b(p, j) and b(p, j + 1)
 * @param store store(i, j, value), within the matrix or not
 */
template <bool aRowsAdjacent, bool bColumnsAdjacent, class A, class B, class Store>
DEVICE void tileProduct(int firstRow, int firstColumn, int inner, A a, B b, Store store) {
  alignas(16) __shared__ float as[tileSide][tileSide + 4]; // [p][i]: rows stay multiples of 16 bytes
  alignas(16) __shared__ float bs[tileSide][tileSide + 1]; // [p][j]
  const int lane = threadIdx.x % 32;
  const int group = threadIdx.x / 32;
  float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
#ifdef TENSOR_CORES
  // What a lane holds of the factors and of the sums is laid down by the instruction.
  const int row = group / 4 * 16 + lane / 4;
  const int column = group % 4 * 8;
#endif
  for (int start = 0; start < inner; start += tileSide) {
    for (int line = group; line < tileSide; line += tileThreads / 32) {
      if (aRowsAdjacent) as[line][lane] = a(firstRow + lane, start + line);
      else as[lane][line] = a(firstRow + line, start + lane);
      if (bColumnsAdjacent) bs[line][lane] = b(start + line, firstColumn + lane);
      else bs[lane][line] = b(start + lane, firstColumn + line);
    }
    __syncthreads();
#ifdef TENSOR_CORES
    for (int p = lane % 4; p < tileSide; p += 8) {
      const float left[4] = {as[p][row], as[p][row + 8], as[p + 4][row], as[p + 4][row + 8]};
      const float right[2] = {bs[p][column + lane / 4], bs[p + 4][column + lane / 4]};
      multiplyOnTensorCores(sums, left, right);
    }
#else
    const int depth = minimum(tileSide, inner - start);
    for (int p = 0; p < depth; p++) {
      const float4_ four = *(const float4_*)&as[p][4 * group];
      const float right = bs[p][lane];
      sums[0] = mulAdd(four.x, right, sums[0]);
      sums[1] = mulAdd(four.y, right, sums[1]);
      sums[2] = mulAdd(four.z, right, sums[2]);
      sums[3] = mulAdd(four.w, right, sums[3]);
    }
#endif
    __syncthreads();
  }
#ifdef TENSOR_CORES
  for (int i = 0; i < 4; i++)
    store(firstRow + row + i / 2 * 8, firstColumn + column + lane % 4 * 2 + i % 2, sums[i]);
#else
  for (int row = 0; row < 4; row++) store(firstRow + 4 * group + row, firstColumn + lane, sums[row]);
#endif
}
