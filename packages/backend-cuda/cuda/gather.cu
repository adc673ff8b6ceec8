// tfjs's GatherV2, UnsortedSegmentSum and OneHot.
// Check: npx vitest run packages/backend-cuda -t gather
#include "elementwise.cu"

/** out[s, o, i, n] = x[s, o, indices[s, i], n]; an index out of range gives 0. */
KERNEL gather(const void* __restrict__ x, const int* __restrict__ indices, void* __restrict__ out, int size, int outer,
              int axis, int count, int inner, int type) {
  const int at = globalThread();
  if (at >= size) return;
  const int n = at % inner;
  const int i = at / inner % count;
  const int o = at / inner / count % outer;
  const int s = at / inner / count / outer;
  const int index = indices[s * count + i];
  const bool inside = index >= 0 && index < axis;
  store(out, type, at, inside ? load(x, type, (((long long)s * outer + o) * axis + index) * inner + n) : 0.0);
}

/** out[s, n] = sum of x[i, n] where segments[i] = s, in the order of i. */
KERNEL segmentSum(const void* __restrict__ x, const int* __restrict__ segments, void* __restrict__ out, int size,
                  int count, int inner, int type) {
  const int at = globalThread();
  if (at >= size) return;
  double sum = 0.0;
  for (int i = 0; i < count; i++)
    if (segments[i] == at / inner) sum += load(x, type, (long long)i * inner + at % inner);
  store(out, type, at, sum);
}

KERNEL oneHot(const int* __restrict__ indices, void* __restrict__ out, int size, int depth, int type, double on,
              double off) {
  const int at = globalThread();
  if (at < size) store(out, type, at, indices[at / depth] == at % depth ? on : off);
}
