// y = maxPool2x2(relu(x * filter + bias)), which of each window's four candidates won (0 1 over 2 3; -1 where ReLU stopped them
// all), and the gradient. Images are NHWC, filters [kernel, kernel, in, out].
//
// 3 x 3 filters, forward: a block for each row of windows of an image, with the four lines of x that it needs in shared memory. A
// thread computes the four candidates of one window and one output from the 4 x 4 patch, line by line. Every candidate adds its
// products in the same order, so that equal patches give equal sums, and the first of them wins, as in PyTorch.
//
// Backward, one launch for both gradients. dFilter: only winners pass a gradient, so it is a sum over windows of dy times the
// winner's patch; a thread keeps the nine taps of one (input, output) in registers. The windows of a batch are divided over `parts`
// blocks, whose sums sumParts adds in their order: no atomics, so the bits are the same every time. dx: the winners' dy are laid out
// as the convolution's own gradient in shared memory, and a thread gathers four neighbours of one input channel from it.
//
// Other sizes go by way of the whole convolution and its gradients (convolution.cu): poolWinners takes the largest of each window of it,
// unpoolWinners lays the windows' gradients out as its.
// Check: npx vitest run packages/backend-cuda -t convReluPool
#include "device.cuh"

struct Pooled {
  int batch, height, width, inputs, outputs, kernelHeight, kernelWidth, padding;
  int rows, columns; // of y
};

DEVICE void storeWinner(const float candidates[4], float bias, float* y, int* winners, long long at) {
  float best = candidates[0] + bias;
  int winner = 0;
  for (int i = 1; i < 4; i++) {
    const float value = candidates[i] + bias;
    if (value > best) {
      best = value;
      winner = i;
    }
  }
  y[at] = best > 0.0f ? best : best == best ? 0.0f : best; // NaN stays NaN
  winners[at] = best > 0.0f ? winner : -1;
}

static constexpr int poolThreads = 256;

/**
 * Channels at a time: the four candidates of a window from `lines`, four lines of [(2 columns + 2) inputs] in shared memory.
 */
template <int channels>
DEVICE void addPatch(const float* lines, int lineSize, int inputs, const float* filter, int outputs, float sums[4]) {
  for (int c = 0; c < inputs; c += channels) {
    float previous[3][channels]; // the filter's line above
#pragma unroll
    for (int line = 0; line < 4; line++) {
      float pixels[4][channels];
#pragma unroll
      for (int column = 0; column < 4; column++) {
        const float* from = lines + line * lineSize + column * inputs + c;
        if (channels == 4) *(float4_*)pixels[column] = *(const float4_*)from;
        else pixels[column][0] = from[0];
      }
#pragma unroll
      for (int tap = 0; tap < 3; tap++)
#pragma unroll
        for (int k = 0; k < channels; k++) {
          if (line > 0) { // the lower two candidates, with the line above of the filter
            sums[2] = mulAdd(pixels[tap][k], previous[tap][k], sums[2]);
            sums[3] = mulAdd(pixels[tap + 1][k], previous[tap][k], sums[3]);
          }
          if (line < 3) {
            const float f = filter[((line * 3 + tap) * inputs + c + k) * outputs];
            sums[0] = mulAdd(pixels[tap][k], f, sums[0]);
            sums[1] = mulAdd(pixels[tap + 1][k], f, sums[1]);
            previous[tap][k] = f;
          }
        }
    }
  }
}

/** Blocks: (batch, rows). Shared memory: 4 lines of (2 columns + 2) x inputs floats. */
KERNEL __launch_bounds__(poolThreads)
convReluPool3(const float* __restrict__ x, const float* __restrict__ filter, const float* __restrict__ bias,
              float* __restrict__ y, int* __restrict__ winners, Pooled of) {
  float* lines = DYNAMIC_SHARED;
  const int lineSize = (2 * of.columns + 2) * of.inputs;
  const int before = of.padding * of.inputs; // zeros at the start of a line
  for (int line = threadIdx.x / 64; line < 4; line += poolThreads / 64) {
    const int row = 2 * blockIdx.y + line - of.padding;
    const bool inside = row >= 0 && row < of.height;
    const float* from = x + ((long long)blockIdx.x * of.height + row) * of.width * of.inputs - before;
    for (int i = threadIdx.x % 64; i < lineSize; i += 64)
      lines[line * lineSize + i] = inside && i >= before && i < before + of.width * of.inputs ? from[i] : 0.0f;
  }
  __syncthreads();
  const long long first = ((long long)blockIdx.x * of.rows + blockIdx.y) * of.columns * of.outputs;
  for (int item = threadIdx.x; item < of.columns * of.outputs; item += poolThreads) {
    const int output = item % of.outputs;
    const float* corner = lines + item / of.outputs * 2 * of.inputs;
    float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
    if (of.inputs % 4 == 0) addPatch<4>(corner, lineSize, of.inputs, filter + output, of.outputs, sums);
    else addPatch<1>(corner, lineSize, of.inputs, filter + output, of.outputs, sums);
    storeWinner(sums, bias[output], y, winners, first + item);
  }
}

/** What the windows of convolved [batch, 2 rows, 2 columns, outputs] are pooled to: a thread for each element of y. */
KERNEL poolWinners(const float* __restrict__ convolved, const float* __restrict__ bias, float* __restrict__ y,
                   int* __restrict__ winners, Pooled of) {
  const int at = globalThread();
  if (at >= of.batch * of.rows * of.columns * of.outputs) return;
  const int output = at % of.outputs;
  const long long line = 2LL * of.columns * of.outputs;
  const float* first = convolved + (at / of.outputs / of.columns) * 2 * line + at / of.outputs % of.columns * 2LL * of.outputs + output;
  const float candidates[4] = {first[0], first[of.outputs], first[line], first[line + of.outputs]};
  storeWinner(candidates, bias[output], y, winners, at);
}

/** The gradient of what was pooled, [batch, 2 rows, 2 columns, outputs]: dy where the winner was, else 0. A thread for each of dy. */
KERNEL unpoolWinners(const float* __restrict__ dy, const int* __restrict__ winners, float* __restrict__ dConvolved, Pooled of) {
  const int at = globalThread();
  if (at >= of.batch * of.rows * of.columns * of.outputs) return;
  const long long line = 2LL * of.columns * of.outputs;
  float* first =
      dConvolved + (at / of.outputs / of.columns) * 2 * line + at / of.outputs % of.columns * 2LL * of.outputs + at % of.outputs;
  const float value = dy[at];
  const int winner = winners[at];
  first[0] = winner == 0 ? value : 0.0f;
  first[of.outputs] = winner == 1 ? value : 0.0f;
  first[line] = winner == 2 ? value : 0.0f;
  first[line + of.outputs] = winner == 3 ? value : 0.0f;
}

static constexpr int poolGradThreads = 512;

/** How the launch of convReluPoolGrad3 is divided. */
struct PoolGrad {
  int parts;      // blocks that share the windows; the first of the launch
  int group;      // rows of windows that a block takes at a time
  int inputRows;  // rows of dx that a block takes; 0 where dx is not wanted
};

/** Lines of the shared image are this much longer than needed, so that winners above each other lie in different banks. */
static constexpr int lineGap = 8;

/**
 * A part's sums, [3, 3, in, out] and then [out], over the winners of its windows. A pair is an input with an output; where there are
 * fewer pairs than threads, several threads share a pair and take its windows in turn.
 */
DEVICE void filterPart(const float* __restrict__ dy, const float* __restrict__ x, const int* __restrict__ winners,
                       float* __restrict__ partial, const Pooled& of, const PoolGrad& how) {
  float* image = DYNAMIC_SHARED;
  const int pairs = of.inputs * of.outputs;
  const int sharing = maximum(1, poolGradThreads / pairs);
  const int lineSize = (2 * of.columns + 2) * of.inputs + lineGap;
  float* folding = image + (2 * how.group + 2) * lineSize; // [threads]
  const int before = of.padding * of.inputs;
  const int groups = ceilDiv(of.rows, how.group);
  for (int firstPair = 0; firstPair < pairs; firstPair += poolGradThreads) {
    const int pair = firstPair + threadIdx.x % minimum(pairs, poolGradThreads);
    const int turn = threadIdx.x / minimum(pairs, poolGradThreads);
    const bool works = turn < sharing && pair < pairs;
    const int input = pair / of.outputs;
    const int output = pair % of.outputs;
    float sums[10]; // nine taps, and dy itself for the bias
#pragma unroll
    for (int tap = 0; tap < 10; tap++) sums[tap] = 0.0f;
    for (int unit = blockIdx.x; unit < of.batch * groups; unit += how.parts) {
      const int b = unit / groups;
      const int firstRow = unit % groups * how.group;
      const int rows = minimum(how.group, of.rows - firstRow);
      __syncthreads();
      for (int line = threadIdx.x / 64; line < 2 * rows + 2; line += poolGradThreads / 64) {
        const int row = 2 * firstRow + line - of.padding;
        const bool inside = row >= 0 && row < of.height;
        const float* from = x + ((long long)b * of.height + row) * of.width * of.inputs - before;
        for (int i = threadIdx.x % 64; i < lineSize - lineGap; i += 64)
          image[line * lineSize + i] = inside && i >= before && i < before + of.width * of.inputs ? from[i] : 0.0f;
      }
      __syncthreads();
      if (!works) continue;
      const long long first = ((long long)b * of.rows + firstRow) * of.columns * of.outputs + output;
      for (int window = turn; window < rows * of.columns; window += sharing) {
        const int winner = winners[first + window * of.outputs];
        if (winner < 0) continue;
        const float g = dy[first + window * of.outputs];
        // Of two bits, whatever the winner is: its patch lies in the lines.
        const int line = 2 * (window / of.columns) + (winner >> 1 & 1);
        const int column = 2 * (window % of.columns) + (winner & 1);
        const float* patch = image + line * lineSize + column * of.inputs + input;
#pragma unroll
        for (int tap = 0; tap < 9; tap++)
          sums[tap] = mulAdd(g, patch[tap / 3 * lineSize + tap % 3 * of.inputs], sums[tap]);
        sums[9] += g;
      }
    }
#pragma unroll
    for (int tap = 0; tap < 10; tap++) {
      float sum = works ? sums[tap] : 0.0f;
      if (sharing > 1) {
        __syncthreads();
        folding[threadIdx.x] = sum;
        __syncthreads();
        if (turn == 0 && works)
          for (int other = 1; other < sharing; other++) sum += folding[other * pairs + pair];
      }
      if (turn == 0 && works) {
        if (tap < 9) partial[tap * pairs + pair] = sum;
        else if (input == 0) partial[9 * pairs + output] = sum;
      }
    }
  }
}

/** dx of `inputRows` rows of one image; outputs is a multiple of 4. */
DEVICE void inputPart(const float* __restrict__ dy, const float* __restrict__ filter, const int* __restrict__ winners,
                      float* __restrict__ dx, const Pooled& of, const PoolGrad& how, int block) {
  const int bands = ceilDiv(of.height, how.inputRows);
  const int b = block / bands;
  const int firstRow = block % bands * how.inputRows;
  const int rows = minimum(how.inputRows, of.height - firstRow);
  const int across = ceilDiv(of.width, 4); // a thread's four neighbours
  const int lineWidth = 4 * across + 2;
  float* dConvolution = DYNAMIC_SHARED;                                            // [rows + 2, lineWidth, out]
  float* taps = dConvolution + (how.inputRows + 2) * lineWidth * of.outputs; // [9, out / 4, in, 4]
  for (int i = threadIdx.x; i < 9 * of.inputs * of.outputs; i += poolGradThreads) {
    const int output = i % of.outputs;
    const int input = i / of.outputs % of.inputs;
    const int tap = i / of.outputs / of.inputs;
    taps[((tap * (of.outputs / 4) + output / 4) * of.inputs + input) * 4 + output % 4] = filter[i];
  }
  // Line 0 and column 0 of the shared gradient are those that the last tap of the first row and column of dx reads.
  const int top = firstRow + of.padding - 2;
  const int left = of.padding - 2;
  for (int i = threadIdx.x; i < (rows + 2) * lineWidth * of.outputs; i += poolGradThreads) {
    const int output = i % of.outputs;
    const int column = i / of.outputs % lineWidth + left;
    const int row = i / of.outputs / lineWidth + top;
    float g = 0.0f;
    if (row >= 0 && row < 2 * of.rows && column >= 0 && column < 2 * of.columns) {
      const long long at = (((long long)b * of.rows + row / 2) * of.columns + column / 2) * of.outputs + output;
      if (winners[at] == 2 * (row % 2) + column % 2) g = dy[at];
    }
    dConvolution[i] = g;
  }
  __syncthreads();
  for (int item = threadIdx.x; item < rows * across * of.inputs; item += poolGradThreads) {
    const int input = item % of.inputs;
    const int column = 4 * (item / of.inputs % across);
    const int row = item / of.inputs / across;
    float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll 1
    for (int kr = 0; kr < 3; kr++)
#pragma unroll 1
      for (int o = 0; o < of.outputs; o += 4) {
        const float* from = dConvolution + ((row + 2 - kr) * lineWidth + column) * of.outputs + o;
        float4_ g[6];
#pragma unroll
        for (int i = 0; i < 6; i++) g[i] = *(const float4_*)(from + i * of.outputs);
#pragma unroll
        for (int kc = 0; kc < 3; kc++) {
          const float4_ f =
              *(const float4_*)(taps + (((kr * 3 + kc) * (of.outputs / 4) + o / 4) * of.inputs + input) * 4);
#pragma unroll
          for (int i = 0; i < 4; i++) {
            const float4_ at = g[i + 2 - kc];
            sums[i] = mulAdd(at.w, f.w, mulAdd(at.z, f.z, mulAdd(at.y, f.y, mulAdd(at.x, f.x, sums[i]))));
          }
        }
      }
    float* to = dx + (((long long)b * of.height + firstRow + row) * of.width + column) * of.inputs + input;
    for (int i = 0; i < 4; i++)
      if (column + i < of.width) to[i * of.inputs] = sums[i];
  }
}

/**
 * Blocks: parts for the filter, then batch x ceil(height / inputRows) for dx. Two blocks on a processor, said outright: left to
 * itself, ptxas keeps to as many registers and puts some in memory.
 */
KERNEL __launch_bounds__(poolGradThreads, 2)
convReluPoolGrad3(const float* __restrict__ dy, const float* __restrict__ x, const float* __restrict__ filter,
                  const int* __restrict__ winners, float* __restrict__ partials, float* __restrict__ dx, Pooled of,
                  PoolGrad how) {
  const int sums = 9 * of.inputs * of.outputs + of.outputs;
  if (int(blockIdx.x) < how.parts)
    filterPart(dy, x, winners, partials + (long long)blockIdx.x * sums, of, how);
  else inputPart(dy, filter, winners, dx, of, how, blockIdx.x - how.parts);
}

/** Adds `parts` rows of dFilter's elements and then dBias's, in their order within eight shares. Blocks: 32 columns each. */
KERNEL __launch_bounds__(256)
sumParts(const float* __restrict__ partials, float* __restrict__ dFilter, float* __restrict__ dBias, int parts,
         int filterSize, int outputs) {
  __shared__ float shares[8][32];
  const int size = filterSize + outputs;
  const int column = 32 * blockIdx.x + threadIdx.x % 32;
  const int share = threadIdx.x / 32;
  float sum = 0.0f;
  if (column < size)
    for (int part = share; part < parts; part += 8) sum += partials[(long long)part * size + column];
  shares[share][threadIdx.x % 32] = sum;
  __syncthreads();
  if (share > 0 || column >= size) return;
  for (int other = 1; other < 8; other++) sum += shares[other][threadIdx.x];
  if (column < filterSize) dFilter[column] = sum;
  else dBias[column - filterSize] = sum;
}

#ifdef REFERENCE
/** Calls visit(pixel of x, element of the filter) for every product of candidate (r, c) and output o that is not with padding. */
template <class Visit>
DEVICE void visitTaps(const Pooled& of, int b, int r, int c, int o, Visit visit) {
  for (int kr = 0; kr < of.kernelHeight; kr++)
    for (int kc = 0; kc < of.kernelWidth; kc++) {
      const int row = r + kr - of.padding, column = c + kc - of.padding;
      if (row < 0 || row >= of.height || column < 0 || column >= of.width) continue;
      for (int i = 0; i < of.inputs; i++)
        visit(((b * of.height + row) * of.width + column) * of.inputs + i,
              ((kr * of.kernelWidth + kc) * of.inputs + i) * of.outputs + o);
    }
}

KERNEL convReluPoolReference(const float* x, const float* filter, const float* bias, float* y, int* winners, Pooled of) {
  for (int at = 0; at < of.batch * of.rows * of.columns * of.outputs; at++) {
    const int o = at % of.outputs, column = at / of.outputs % of.columns;
    const int row = at / of.outputs / of.columns % of.rows, b = at / of.outputs / of.columns / of.rows;
    double best = 0;
    winners[at] = -1;
    for (int candidate = 0; candidate < 4; candidate++) {
      double sum = bias[o];
      visitTaps(of, b, 2 * row + candidate / 2, 2 * column + candidate % 2, o,
                [&](int pixel, int tap) { sum += double(x[pixel]) * filter[tap]; });
      if (sum > best) best = sum, winners[at] = candidate;
    }
    y[at] = float(best);
  }
}

/** dx may be null. */
KERNEL convReluPoolGradReference(const float* dy, const float* x, const float* filter, const int* winners, float* dFilter,
                                 float* dBias, float* dx, Pooled of) {
  const int filterSize = of.kernelHeight * of.kernelWidth * of.inputs * of.outputs;
  for (int i = 0; i < filterSize; i++) dFilter[i] = 0;
  for (int o = 0; o < of.outputs; o++) dBias[o] = 0;
  for (int i = 0; dx && i < of.batch * of.height * of.width * of.inputs; i++) dx[i] = 0;
  for (int at = 0; at < of.batch * of.rows * of.columns * of.outputs; at++) {
    if (winners[at] < 0) continue;
    const int o = at % of.outputs, column = at / of.outputs % of.columns;
    const int row = at / of.outputs / of.columns % of.rows, b = at / of.outputs / of.columns / of.rows;
    dBias[o] += dy[at];
    visitTaps(of, b, 2 * row + winners[at] / 2, 2 * column + winners[at] % 2, o, [&](int pixel, int tap) {
      dFilter[tap] += dy[at] * x[pixel];
      if (dx) dx[pixel] += dy[at] * filter[tap];
    });
  }
}
#endif
