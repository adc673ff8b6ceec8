// tfjs's Conv2D, Conv2DBackpropFilter and Conv2DBackpropInput: NHWC, any stride, padding and dilation, float32. What models with other
// layers than convolution + ReLU + pooling use; a thread, or a block for an element of the filter, reads from global memory.
// Check: npx vitest run packages/backend-cuda -t convolution
#include "device.cuh"

struct Convolution {
  int batch, height, width, inputs;
  int rows, columns, outputs; // of y
  int kernelHeight, kernelWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, top, left;
};

/** A thread for each element of y. */
KERNEL convolution(const float* __restrict__ x, const float* __restrict__ filter, float* __restrict__ y, Convolution of) {
  const int at = globalThread();
  if (at >= of.batch * of.rows * of.columns * of.outputs) return;
  const int output = at % of.outputs;
  const int column = at / of.outputs % of.columns;
  const int row = at / of.outputs / of.columns % of.rows;
  const int image = at / of.outputs / of.columns / of.rows;
  float sum = 0.0f;
  for (int kr = 0; kr < of.kernelHeight; kr++) {
    const int r = row * of.strideHeight + kr * of.dilationHeight - of.top;
    if (r < 0 || r >= of.height) continue;
    for (int kc = 0; kc < of.kernelWidth; kc++) {
      const int c = column * of.strideWidth + kc * of.dilationWidth - of.left;
      if (c < 0 || c >= of.width) continue;
      const float* pixel = x + (((long long)image * of.height + r) * of.width + c) * of.inputs;
      const float* tap = filter + (kr * of.kernelWidth + kc) * of.inputs * of.outputs + output;
      for (int i = 0; i < of.inputs; i++) sum = mulAdd(pixel[i], tap[i * of.outputs], sum);
    }
  }
  y[at] = sum;
}

/** A block of 256 for each element of the filter. */
KERNEL __launch_bounds__(256)
convolutionFilterGrad(const float* __restrict__ x, const float* __restrict__ dy, float* __restrict__ dFilter,
                      Convolution of) {
  __shared__ float shares[8];
  const int output = blockIdx.x % of.outputs;
  const int input = blockIdx.x / of.outputs % of.inputs;
  const int kc = blockIdx.x / of.outputs / of.inputs % of.kernelWidth;
  const int kr = blockIdx.x / of.outputs / of.inputs / of.kernelWidth;
  float sum = 0.0f;
  for (int at = threadIdx.x; at < of.batch * of.rows * of.columns; at += 256) {
    const int r = at / of.columns % of.rows * of.strideHeight + kr * of.dilationHeight - of.top;
    const int c = at % of.columns * of.strideWidth + kc * of.dilationWidth - of.left;
    if (r < 0 || r >= of.height || c < 0 || c >= of.width) continue;
    const int image = at / of.columns / of.rows;
    sum = mulAdd(dy[(long long)at * of.outputs + output],
              x[(((long long)image * of.height + r) * of.width + c) * of.inputs + input], sum);
  }
  sum = warpSum(sum);
  if (threadIdx.x % 32 == 0) shares[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x > 0) return;
  for (int warp = 1; warp < 8; warp++) sum += shares[warp];
  dFilter[blockIdx.x] = sum;
}

/** A thread for each element of x. */
KERNEL convolutionInputGrad(const float* __restrict__ dy, const float* __restrict__ filter, float* __restrict__ dx,
                            Convolution of) {
  const int at = globalThread();
  if (at >= of.batch * of.height * of.width * of.inputs) return;
  const int input = at % of.inputs;
  const int column = at / of.inputs % of.width;
  const int row = at / of.inputs / of.width % of.height;
  const int image = at / of.inputs / of.width / of.height;
  float sum = 0.0f;
  for (int kr = 0; kr < of.kernelHeight; kr++) {
    const int down = row + of.top - kr * of.dilationHeight;
    if (down < 0 || down % of.strideHeight != 0 || down / of.strideHeight >= of.rows) continue;
    for (int kc = 0; kc < of.kernelWidth; kc++) {
      const int along = column + of.left - kc * of.dilationWidth;
      if (along < 0 || along % of.strideWidth != 0 || along / of.strideWidth >= of.columns) continue;
      const float* g = dy + (((long long)image * of.rows + down / of.strideHeight) * of.columns +
                             along / of.strideWidth) * of.outputs;
      const float* tap = filter + ((kr * of.kernelWidth + kc) * of.inputs + input) * of.outputs;
      for (int o = 0; o < of.outputs; o++) sum = mulAdd(g[o], tap[o], sum);
    }
  }
  dx[at] = sum;
}
