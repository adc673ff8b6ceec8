// tfjs's MaxPool, AvgPool and their gradients: NHWC, any window, stride, dilation and padding. At a tie the first of a window in memory
// order is the largest, as in PyTorch; padding never is, and an average leaves it out.
// Check: npx vitest run packages/backend-cuda -t pool
#include "elementwise.cu"

struct Pool {
  int batch, height, width, channels;
  int rows, columns; // of y
  int windowHeight, windowWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, top, left;
};

struct Place {
  int image, row, column, channel;
};

DEVICE Place placeOf(int at, int rows, int columns, int channels) {
  return {at / channels / columns / rows, at / channels / columns % rows, at / channels % columns, at % channels};
}

/** Calls visit(index into x) for each element of a window, in memory order. */
template <class Visit> DEVICE void visitWindow(const Pool& of, Place place, Visit visit) {
  for (int wr = 0; wr < of.windowHeight; wr++) {
    const int r = place.row * of.strideHeight + wr * of.dilationHeight - of.top;
    if (r < 0 || r >= of.height) continue;
    for (int wc = 0; wc < of.windowWidth; wc++) {
      const int c = place.column * of.strideWidth + wc * of.dilationWidth - of.left;
      if (c >= 0 && c < of.width)
        visit((((long long)place.image * of.height + r) * of.width + c) * of.channels + place.channel);
    }
  }
}

/** A thread for each element of y. */
KERNEL maxPool(const void* __restrict__ x, void* __restrict__ y, int type, Pool of) {
  const int at = globalThread();
  if (at >= of.batch * of.rows * of.columns * of.channels) return;
  double best = -INFINITE;
  visitWindow(of, placeOf(at, of.rows, of.columns, of.channels), [&](long long from) {
    const double value = load(x, type, from);
    best = value > best ? value : best; // NaN is passed over, as in tfjs
  });
  store(y, type, at, best);
}

KERNEL averagePool(const float* __restrict__ x, float* __restrict__ y, Pool of) {
  const int at = globalThread();
  if (at >= of.batch * of.rows * of.columns * of.channels) return;
  float sum = 0.0f;
  int count = 0;
  visitWindow(of, placeOf(at, of.rows, of.columns, of.channels), [&](long long from) {
    sum += x[from];
    count++;
  });
  y[at] = sum / float(count);
}

/** Calls visit(place of y) for each window that a place of x is in. */
template <class Visit> DEVICE void visitWindowsOf(const Pool& of, Place place, Visit visit) {
  for (int wr = 0; wr < of.windowHeight; wr++) {
    const int down = place.row + of.top - wr * of.dilationHeight;
    if (down < 0 || down % of.strideHeight != 0 || down / of.strideHeight >= of.rows) continue;
    for (int wc = 0; wc < of.windowWidth; wc++) {
      const int along = place.column + of.left - wc * of.dilationWidth;
      if (along >= 0 && along % of.strideWidth == 0 && along / of.strideWidth < of.columns)
        visit(Place{place.image, down / of.strideHeight, along / of.strideWidth, place.channel});
    }
  }
}

DEVICE long long indexOf(const Pool& of, Place y) {
  return (((long long)y.image * of.rows + y.row) * of.columns + y.column) * of.channels + y.channel;
}

/** A thread for each element of x: dy of each window whose first largest it is. */
KERNEL maxPoolGrad(const float* __restrict__ dy, const float* __restrict__ x, float* __restrict__ dx, Pool of) {
  const int at = globalThread();
  if (at >= of.batch * of.height * of.width * of.channels) return;
  float sum = 0.0f;
  visitWindowsOf(of, placeOf(at, of.height, of.width, of.channels), [&](Place y) {
    float best = -float(INFINITE);
    long long winner = -1;
    visitWindow(of, y, [&](long long from) {
      if (winner < 0 || x[from] > best) {
        best = x[from];
        winner = from;
      }
    });
    if (winner == at) sum += dy[indexOf(of, y)];
  });
  dx[at] = sum;
}

/** The same where windows lie side by side and cover the image: a thread for each element of y writes its whole window. */
KERNEL maxPoolGradApart(const float* __restrict__ dy, const float* __restrict__ x, float* __restrict__ dx, Pool of) {
  const int at = globalThread();
  if (at >= of.batch * of.rows * of.columns * of.channels) return;
  const Place y = placeOf(at, of.rows, of.columns, of.channels);
  float best = -float(INFINITE);
  long long winner = -1;
  visitWindow(of, y, [&](long long from) {
    const float value = x[from];
    if (winner < 0 || value > best) {
      best = value;
      winner = from;
    }
  });
  const float value = dy[at];
  visitWindow(of, y, [&](long long to) { dx[to] = to == winner ? value : 0.0f; });
}

/** tfjs divides by the whole window here, whatever of it is padding. */
KERNEL averagePoolGrad(const float* __restrict__ dy, float* __restrict__ dx, Pool of) {
  const int at = globalThread();
  if (at >= of.batch * of.height * of.width * of.channels) return;
  float sum = 0.0f;
  visitWindowsOf(of, placeOf(at, of.height, of.width, of.channels), [&](Place y) { sum += dy[indexOf(of, y)]; });
  dx[at] = sum / float(of.windowHeight * of.windowWidth);
}
