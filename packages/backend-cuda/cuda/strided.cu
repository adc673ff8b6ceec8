// Elements moved between a dense array and one with steps: transpose, slice, tile, reverse, broadcast (read) and concat, pad (write).
// Check: npx vitest run packages/backend-cuda -t moved
#include "device.cuh"

static constexpr int stridedRank = 8;

/** Sizes of the dense array, outermost first, and how far a step in each lies in the other one. */
struct Strided {
  int rank;
  int size[stridedRank];
  int step[stridedRank];
};

DEVICE long long placeOf(const Strided& of, int i) {
  long long place = 0;
  for (int axis = of.rank - 1; axis >= 0; axis--) {
    place += (long long)(i % of.size[axis]) * of.step[axis];
    i /= of.size[axis];
  }
  return place;
}

/** Elements of 4 bytes, or of 1. */
template <class Element, bool write>
DEVICE void move(const void* from, void* to, int size, int offset, const Strided& of) {
  const int i = globalThread();
  if (i >= size) return;
  const long long place = offset + placeOf(of, i);
  ((Element*)to)[write ? place : i] = ((const Element*)from)[write ? i : place];
}

KERNEL stridedRead(const void* __restrict__ from, void* __restrict__ to, int size, int offset, int bytes, Strided of) {
  if (bytes == 4) move<int, false>(from, to, size, offset, of);
  else move<byte, false>(from, to, size, offset, of);
}

KERNEL stridedWrite(const void* __restrict__ from, void* __restrict__ to, int size, int offset, int bytes, Strided of) {
  if (bytes == 4) move<int, true>(from, to, size, offset, of);
  else move<byte, true>(from, to, size, offset, of);
}
