// batchImages[i, p] = (images[order[start + i], p] / 255 - mean) / std and batchLabels[i] = labels[order[start + i]]. Where the order is too short, or
// points past the images, the image is NaN and the label -1.
//
// A block for each image; a thread turns four bytes into four floats, so that a warp reads 128 and writes 512 neighbours. The
// division is the correctly rounded one, as torchvision's ToTensor.
// Check: npx vitest run packages/backend-cuda -t gatherBatch
#include "math.cuh"

struct alignas(4) Bytes4 {
  byte x, y, z, w;
};

/** -1 where there is none. */
DEVICE int orderedImage(const int* order, int length, int count, int start, const Variables* variables) {
  const long long position = (long long)(variables ? variables->start : start) + blockIdx.x;
  if (position < 0 || position >= length) return -1;
  const int image = order[position];
  return image < count ? image : -1;
}

/** With a mean of 0 and a std of 1 to the bit byte / 255. */
DEVICE float pixelOf(byte value, float mean, float std) { return (float(value) / 255.0f - mean) / std; }

KERNEL gatherBatch(const byte* __restrict__ images, const int* __restrict__ labels, const int* __restrict__ order,
                   float* __restrict__ batchImages, int* __restrict__ batchLabels, int pixels, int count, int length,
                   float mean, float std, int start, const Variables* variables) {
  const int image = orderedImage(order, length, count, start, variables);
  float* to = batchImages + (long long)blockIdx.x * pixels;
  if (image < 0) {
    if (threadIdx.x == 0) batchLabels[blockIdx.x] = -1;
    for (int p = threadIdx.x; p < pixels; p += blockDim.x) to[p] = float(NOT_A_NUMBER);
    return;
  }
  const byte* from = images + (long long)image * pixels;
  if (threadIdx.x == 0) batchLabels[blockIdx.x] = labels[image];
  if (pixels % 4 != 0) {
    for (int p = threadIdx.x; p < pixels; p += blockDim.x) to[p] = pixelOf(from[p], mean, std);
    return;
  }
  for (int p = 4 * threadIdx.x; p < pixels; p += 4 * blockDim.x) {
    const Bytes4 four = *(const Bytes4*)(from + p);
    *(float4_*)(to + p) = {pixelOf(four.x, mean, std), pixelOf(four.y, mean, std), pixelOf(four.z, mean, std),
                           pixelOf(four.w, mean, std)};
  }
}

#ifdef REFERENCE
KERNEL gatherBatchReference(const byte* images, const int* labels, const int* order, float* batchImages,
                            int* batchLabels, int pixels, int count, int length, float mean, float std, int start,
                                 const Variables*) {
  const int image = order[start + blockIdx.x];
  batchLabels[blockIdx.x] = labels[image];
  for (int p = 0; p < pixels; p++) batchImages[blockIdx.x * pixels + p] = (float(images[image * pixels + p]) / 255.0f - mean) / std;
}
#endif
