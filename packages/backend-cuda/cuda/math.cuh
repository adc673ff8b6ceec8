// exp and log in float64, by plain arithmetic: the toolkit's are not at hand everywhere the kernels are compiled, and these
// give every compiler the same bits. Rounded to float32 their results are right to the last bit but for ties that are
// nearer than some 1e-13.
#pragma once
#include "device.cuh"

DEVICE double bitsToDouble(long long bits) {
  double value;
  __builtin_memcpy(&value, &bits, 8);
  return value;
}
DEVICE long long doubleToBits(double value) {
  long long bits;
  __builtin_memcpy(&bits, &value, 8);
  return bits;
}

#define NOT_A_NUMBER bitsToDouble(0x7ff8000000000000ll)
#define INFINITE bitsToDouble(0x7ff0000000000000ll)

/** The nearest integer, for values within 2^51. */
DEVICE double nearest(double x) {
  const double shift = 6755399441055744.0; // 1.5 x 2^52: what is added to it loses its fraction
  return (x + shift) - shift;
}

/** exp(x) = 2^n exp(r) with r in +-ln(2) / 2, by its Taylor series to r^13 (the rest is below 1e-17). */
DEVICE double exp64(double x) {
  if (!(x < 709.0)) return x == x ? INFINITE : x;
  if (x < -700.0) return 0.0;
  const double n = nearest(x * 1.4426950408889634);
  const double r = (x - n * 0.6931471803691238) - n * 1.9082149292705877e-10; // ln(2) in two parts
  double factorial = 6227020800.0; // of 13; unrolled, the divisions are done when this is compiled
  double sum = 1.0 / factorial;
#pragma unroll
  for (int k = 13; k >= 1; k--) {
    factorial /= double(k);
    sum = __builtin_fma(sum, r, 1.0 / factorial);
  }
  return sum * bitsToDouble((long long)(n + 1023.0) << 52);
}

/** log(m 2^n) = n ln(2) + 2 artanh((m - 1) / (m + 1)) with m in 0.7 .. 1.4, by its series to the 21st power. */
DEVICE double log64(double x) {
  if (!(x > 0.0)) return x == 0.0 ? -INFINITE : NOT_A_NUMBER;
  if (x == INFINITE) return x;
  double scale = 0.0;
  if (x < 2.3e-308) { // below the normal numbers
    x *= 18014398509481984.0; // 2^54
    scale = -54.0;
  }
  const long long bits = doubleToBits(x);
  double n = double(int((bits >> 52) & 2047) - 1023) + scale;
  double m = bitsToDouble((bits & 0xfffffffffffffll) | 0x3ff0000000000000ll);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    n += 1.0;
  }
  const double t = (m - 1.0) / (m + 1.0);
  const double square = t * t;
  double sum = 0.0;
#pragma unroll
  for (int k = 21; k >= 1; k -= 2) sum = __builtin_fma(sum, square, 1.0 / double(k));
  return n * 0.6931471805599453 + 2.0 * t * sum;
}

DEVICE float exp32(float x) { return float(exp64(double(x))); }
DEVICE float log32(float x) { return float(log64(double(x))); }
