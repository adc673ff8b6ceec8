// out[i] = f(a[i]), f(a[i], b[i]) or (condition[i] ? a[i] : b[i]), with tfjs's broadcasting. Values are float32, int32 or bool (bytes);
// they are computed in float64 and rounded once, which for + - * / and sqrt is the correctly rounded float32.
// The operations' numbers are those of src/elementwise.ts.
// Check: npx vitest run packages/backend-cuda -t elementwise
#pragma once
#include "math.cuh"

enum Type { float32 = 0, int32 = 1, boolean = 2 };

DEVICE double load(const void* from, int type, long long i) {
  if (type == float32) return double(((const float*)from)[i]);
  if (type == int32) return double(((const int*)from)[i]);
  return double(((const byte*)from)[i]);
}

/** A float becomes an integer as in JavaScript: truncated, what is no number or too large as 0. */
DEVICE void store(void* to, int type, long long i, double value) {
  if (type == float32) ((float*)to)[i] = float(value);
  else if (type == int32) ((int*)to)[i] = value > -2147483649.0 && value < 2147483648.0 ? int(value) : 0;
  else ((byte*)to)[i] = value != 0.0 ? 1 : 0;
}

DEVICE double floor64(double x) {
  if (!(x > -4503599627370496.0 && x < 4503599627370496.0)) return x;
  const double whole = double((long long)x);
  return whole > x ? whole - 1.0 : whole;
}

/** sin(x) for x reduced by multiples of pi / 2 in three parts: exact enough for |x| below 1e5, as float32. */
DEVICE double sine(double x, int quarter) {
  const double n = nearest(x * 0.6366197723675814);
  const double r = ((x - n * 1.5707963267341256) - n * 6.077100506303966e-11) - n * 2.0222662487959506e-21;
  const int turn = (int(n) + quarter) & 3;
  const double square = r * r;
  double sum = 0.0;
  if (turn & 1) {
    for (int k = 18; k >= 2; k -= 2) sum = (1.0 + sum) * -square / double(k * (k - 1));
    sum += 1.0;
  } else {
    for (int k = 19; k >= 3; k -= 2) sum = (1.0 + sum) * -square / double(k * (k - 1));
    sum = r + r * sum;
  }
  return turn & 2 ? -sum : sum;
}

DEVICE double hyperbolicTangent(double x) {
  if (x > 20.0) return 1.0;
  if (x < -20.0) return -1.0;
  if (x > -1e-4 && x < 1e-4) return x - x * x * x / 3.0;
  const double e = exp64(2.0 * x);
  return (e - 1.0) / (e + 1.0);
}

/** exp(x) - 1 without loss near 0. */
DEVICE double expMinus1(double x) {
  return x > -1e-5 && x < 1e-5 ? x + 0.5 * x * x + x * x * x / 6.0 : exp64(x) - 1.0;
}

DEVICE double unaryOf(int operation, double x, double first, double second) {
  switch (operation) {
    case 0: return x; // a cast, or a copy
    case 1: return -x;
    case 2: return x < 0.0 ? -x : x;
    case 3: return exp64(x);
    case 4: return log64(x);
    case 5: return x > 0.0 ? x : x == x ? 0.0 : x; // relu
    case 6: return x > 6.0 ? 6.0 : x > 0.0 ? x : x == x ? 0.0 : x;
    case 7: return __builtin_sqrt(x);
    case 8: return 1.0 / __builtin_sqrt(x);
    case 9: return x * x;
    case 10: return x == x ? (x > 0.0 ? 1.0 : first) : x; // step
    case 11: return 1.0 / (1.0 + exp64(-x));
    case 12: return hyperbolicTangent(x);
    case 13: return floor64(x);
    case 14: return -floor64(-x);
    case 15: { // to the nearest, ties to even
      const double low = floor64(x);
      const double rest = x - low;
      if (rest != 0.5) return rest < 0.5 ? low : low + 1.0;
      return floor64(low / 2.0) * 2.0 == low ? low : low + 1.0;
    }
    case 16: return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : 0.0; // of NaN, too, as in tfjs
    case 17: return x == 0.0 ? 1.0 : 0.0; // logical not
    case 18: return x < first ? first : x > second ? second : x; // clip
    case 19: return x > 0.0 ? x : first * x; // leaky relu
    case 20: return x >= 0.0 ? x : expMinus1(x); // elu
    case 21: return x != x ? 1.0 : 0.0;
    case 22: return x - x == 0.0 ? 1.0 : 0.0; // is finite
    case 23: return x == INFINITE || x == -INFINITE ? 1.0 : 0.0;
    case 24: return 1.0 / x;
    case 25: return expMinus1(x);
    case 26: return x > -1e-5 && x < 1e-5 ? x - 0.5 * x * x + x * x * x / 3.0 : log64(1.0 + x);
    case 27: return sine(x, 0);
    case 28: return sine(x, 1);
    case 29: return x > 30.0 ? x : x < -30.0 ? exp64(x) : log64(1.0 + exp64(x)); // softplus
    default: return NOT_A_NUMBER;
  }
}

DEVICE double powerOf(double base, double exponent) {
  if (exponent == 0.0 || base == 1.0) return 1.0;
  const bool whole = floor64(exponent) == exponent;
  if (whole && exponent > -64.0 && exponent < 64.0) {
    double result = 1.0;
    for (int n = int(exponent < 0.0 ? -exponent : exponent); n > 0; n >>= 1) {
      if (n & 1) result *= base;
      base *= base;
    }
    return exponent < 0.0 ? 1.0 / result : result;
  }
  if (base < 0.0) {
    if (!whole) return NOT_A_NUMBER;
    const double magnitude = exp64(exponent * log64(-base));
    return floor64(exponent / 2.0) * 2.0 == exponent ? magnitude : -magnitude;
  }
  if (base == 0.0) return exponent > 0.0 ? 0.0 : INFINITE;
  return exp64(exponent * log64(base));
}

DEVICE double binaryOf(int operation, double a, double b) {
  switch (operation) {
    case 0: return a + b;
    case 1: return a - b;
    case 2: return a * b;
    case 3: return a / b;
    case 4: return a != a || a > b ? a : b; // maximum
    case 5: return a != a || a < b ? a : b; // minimum
    case 6: return powerOf(a, b);
    case 7: return (a - b) * (a - b);
    case 8: return floor64(a / b);
    case 9: { // the remainder with the sign of b
      const double rest = a - b * floor64(a / b);
      return rest;
    }
    case 10: return a == b ? 1.0 : 0.0;
    case 11: return a != b ? 1.0 : 0.0;
    case 12: return a > b ? 1.0 : 0.0;
    case 13: return a >= b ? 1.0 : 0.0;
    case 14: return a < b ? 1.0 : 0.0;
    case 15: return a <= b ? 1.0 : 0.0;
    case 16: return a != 0.0 && b != 0.0 ? 1.0 : 0.0;
    case 17: return a != 0.0 || b != 0.0 ? 1.0 : 0.0;
    case 18: return a >= 0.0 ? a : a * b; // prelu
    case 19: return b >= 0.0 ? a : a * (b + 1.0); // the gradient of elu for dy = a, y = b
    default: return NOT_A_NUMBER;
  }
}

KERNEL unary(const void* __restrict__ a, void* __restrict__ out, int size, int operation, int type, int outType,
             double first, double second) {
  const int i = globalThread();
  if (i < size) store(out, outType, i, unaryOf(operation, load(a, type, i), first, second));
}

static constexpr int broadcastRank = 6;

/** Sizes of the result, outermost first, and how far a step in each lies in a and in b: 0 where it is broadcast. */
struct Broadcast {
  int rank;
  int size[broadcastRank];
  int a[broadcastRank];
  int b[broadcastRank];
};

KERNEL binary(const void* __restrict__ a, const void* __restrict__ b, void* __restrict__ out, int size, int operation,
              int typeOfA, int typeOfB, int outType, Broadcast of) {
  const int i = globalThread();
  if (i >= size) return;
  long long fromA = 0, fromB = 0;
  int rest = i;
  for (int axis = of.rank - 1; axis >= 0; axis--) {
    const int index = rest % of.size[axis];
    rest /= of.size[axis];
    fromA += (long long)index * of.a[axis];
    fromB += (long long)index * of.b[axis];
  }
  store(out, outType, i, binaryOf(operation, load(a, typeOfA, fromA), load(b, typeOfB, fromB)));
}

/** `inner` elements go with each condition. */
KERNEL choose(const byte* __restrict__ condition, const void* __restrict__ a, const void* __restrict__ b,
              void* __restrict__ out, int size, int inner, int type) {
  const int i = globalThread();
  if (i < size) store(out, type, i, load(condition[i / inner] ? a : b, type, i));
}

KERNEL fill(void* out, int size, int type, double value) {
  const int i = globalThread();
  if (i < size) store(out, type, i, value);
}
