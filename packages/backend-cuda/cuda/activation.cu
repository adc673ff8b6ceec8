// y = f(x) of each element by itself, and dx = dy f'(x): relu, tanh, sigmoid, gelu, elu, leaky relu, silu, softplus.
// A thread takes four neighbours, the last one what is left. The functions' numbers are those of src/activation.ts.
// Check: npx vitest run packages/backend-cuda -t "gradient"
#include "elementwise.cu"
#include "exponential.cuh"

enum Activation { reluOf, tanhOf, sigmoidOf, geluOf, eluOf, leakyReluOf, siluOf, softplusOf };

static constexpr int activationThreads = 256;

DEVICE float rectified(float x) { return x < 0.0f ? 0.0f : x; } // NaN stays

/** The normal distribution up to x. */
DEVICE float normal(float x) { return mulAdd(errorFunction(x * 0.70710678f), 0.5f, 0.5f); }

template <int what> DEVICE float valueOf(float x, float parameter) {
  if (what == reluOf) return rectified(x);
  if (what == tanhOf) return tanh32(x);
  if (what == sigmoidOf) return logistic(x);
  if (what == geluOf) return x * normal(x);
  if (what == siluOf) return x * logistic(x);
  if (what == softplusOf) return rectified(x) + logOnePlus(expNegative(-magnitude(x)));
  if (x > 0.0f) return x;
  return (what == eluOf ? expMinusOne(x) : x) * parameter;
}

/** @param of y for relu, tanh and sigmoid, else x */
template <int what> DEVICE float gradientOf(float dy, float of, float parameter) {
  if (what == reluOf) return of > 0.0f ? dy : 0.0f;
  if (what == tanhOf) return dy * (1.0f - of * of);
  if (what == sigmoidOf) return dy * (of * (1.0f - of));
  if (what == geluOf) return dy * mulAdd(of, expNegative(of * of * -0.5f) * 0.39894228f, normal(of));
  if (what == softplusOf) return dy * logistic(of);
  if (what == siluOf) {
    const float s = logistic(of);
    return dy * (s * mulAdd(of, 1.0f - s, 1.0f));
  }
  if (of > 0.0f) return dy;
  return dy * (what == eluOf ? expNegative(of) * parameter : parameter);
}

template <int what> DEVICE void valuesOf(const float* __restrict__ x, float* __restrict__ y, int count, float parameter) {
  const int from = 4 * globalThread();
  if (from >= count) return;
  if (from <= count - 4) {
    const float4_ four = *(const float4_*)(x + from);
    *(float4_*)(y + from) = {valueOf<what>(four.x, parameter), valueOf<what>(four.y, parameter),
                             valueOf<what>(four.z, parameter), valueOf<what>(four.w, parameter)};
  } else
    for (int i = from; i < count; i++) y[i] = valueOf<what>(x[i], parameter);
}

template <int what>
DEVICE void gradientsOf(const float* __restrict__ dy, const float* __restrict__ of, float* __restrict__ dx, int count,
                        float parameter) {
  const int from = 4 * globalThread();
  if (from >= count) return;
  if (from <= count - 4) {
    const float4_ d = *(const float4_*)(dy + from);
    const float4_ v = *(const float4_*)(of + from);
    *(float4_*)(dx + from) = {gradientOf<what>(d.x, v.x, parameter), gradientOf<what>(d.y, v.y, parameter),
                              gradientOf<what>(d.z, v.z, parameter), gradientOf<what>(d.w, v.w, parameter)};
  } else
    for (int i = from; i < count; i++) dx[i] = gradientOf<what>(dy[i], of[i], parameter);
}

/** @param parameter alpha of elu, the slope of leaky relu */
KERNEL __launch_bounds__(activationThreads)
activation(const float* __restrict__ x, float* __restrict__ y, int count, int what, float parameter) {
  switch (what) {
    case reluOf: return valuesOf<reluOf>(x, y, count, parameter);
    case tanhOf: return valuesOf<tanhOf>(x, y, count, parameter);
    case sigmoidOf: return valuesOf<sigmoidOf>(x, y, count, parameter);
    case geluOf: return valuesOf<geluOf>(x, y, count, parameter);
    case eluOf: return valuesOf<eluOf>(x, y, count, parameter);
    case leakyReluOf: return valuesOf<leakyReluOf>(x, y, count, parameter);
    case siluOf: return valuesOf<siluOf>(x, y, count, parameter);
    case softplusOf: return valuesOf<softplusOf>(x, y, count, parameter);
  }
}

KERNEL __launch_bounds__(activationThreads)
activationGrad(const float* __restrict__ dy, const float* __restrict__ x, const float* __restrict__ y,
               float* __restrict__ dx, int count, int what, float parameter) {
  switch (what) {
    case reluOf: return gradientsOf<reluOf>(dy, y, dx, count, parameter);
    case tanhOf: return gradientsOf<tanhOf>(dy, y, dx, count, parameter);
    case sigmoidOf: return gradientsOf<sigmoidOf>(dy, y, dx, count, parameter);
    case geluOf: return gradientsOf<geluOf>(dy, x, dx, count, parameter);
    case eluOf: return gradientsOf<eluOf>(dy, x, dx, count, parameter);
    case leakyReluOf: return gradientsOf<leakyReluOf>(dy, x, dx, count, parameter);
    case siluOf: return gradientsOf<siluOf>(dy, x, dx, count, parameter);
    case softplusOf: return gradientsOf<softplusOf>(dy, x, dx, count, parameter);
  }
}

#ifdef REFERENCE
/** The error function by its Taylor series, which beyond 6 is 1. */
DEVICE double erf64(double x) {
  if (x > 6.0 || x < -6.0) return x > 0.0 ? 1.0 : -1.0;
  double term = x, sum = x;
  for (int n = 1; n < 200; n++) {
    term *= 2.0 * x * x / (2.0 * n + 1.0);
    sum += term;
  }
  return 1.1283791670955126 * exp64(-x * x) * sum;
}

DEVICE double logistic64(double x) { return 1.0 / (1.0 + exp64(-x)); }
DEVICE double normal64(double x) { return 0.5 * (1.0 + erf64(x * 0.7071067811865476)); }

KERNEL activationReference(const float* x, float* y, int count, int what, float parameter) {
  for (int i = 0; i < count; i++) {
    const double v = x[i];
    double value = v > 0.0 ? v : v * parameter; // leaky relu
    if (what == reluOf) value = v < 0.0 ? 0.0 : v;
    if (what == tanhOf) value = hyperbolicTangent(v);
    if (what == sigmoidOf) value = logistic64(v);
    if (what == geluOf) value = v * normal64(v);
    if (what == eluOf && !(v > 0.0)) value = parameter * expMinus1(v);
    if (what == siluOf) value = v * logistic64(v);
    if (what == softplusOf) value = v > 30.0 ? v : v < -15.0 ? exp64(v) * (1.0 - 0.5 * exp64(v)) : log64(1.0 + exp64(v));
    y[i] = float(value);
  }
}

KERNEL activationGradReference(const float* dy, const float* x, const float*, float* dx, int count, int what,
                               float parameter) {
  for (int i = 0; i < count; i++) {
    const double v = x[i];
    double slope = v > 0.0 ? 1.0 : parameter;
    if (what == reluOf) slope = v > 0.0 ? 1.0 : 0.0;
    if (what == tanhOf) slope = 1.0 - hyperbolicTangent(v) * hyperbolicTangent(v);
    if (what == sigmoidOf) slope = logistic64(v) * logistic64(-v);
    if (what == geluOf) slope = normal64(v) + v * exp64(-v * v / 2.0) * 0.3989422804014327;
    if (what == eluOf && !(v > 0.0)) slope = parameter * exp64(v);
    if (what == siluOf) slope = logistic64(v) * (1.0 + v * logistic64(-v));
    if (what == softplusOf) slope = logistic64(v);
    dx[i] = float(dy[i] * slope);
  }
}
#endif
