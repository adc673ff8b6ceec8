// Convolutions of images in NHWC with filters in HWIO, any stride, padding, dilation and number of groups, and their gradients, as
// products of matrices whose factors are gathered while they are loaded:
//
//   forward   y[pixel of y, output]   = sum over (kr, kc, input) of patch of x * filter, + bias
//   filter    dFilter[tap, output]    = sum over the pixels of y of x at the tap * dy; dBias[output] = sum of dy
//   input     dx[pixel of x, input]   = sum over (kr, kc, output) of dy that reaches the pixel * filter
//
// A block of 128 threads makes a tile of a product, from 16 steps of the sum at a time in shared memory; the next 16 are on their
// way from global memory meanwhile. Where an element lies is kept in mixed radix and moved by additions, so that no loop divides.
// Where there are too few tiles to fill a GPU, the sum is divided over parts, which convolutionSum adds in their order: how many
// follows from the shapes alone, so the bits are the same every time and everywhere.
//
// Where TENSOR_CORES is defined (tensor-cores.cu), the four warps of a block share a tile in parts of 16 x 8 or more, which tensor cores
// multiply: factors rounded to TF32's 10 bits, sums in float32.
// Check: npx vitest run packages/backend-cuda -t convolution
#include "tile.cuh"

// Left to itself the compiler calls what is long, with its registers in memory.
#define INLINE __device__ inline __attribute__((always_inline))

struct Convolution {
  int batch, height, width, inputs;
  int rows, columns, outputs; // of y
  int kernelHeight, kernelWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, top, left, groups;
};

/** How a launch is divided: a block is (((group * parts) + part) * rowTiles + rowTile) * columnTiles + columnTile. */
struct Division {
  int rowTiles, columnTiles, parts;
  int chunks; // of 16 steps, of a part
};

static constexpr int convolutionThreads = 128;
static constexpr int chunk = 16;

// Places in memory are counted modulo 2^32: a patch may begin before its image, and what is within a tensor is below 2^31.

/** The number (outer * middles + middle) * inners + inner, in mixed radix. */
struct Digits {
  unsigned inner, middle, outer;
};

DEVICE Digits digitsOf(unsigned number, unsigned inners, unsigned middles) {
  return {number % inners, number / inners % middles, number / inners / middles};
}

DEVICE void advance(Digits& place, const Digits& step, unsigned inners, unsigned middles) {
  place.inner += step.inner;
  place.middle += step.middle;
  place.outer += step.outer;
  if (place.inner >= inners) {
    place.inner -= inners;
    place.middle++;
  }
  if (place.middle >= middles) {
    place.middle -= middles;
    place.outer++;
  }
}

/** A size to divide by: of nothing, there is no step of a sum to be placed. */
DEVICE unsigned divisor(int size) { return size > 0 ? unsigned(size) : 1u; }

DEVICE void load4(float to[4], const float* from) {
  const float4_ four = *(const float4_*)from;
  to[0] = four.x;
  to[1] = four.y;
  to[2] = four.z;
  to[3] = four.w;
}

/** Two neighbours in memory: the address is a multiple of 8 bytes. */
struct alignas(8) Two {
  float x, y;
};

DEVICE void load2(float to[2], const float* from) {
  const Two two = *(const Two*)from;
  to[0] = two.x;
  to[1] = two.y;
}

DEVICE void store4(float* to, const float from[4]) { *(float4_*)to = {from[0], from[1], from[2], from[3]}; }

// What is outside counts as 0. A compiler makes branches of it, and of four neighbours single loads and stores where another path has
// single ones, too: it is told outright.
#ifdef STANDIN
DEVICE void storeFour(float* to, const float from[4]) { store4(to, from); }
DEVICE float loadIf(bool inside, const float* from) { return inside ? *from : 0.0f; }
DEVICE void load4If(float to[4], bool inside, const float* from) {
  for (int e = 0; e < 4; e++) to[e] = inside ? from[e] : 0.0f;
}
#else
DEVICE void storeFour(float* to, const float from[4]) {
  asm volatile("st.global.v4.f32 [%0], {%1, %2, %3, %4};"
               :
               : "l"(to), "f"(from[0]), "f"(from[1]), "f"(from[2]), "f"(from[3])
               : "memory");
}
DEVICE float loadIf(bool inside, const float* from) {
  float to;
  asm("{ .reg .pred inside; setp.ne.s32 inside, %2, 0; mov.f32 %0, 0f00000000; @inside ld.global.nc.f32 %0, [%1]; }"
      : "=f"(to)
      : "l"(from), "r"(int(inside)));
  return to;
}
DEVICE void load4If(float to[4], bool inside, const float* from) {
  asm("{ .reg .pred inside; setp.ne.s32 inside, %5, 0; mov.f32 %0, 0f00000000; mov.f32 %1, 0f00000000; "
      "mov.f32 %2, 0f00000000; mov.f32 %3, 0f00000000; @inside ld.global.nc.v4.f32 {%0, %1, %2, %3}, [%4]; }"
      : "=f"(to[0]), "=f"(to[1]), "=f"(to[2]), "=f"(to[3])
      : "l"(from), "r"(int(inside)));
}
#endif

// Each of the following loads one factor: fetch() takes a thread's elements of the next chunk into registers, four neighbours of the sum
// or of the tile at a time, and put() lays them into shared memory, [step][row or column].

/** A factor's rows are pixels of y, the steps of the sum taps (kr, kc, input) of the patch of x. */
template <int tile> struct Patches {
  static constexpr int loads = tile / (convolutionThreads / 4);
  const float* x;
  unsigned height, width, pixel, channels, kernelHeight, kernelWidth, dilationHeight, dilationWidth;
  bool fours;
  unsigned first[loads], top[loads], left[loads];
  Digits tap, step;
  float held[loads][4];

  INLINE Patches(const float* x, const Convolution& of, unsigned group, unsigned firstRow, unsigned firstStep)
      : x(x), height(of.height), width(of.width), pixel(of.inputs), channels(divisor(of.inputs / of.groups)),
        kernelHeight(of.kernelHeight), kernelWidth(of.kernelWidth), dilationHeight(of.dilationHeight),
        dilationWidth(of.dilationWidth), fours(of.inputs / of.groups % 4 == 0) {
    tap = digitsOf(firstStep + threadIdx.x % 4 * 4, channels, kernelWidth);
    step = digitsOf(chunk, channels, kernelWidth);
#pragma unroll
    for (int j = 0; j < loads; j++) {
      const Digits at = digitsOf(firstRow + threadIdx.x / 4 + j * (convolutionThreads / 4), of.columns, of.rows);
      // Behind the last pixel everything is outside.
      top[j] = at.outer < unsigned(of.batch) ? at.middle * of.strideHeight - of.top : 0x80000000u;
      left[j] = at.inner * of.strideWidth - of.left;
      first[j] = ((at.outer * height + top[j]) * width + left[j]) * pixel + group * channels;
    }
  }

  INLINE void fetch() {
    if (fours) {
      const unsigned r = tap.outer * dilationHeight, c = tap.middle * dilationWidth;
      const unsigned offset = (r * width + c) * pixel + tap.inner;
      const bool is = tap.outer < kernelHeight;
#pragma unroll
      for (int j = 0; j < loads; j++)
        load4If(held[j], is & (top[j] + r < height) & (left[j] + c < width), x + (first[j] + offset));
    } else {
      Digits at = tap;
#pragma unroll
      for (int e = 0; e < 4; e++) {
        const unsigned r = at.outer * dilationHeight, c = at.middle * dilationWidth;
        const unsigned offset = (r * width + c) * pixel + at.inner;
        const bool is = at.outer < kernelHeight;
#pragma unroll
        for (int j = 0; j < loads; j++)
          held[j][e] = loadIf(is & (top[j] + r < height) & (left[j] + c < width), x + (first[j] + offset));
        advance(at, {1, 0, 0}, channels, kernelWidth);
      }
    }
    advance(tap, step, channels, kernelWidth);
  }

  template <int stride> INLINE void put(float (*to)[stride]) const {
#pragma unroll
    for (int j = 0; j < loads; j++)
#pragma unroll
      for (int e = 0; e < 4; e++)
        to[threadIdx.x % 4 * 4 + e][threadIdx.x / 4 + j * (convolutionThreads / 4)] = held[j][e];
  }
};

/** The other way round: rows are taps (kr, kc, input), the steps of the sum pixels of y. */
template <int tile> struct Taps {
  static constexpr int fourths = tile / 4;
  static constexpr int apart = convolutionThreads / fourths;
  static constexpr int loads = chunk / apart;
  const float* x;
  unsigned batch, height, width, pixel, channels, rows, columns, kernelHeight, kernelWidth;
  unsigned strideHeight, strideWidth, dilationHeight, dilationWidth, top, left, group;
  bool fours;
  Digits tap, at, step;
  float held[loads][4];

  INLINE Taps(const float* x, const Convolution& of, unsigned group, unsigned firstRow, unsigned firstStep)
      : x(x), batch(of.batch), height(of.height), width(of.width), pixel(of.inputs),
        channels(divisor(of.inputs / of.groups)), rows(divisor(of.rows)), columns(divisor(of.columns)),
        kernelHeight(of.kernelHeight), kernelWidth(of.kernelWidth), strideHeight(of.strideHeight),
        strideWidth(of.strideWidth), dilationHeight(of.dilationHeight), dilationWidth(of.dilationWidth), top(of.top),
        left(of.left), group(group * channels), fours(of.inputs / of.groups % 4 == 0) {
    tap = digitsOf(firstRow + threadIdx.x % fourths * 4, channels, kernelWidth);
    at = digitsOf(firstStep + threadIdx.x / fourths, columns, rows);
    step = digitsOf(apart, columns, rows);
  }

  INLINE void fetch() {
#pragma unroll
    for (int j = 0; j < loads; j++) {
      const bool is = at.outer < batch;
      const unsigned firstRow = at.middle * strideHeight - top, firstColumn = at.inner * strideWidth - left;
      Digits of = tap;
      if (fours) {
        const unsigned r = firstRow + of.outer * dilationHeight, c = firstColumn + of.middle * dilationWidth;
        load4If(held[j], is & (of.outer < kernelHeight) & (r < height) & (c < width),
                x + (((at.outer * height + r) * width + c) * pixel + group + of.inner));
      } else {
#pragma unroll
        for (int e = 0; e < 4; e++) {
          const unsigned r = firstRow + of.outer * dilationHeight, c = firstColumn + of.middle * dilationWidth;
          held[j][e] = loadIf(is & (of.outer < kernelHeight) & (r < height) & (c < width),
                              x + (((at.outer * height + r) * width + c) * pixel + group + of.inner));
          advance(of, {1, 0, 0}, channels, kernelWidth);
        }
      }
      advance(at, step, columns, rows);
    }
  }

  template <int stride> INLINE void put(float (*to)[stride]) const {
#pragma unroll
    for (int j = 0; j < loads; j++)
      store4(&to[threadIdx.x / fourths + j * apart][threadIdx.x % fourths * 4], held[j]);
  }
};

/** Which window of a side begins `distance` before a place, if there is one. */
struct Windows {
  unsigned count, stride, inverse; // 2^32 / stride, rounded up
  INLINE Windows(int count, int stride) : count(count), stride(stride), inverse(0xffffffffu / stride + 1) {}
  /** Of multiples of the stride the product with its inverse is exactly the quotient; others are none, whatever it is. */
  INLINE bool find(int distance, unsigned& window) const {
    window = distance;
    if (stride == 1) return window < count;
    window = unsigned((unsigned long long)unsigned(distance) * inverse >> 32);
    return (distance >= 0) & (window * stride == unsigned(distance)) & (window < count);
  }
};

/** Rows are pixels of x, the steps of the sum (kr, kc, output) of what of dy reaches them. */
template <int tile> struct Reached {
  static constexpr int loads = tile / (convolutionThreads / 4);
  const float* dy;
  unsigned columns, pixel, channels, kernelHeight, kernelWidth;
  int dilationHeight, dilationWidth;
  Windows down, along;
  bool fours;
  unsigned first[loads];
  int row[loads], column[loads];
  Digits tap, step;
  float held[loads][4];

  INLINE Reached(const float* dy, const Convolution& of, unsigned group, unsigned firstRow, unsigned firstStep)
      : dy(dy), columns(of.columns), pixel(of.outputs), channels(divisor(of.outputs / of.groups)),
        kernelHeight(of.kernelHeight), kernelWidth(of.kernelWidth), dilationHeight(of.dilationHeight),
        dilationWidth(of.dilationWidth), down(of.rows, of.strideHeight), along(of.columns, of.strideWidth),
        fours(of.outputs / of.groups % 4 == 0) {
    tap = digitsOf(firstStep + threadIdx.x % 4 * 4, channels, kernelWidth);
    step = digitsOf(chunk, channels, kernelWidth);
#pragma unroll
    for (int j = 0; j < loads; j++) {
      const Digits at = digitsOf(firstRow + threadIdx.x / 4 + j * (convolutionThreads / 4), of.width, of.height);
      row[j] = at.outer < unsigned(of.batch) ? int(at.middle) + of.top : -1; // no window is before the first
      column[j] = int(at.inner) + of.left;
      first[j] = at.outer * of.rows * of.columns * pixel + group * channels;
    }
  }

  INLINE bool find(int j, const Digits& at, const float*& from) const {
    unsigned r, c;
    const bool below = down.find(row[j] - int(at.outer) * dilationHeight, r);
    const bool beside = along.find(column[j] - int(at.middle) * dilationWidth, c);
    from = dy + (first[j] + (r * columns + c) * pixel + at.inner);
    return below & beside & (at.outer < kernelHeight);
  }

  INLINE void fetch() {
    const float* from;
    if (fours) {
#pragma unroll
      for (int j = 0; j < loads; j++) {
        const bool is = find(j, tap, from);
        load4If(held[j], is, from);
      }
    } else {
      Digits at = tap;
#pragma unroll
      for (int e = 0; e < 4; e++) {
#pragma unroll
        for (int j = 0; j < loads; j++) {
          const bool is = find(j, at, from);
          held[j][e] = loadIf(is, from);
        }
        advance(at, {1, 0, 0}, channels, kernelWidth);
      }
    }
    advance(tap, step, channels, kernelWidth);
  }

  template <int stride> INLINE void put(float (*to)[stride]) const {
#pragma unroll
    for (int j = 0; j < loads; j++)
#pragma unroll
      for (int e = 0; e < 4; e++)
        to[threadIdx.x % 4 * 4 + e][threadIdx.x / 4 + j * (convolutionThreads / 4)] = held[j][e];
  }
};

/** A group's columns of a matrix [steps of the sum, outputs]: the filter, or dy. */
template <int tile> struct Columns {
  static constexpr int fourths = tile / 4;
  static constexpr int apart = convolutionThreads / fourths;
  static constexpr int loads = apart < chunk ? chunk / apart : 1;
  const float* matrix;
  unsigned steps, outputs, columns, column, at;
  bool fours;
  float held[loads][4];

  INLINE Columns(const float* matrix, unsigned steps, const Convolution& of, unsigned group, unsigned firstColumn,
                     unsigned firstStep)
      : steps(steps), outputs(of.outputs), columns(of.outputs / of.groups),
        column(firstColumn + threadIdx.x % fourths * 4), at(firstStep + threadIdx.x / fourths), fours(columns % 4 == 0) {
    this->matrix = matrix + group * columns;
  }

  INLINE void fetch() {
#pragma unroll
    for (int j = 0; j < loads; j++) {
      const unsigned step = at + j * apart;
      const unsigned from = step * outputs + column;
      if (fours) load4If(held[j], (step < steps) & (column < columns), matrix + from);
      else
#pragma unroll
        for (int e = 0; e < 4; e++)
          held[j][e] = loadIf((step < steps) & (column + e < columns), matrix + (from + e));
    }
    at += chunk;
  }

  template <int stride> INLINE void put(float (*to)[stride]) const {
    if (threadIdx.x / fourths >= chunk) return;
#pragma unroll
    for (int j = 0; j < loads; j++)
      store4(&to[threadIdx.x / fourths + j * apart][threadIdx.x % fourths * 4], held[j]);
  }
};

/** The filter as dx takes it: a group's inputs are the columns, the steps of the sum are (kr, kc, output). */
template <int tile> struct TurnedFilter {
  static constexpr int loads = tile > convolutionThreads / 4 ? tile / (convolutionThreads / 4) : 1;
  const float* filter;
  unsigned outputs, inputs, channels, kernelHeight, kernelWidth, column;
  bool fours;
  Digits tap, step;
  float held[loads][4];

  INLINE TurnedFilter(const float* filter, const Convolution& of, unsigned group, unsigned firstColumn,
                          unsigned firstStep)
      : outputs(of.outputs), inputs(of.inputs / of.groups), channels(divisor(of.outputs / of.groups)),
        kernelHeight(of.kernelHeight), kernelWidth(of.kernelWidth), column(firstColumn + threadIdx.x / 4),
        fours(of.outputs / of.groups % 4 == 0) {
    this->filter = filter + group * channels;
    tap = digitsOf(firstStep + threadIdx.x % 4 * 4, channels, kernelWidth);
    step = digitsOf(chunk, channels, kernelWidth);
  }

  INLINE void fetch() {
    Digits at = tap;
    if (fours) {
#pragma unroll
      for (int j = 0; j < loads; j++) {
        const unsigned input = column + j * (convolutionThreads / 4);
        load4If(held[j], (at.outer < kernelHeight) & (input < inputs),
                filter + (((at.outer * kernelWidth + at.middle) * inputs + input) * outputs + at.inner));
      }
    } else {
#pragma unroll
      for (int e = 0; e < 4; e++) {
#pragma unroll
        for (int j = 0; j < loads; j++) {
          const unsigned input = column + j * (convolutionThreads / 4);
          held[j][e] = loadIf((at.outer < kernelHeight) & (input < inputs),
                              filter + (((at.outer * kernelWidth + at.middle) * inputs + input) * outputs + at.inner));
        }
        advance(at, {1, 0, 0}, channels, kernelWidth);
      }
    }
    advance(tap, step, channels, kernelWidth);
  }

  template <int stride> INLINE void put(float (*to)[stride]) const {
    if (threadIdx.x / 4 >= tile) return;
#pragma unroll
    for (int j = 0; j < loads; j++)
#pragma unroll
      for (int e = 0; e < 4; e++)
        to[threadIdx.x % 4 * 4 + e][threadIdx.x / 4 + j * (convolutionThreads / 4)] = held[j][e];
  }
};

/** A tile of a product, and how much of it a thread keeps in registers. */
template <int rows_, int columns_, int rowsEach_, int columnsEach_> struct Tile {
  static constexpr int rows = rows_, columns = columns_, rowsEach = rowsEach_, columnsEach = columnsEach_;
  static constexpr int across = columns / columnsEach;
  static_assert(rows / rowsEach * across == convolutionThreads, "a tile is one block's");
  // On tensor cores: how many warps are side by side, and what each has.
  static constexpr int warpsAcross = rows < 64 || columns == 64 ? 2 : 1;
  static constexpr int warpRows = rows / (4 / warpsAcross), warpColumns = columns / warpsAcross;
#ifdef TENSOR_CORES
  static constexpr int storedEach = 2;
#else
  static constexpr int storedEach = columnsEach;
#endif
};

/** Where a block works. */
struct Work {
  unsigned group, part, row, column, firstStep;
  int chunks;
};

template <class T> DEVICE Work workOf(const Division& how, unsigned steps) {
  const unsigned tile = blockIdx.x / how.columnTiles;
  const unsigned part = tile / how.rowTiles % how.parts;
  const int all = int((steps + (chunk - 1)) / chunk), before = int(part) * how.chunks;
  return {tile / how.rowTiles / how.parts,
          part,
          tile % how.rowTiles * T::rows,
          blockIdx.x % how.columnTiles * T::columns,
          unsigned(before) * chunk,
          minimum(how.chunks, all - before)};
}

/**
 * @param sumsColumns whether thread c adds up column c of the factor b in columnSum
 * @param store store(row, column, values): storedEach values of a row, within the product or not
 */
template <class T, class A, class B, class Store>
static INLINE void multiply(A& a, B& b, int chunks, bool sumsColumns, float& columnSum, Store store) {
  alignas(16) __shared__ float as[2][chunk][T::rows + 4];
  alignas(16) __shared__ float bs[2][chunk][T::columns + 4];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
#ifdef TENSOR_CORES
  // What a lane holds of the factors and of the sums is laid down by the instruction.
  constexpr int down = T::warpRows / 16, along = T::warpColumns / 8;
  const int row = warp / T::warpsAcross * T::warpRows + lane / 4;
  const int column = warp % T::warpsAcross * T::warpColumns + lane / 4;
  float sums[down][along][4];
#pragma unroll
  for (int i = 0; i < down; i++)
#pragma unroll
    for (int j = 0; j < along; j++) sums[i][j][0] = sums[i][j][1] = sums[i][j][2] = sums[i][j][3] = 0.0f;
#else
  // Of a warp, lanes two apart share rows and neighbours share columns: shared memory then serves half a warp's fours at a time.
  constexpr int lanesAcross = T::across < 8 ? T::across : 8;
  constexpr int warpsAcross = T::across / lanesAcross;
  const int column = (lane / 2 % lanesAcross + warp % warpsAcross * lanesAcross) * T::columnsEach;
  const int row = (lane / (2 * lanesAcross) * 2 + lane % 2 + warp / warpsAcross * (32 / lanesAcross)) *
                  (T::rowsEach < 4 ? T::rowsEach : 4);
  float sums[T::rowsEach][T::columnsEach];
#pragma unroll
  for (int i = 0; i < T::rowsEach; i++)
#pragma unroll
    for (int j = 0; j < T::columnsEach; j++) sums[i][j] = 0.0f;
#endif
  for (int i = 0; i <= chunks; i++) {
    if (i < chunks) {
      a.fetch();
      b.fetch();
    }
    if (i > 0) {
      auto left = as[(i - 1) % 2];
      auto right = bs[(i - 1) % 2];
#ifdef TENSOR_CORES
#pragma unroll
      for (int eight = 0; eight < chunk; eight += 8) {
        const int p = eight + lane % 4;
        float r[along][2];
#pragma unroll
        for (int j = 0; j < along; j++) {
          r[j][0] = right[p][column + 8 * j];
          r[j][1] = right[p + 4][column + 8 * j];
        }
#pragma unroll
        for (int i = 0; i < down; i++) {
          const float* at = &left[p][row + 16 * i];
          const float* below = &left[p + 4][row + 16 * i];
          const float l[4] = {at[0], at[8], below[0], below[8]};
#pragma unroll
          for (int j = 0; j < along; j++) multiplyOnTensorCores(sums[i][j], l, r[j]);
        }
      }
#else
#pragma unroll 4
      for (int p = 0; p < chunk; p++) {
        float l[T::rowsEach], r[T::columnsEach];
        if constexpr (T::rowsEach == 8) {
          load4(l, &left[p][row]);
          load4(l + 4, &left[p][row + T::rows / 2]);
        } else if constexpr (T::rowsEach == 4) load4(l, &left[p][row]);
        else load2(l, &left[p][row]);
        if constexpr (T::columnsEach == 4) load4(r, &right[p][column]);
        else load2(r, &right[p][column]);
#pragma unroll
        for (int i = 0; i < T::rowsEach; i++)
#pragma unroll
          for (int j = 0; j < T::columnsEach; j++) sums[i][j] = mulAdd(l[i], r[j], sums[i][j]);
      }
#endif
      if (sumsColumns && threadIdx.x < T::columns)
#pragma unroll 4
        for (int p = 0; p < chunk; p++) columnSum += right[p][threadIdx.x];
    }
    if (i < chunks) {
      a.put(as[i % 2]);
      b.put(bs[i % 2]);
      __syncthreads();
    }
  }
#ifdef TENSOR_CORES
#pragma unroll
  for (int i = 0; i < down; i++)
#pragma unroll
    for (int j = 0; j < along; j++)
#pragma unroll
      for (int half = 0; half < 2; half++)
        store(row + 16 * i + 8 * half, column - lane / 4 + 8 * j + lane % 4 * 2, &sums[i][j][2 * half]);
#else
#pragma unroll
  for (int i = 0; i < T::rowsEach; i++) store(row + i % 4 + i / 4 * (T::rows / 2), column, sums[i]);
#endif
}

/** Stores a row's values where they are within the product. */
template <int count>
static INLINE void storeRow(float* to, const float values[count], unsigned column, unsigned columns) {
  if (count == 4 && columns % 4 == 0) {
    if (column < columns) storeFour(to, values);
    return;
  }
#pragma unroll
  for (int j = 0; j < count; j++)
    if (column + j < columns) to[j] = values[j];
}

/** y, or its parts one behind the other; bias may be null. */
template <class T>
static INLINE void convolve(const float* __restrict__ x, const float* __restrict__ filter, const float* __restrict__ bias,
                     float* __restrict__ y, const Convolution& of, const Division& how) {
  const unsigned pixels = of.batch * of.rows * of.columns, columns = of.outputs / of.groups;
  const unsigned steps = of.kernelHeight * of.kernelWidth * (of.inputs / of.groups);
  const Work work = workOf<T>(how, steps);
  Patches<T::rows> a(x, of, work.group, work.row, work.firstStep);
  Columns<T::columns> b(filter, steps, of, work.group, work.column, work.firstStep);
  const unsigned output = work.group * columns + work.column;
  float* to = y + (long long)work.part * pixels * of.outputs + output;
  float none = 0.0f;
  multiply<T>(a, b, work.chunks, false, none, [&](unsigned row, unsigned column, const float* sums) {
    float values[T::storedEach];
#pragma unroll
    for (int j = 0; j < T::storedEach; j++)
      values[j] = bias && work.column + column + j < columns ? sums[j] + bias[output + column + j] : sums[j];
    if (work.row + row < pixels)
      storeRow<T::storedEach>(to + ((work.row + row) * of.outputs + column), values, work.column + column, columns);
  });
}

/** dFilter and dBias, or their parts; dBias may be null, and a part is then without it. */
template <class T>
static INLINE void gradientOfFilter(const float* __restrict__ x, const float* __restrict__ dy, float* __restrict__ dFilter,
                             float* __restrict__ dBias, const Convolution& of, const Division& how) {
  const unsigned taps = of.kernelHeight * of.kernelWidth * (of.inputs / of.groups), columns = of.outputs / of.groups;
  const unsigned steps = of.batch * of.rows * of.columns;
  const Work work = workOf<T>(how, steps);
  Taps<T::rows> a(x, of, work.group, work.row, work.firstStep);
  Columns<T::columns> b(dy, steps, of, work.group, work.column, work.firstStep);
  const long long part = (long long)work.part * (taps * of.outputs + (dBias ? of.outputs : 0));
  const unsigned output = work.group * columns + work.column;
  const bool forBias = dBias && work.row == 0;
  float sum = 0.0f;
  multiply<T>(a, b, work.chunks, forBias, sum, [&](unsigned row, unsigned column, const float* sums) {
    if (work.row + row < taps)
      storeRow<T::storedEach>(dFilter + part + (output + (work.row + row) * of.outputs + column), sums,
                               work.column + column, columns);
  });
  if (forBias && threadIdx.x < T::columns && work.column + threadIdx.x < columns)
    dBias[part + output + threadIdx.x] = sum;
}

/** dx, or its parts. */
template <class T>
static INLINE void gradientOfInput(const float* __restrict__ dy, const float* __restrict__ filter, float* __restrict__ dx,
                            const Convolution& of, const Division& how) {
  const unsigned pixels = of.batch * of.height * of.width, columns = of.inputs / of.groups;
  const Work work = workOf<T>(how, of.kernelHeight * of.kernelWidth * (of.outputs / of.groups));
  Reached<T::rows> a(dy, of, work.group, work.row, work.firstStep);
  TurnedFilter<T::columns> b(filter, of, work.group, work.column, work.firstStep);
  float* to = dx + (long long)work.part * pixels * of.inputs + (work.group * columns + work.column);
  float none = 0.0f;
  multiply<T>(a, b, work.chunks, false, none, [&](unsigned row, unsigned column, const float* sums) {
    if (work.row + row < pixels)
      storeRow<T::storedEach>(to + ((work.row + row) * of.inputs + column), sums, work.column + column, columns);
  });
}

using Tile64x64 = Tile<64, 64, 8, 4>;
using Tile128x32 = Tile<128, 32, 8, 4>;
using Tile64x32 = Tile<64, 32, 4, 4>;
using Tile64x16 = Tile<64, 16, 4, 2>;
using Tile64x8 = Tile<64, 8, 2, 2>;
using Tile32x32 = Tile<32, 32, 4, 2>;

KERNEL __launch_bounds__(convolutionThreads)
TILED(convolution64x64)(const float* __restrict__ x, const float* __restrict__ filter, const float* __restrict__ bias,
               float* __restrict__ y, Convolution of, Division how) {
  convolve<Tile64x64>(x, filter, bias, y, of, how);
}

KERNEL __launch_bounds__(convolutionThreads)
TILED(convolution128x32)(const float* __restrict__ x, const float* __restrict__ filter, const float* __restrict__ bias,
               float* __restrict__ y, Convolution of, Division how) {
  convolve<Tile128x32>(x, filter, bias, y, of, how);
}

KERNEL __launch_bounds__(convolutionThreads)
TILED(convolution64x32)(const float* __restrict__ x, const float* __restrict__ filter, const float* __restrict__ bias,
               float* __restrict__ y, Convolution of, Division how) {
  convolve<Tile64x32>(x, filter, bias, y, of, how);
}

KERNEL __launch_bounds__(convolutionThreads)
TILED(convolution64x16)(const float* __restrict__ x, const float* __restrict__ filter, const float* __restrict__ bias,
               float* __restrict__ y, Convolution of, Division how) {
  convolve<Tile64x16>(x, filter, bias, y, of, how);
}

KERNEL __launch_bounds__(convolutionThreads)
TILED(convolution64x8)(const float* __restrict__ x, const float* __restrict__ filter, const float* __restrict__ bias,
               float* __restrict__ y, Convolution of, Division how) {
  convolve<Tile64x8>(x, filter, bias, y, of, how);
}

KERNEL __launch_bounds__(convolutionThreads)
TILED(convolutionFilterGrad64x64)(const float* __restrict__ x, const float* __restrict__ dy, float* __restrict__ dFilter,
                         float* __restrict__ dBias, Convolution of, Division how) {
  gradientOfFilter<Tile64x64>(x, dy, dFilter, dBias, of, how);
}

KERNEL __launch_bounds__(convolutionThreads)
TILED(convolutionFilterGrad64x32)(const float* __restrict__ x, const float* __restrict__ dy, float* __restrict__ dFilter,
                         float* __restrict__ dBias, Convolution of, Division how) {
  gradientOfFilter<Tile64x32>(x, dy, dFilter, dBias, of, how);
}

KERNEL __launch_bounds__(convolutionThreads)
TILED(convolutionFilterGrad64x16)(const float* __restrict__ x, const float* __restrict__ dy, float* __restrict__ dFilter,
                         float* __restrict__ dBias, Convolution of, Division how) {
  gradientOfFilter<Tile64x16>(x, dy, dFilter, dBias, of, how);
}

KERNEL __launch_bounds__(convolutionThreads)
TILED(convolutionFilterGrad32x32)(const float* __restrict__ x, const float* __restrict__ dy, float* __restrict__ dFilter,
                         float* __restrict__ dBias, Convolution of, Division how) {
  gradientOfFilter<Tile32x32>(x, dy, dFilter, dBias, of, how);
}

KERNEL __launch_bounds__(convolutionThreads)
TILED(convolutionInputGrad64x64)(const float* __restrict__ dy, const float* __restrict__ filter, float* __restrict__ dx,
                        Convolution of, Division how) {
  gradientOfInput<Tile64x64>(dy, filter, dx, of, how);
}

KERNEL __launch_bounds__(convolutionThreads)
TILED(convolutionInputGrad128x32)(const float* __restrict__ dy, const float* __restrict__ filter, float* __restrict__ dx,
                        Convolution of, Division how) {
  gradientOfInput<Tile128x32>(dy, filter, dx, of, how);
}

KERNEL __launch_bounds__(convolutionThreads)
TILED(convolutionInputGrad64x32)(const float* __restrict__ dy, const float* __restrict__ filter, float* __restrict__ dx,
                        Convolution of, Division how) {
  gradientOfInput<Tile64x32>(dy, filter, dx, of, how);
}

KERNEL __launch_bounds__(convolutionThreads)
TILED(convolutionInputGrad64x16)(const float* __restrict__ dy, const float* __restrict__ filter, float* __restrict__ dx,
                        Convolution of, Division how) {
  gradientOfInput<Tile64x16>(dy, filter, dx, of, how);
}

KERNEL __launch_bounds__(convolutionThreads)
TILED(convolutionInputGrad64x8)(const float* __restrict__ dy, const float* __restrict__ filter, float* __restrict__ dx,
                        Convolution of, Division how) {
  gradientOfInput<Tile64x8>(dy, filter, dx, of, how);
}

#ifndef TENSOR_CORES
static constexpr int sumColumns = 8;

/**
 * Adds the parts of each value in their order within 32 shares; blocks: 8 values each. The first `firstSize` of `size` values go to
 * `first`, the others to `second`; where bias is not null, the value of a pixel's output gets its bias.
 */
KERNEL __launch_bounds__(256)
convolutionSum(const float* __restrict__ parts, const float* __restrict__ bias, float* __restrict__ first,
               float* __restrict__ second, int count, int size, int firstSize, int outputs) {
  __shared__ float warps[8][sumColumns];
  const int column = threadIdx.x % sumColumns;
  const unsigned at = blockIdx.x * sumColumns + column;
  float sum = 0.0f;
  if (at < unsigned(size))
    for (int part = threadIdx.x / sumColumns; part < count; part += 256 / sumColumns)
      sum += parts[(long long)part * size + at];
  sum += shuffleXor(sum, 8);
  sum += shuffleXor(sum, 16);
  if (threadIdx.x % 32 < sumColumns) warps[threadIdx.x / 32][column] = sum;
  __syncthreads();
  if (threadIdx.x >= sumColumns || at >= unsigned(size)) return;
  for (int warp = 1; warp < 8; warp++) sum += warps[warp][column];
  if (bias) sum += bias[at % outputs];
  if (at < unsigned(firstSize)) first[at] = sum;
  else second[at - firstSize] = sum;
}

/** The same of few parts: a thread for each value. */
KERNEL __launch_bounds__(256)
convolutionSumFew(const float* __restrict__ parts, const float* __restrict__ bias, float* __restrict__ first,
                  float* __restrict__ second, int count, int size, int firstSize, int outputs) {
  const unsigned at = blockIdx.x * 256 + threadIdx.x;
  if (at >= unsigned(size)) return;
  float sum = parts[at];
  for (int part = 1; part < count; part++) sum += parts[(long long)part * size + at];
  if (bias) sum += bias[at % outputs];
  if (at < unsigned(firstSize)) first[at] = sum;
  else second[at - firstSize] = sum;
}
#endif

#if defined(REFERENCE) && !defined(TENSOR_CORES)
/** Calls visit(element of x, of the filter, of y) for every product that is not with padding. */
template <class Visit> DEVICE void visitProducts(const Convolution& of, Visit visit) {
  const int taken = of.inputs / of.groups, made = of.outputs / of.groups;
  for (int b = 0; b < of.batch; b++)
    for (int row = 0; row < of.rows; row++)
      for (int column = 0; column < of.columns; column++)
        for (int o = 0; o < of.outputs; o++)
          for (int kr = 0; kr < of.kernelHeight; kr++)
            for (int kc = 0; kc < of.kernelWidth; kc++) {
              const int r = row * of.strideHeight + kr * of.dilationHeight - of.top;
              const int c = column * of.strideWidth + kc * of.dilationWidth - of.left;
              if (r < 0 || r >= of.height || c < 0 || c >= of.width) continue;
              for (int i = 0; i < taken; i++)
                visit(((b * of.height + r) * of.width + c) * of.inputs + o / made * taken + i,
                      ((kr * of.kernelWidth + kc) * taken + i) * of.outputs + o,
                      ((b * of.rows + row) * of.columns + column) * of.outputs + o);
            }
}

KERNEL convolutionReference(const float* x, const float* filter, const float* bias, float* y, Convolution of) {
  for (int at = 0; at < of.batch * of.rows * of.columns * of.outputs; at++) y[at] = bias ? bias[at % of.outputs] : 0;
  visitProducts(of, [&](int pixel, int tap, int at) { y[at] += x[pixel] * filter[tap]; });
}

KERNEL convolutionGradReference(const float* dy, const float* x, const float* filter, float* dFilter, float* dBias,
                                float* dx, Convolution of) {
  const int filterSize = of.kernelHeight * of.kernelWidth * (of.inputs / of.groups) * of.outputs;
  for (int i = 0; i < filterSize; i++) dFilter[i] = 0;
  for (int o = 0; o < of.outputs; o++) dBias[o] = 0;
  for (int i = 0; i < of.batch * of.height * of.width * of.inputs; i++) dx[i] = 0;
  for (int at = 0; at < of.batch * of.rows * of.columns * of.outputs; at++) dBias[at % of.outputs] += dy[at];
  visitProducts(of, [&](int pixel, int tap, int at) {
    dFilter[tap] += dy[at] * x[pixel];
    dx[pixel] += dy[at] * filter[tap];
  });
}
#endif
