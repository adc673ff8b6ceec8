// exp and what is computed beside it in float32, to a few units in the last place, by plain arithmetic: every compiler's bits are the same, and a
// GPU whose float64 is slow does not wait for it. NaN stays NaN.
#pragma once
#include "device.cuh"

DEVICE float bitsToFloat(unsigned bits) {
  float value;
  __builtin_memcpy(&value, &bits, 4);
  return value;
}
DEVICE unsigned floatToBits(float value) {
  unsigned bits;
  __builtin_memcpy(&bits, &value, 4);
  return bits;
}

DEVICE float magnitude(float x) { return bitsToFloat(floatToBits(x) & 0x7fffffffu); }
/** The sign of the second with the size of the first. */
DEVICE float copySign(float size, float sign) {
  return bitsToFloat((floatToBits(size) & 0x7fffffffu) | (floatToBits(sign) & 0x80000000u));
}

/**
 * exp(x) for x <= 0; 0 from where it is below the normal numbers.
 *
 * x = n log 2 + r; exp(r) by a polynomial, 2^n by the exponent's bits. Source: Moshier, Cephes, expf.
 */
DEVICE float expNegative(float x) {
  if (x < -87.3f) return 0.0f;
  const float shift = 12582912.0f; // 1.5 x 2^23: what is added to it loses its fraction, and its lowest bits are the whole number
  const float shifted = x * 1.44269504f + shift;
  const float n = shifted - shift;
  float r = mulAdd(n, -0.693359375f, x);
  r = mulAdd(n, 2.12194440e-4f, r);
  float p = mulAdd(1.9875691500e-4f, r, 1.3981999507e-3f);
  p = mulAdd(p, r, 8.3334519073e-3f);
  p = mulAdd(p, r, 4.1665795894e-2f);
  p = mulAdd(p, r, 1.6666665459e-1f);
  p = mulAdd(p, r, 5.0000001201e-1f);
  p = mulAdd(p, r * r, r) + 1.0f;
  return p * bitsToFloat((floatToBits(shifted) + 127u) << 23);
}

/** 1 / (1 + exp(-x)) */
DEVICE float logistic(float x) {
  const float e = expNegative(-magnitude(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

/** x P(x^2) / Q(x^2), up to where it is 1; within 5 units in the last place. Source: Eigen's ptanh_float. */
DEVICE float tanh32(float x) {
  const float largest = 7.99881172180175781f;
  x = x > largest ? largest : x < -largest ? -largest : x;
  const float s = x * x;
  float p = mulAdd(-2.76076847742355e-16f, s, 2.00018790482477e-13f);
  p = mulAdd(p, s, -8.60467152213735e-11f);
  p = mulAdd(p, s, 5.12229709037114e-8f);
  p = mulAdd(p, s, 1.48572235717979e-5f);
  p = mulAdd(p, s, 6.37261928875436e-4f);
  p = mulAdd(p, s, 4.89352455891786e-3f);
  float q = mulAdd(1.19825839466702e-6f, s, 1.18534705686654e-4f);
  q = mulAdd(q, s, 2.26843463243900e-3f);
  q = mulAdd(q, s, 4.89352518554385e-3f);
  return p * x / q;
}

/** Near 0 a polynomial in x^2; from 0.93 on 1 - exp of a polynomial. Source: Juffa, "Accurate implementation of erff", 2016. */
DEVICE float errorFunction(float x) {
  const float size = magnitude(x);
  const float t = size > 4.0f ? 4.0f : size; // from there on it is 1
  float p = mulAdd(-1.72853470e-5f, t, 3.83197126e-4f);
  p = mulAdd(p, t, -3.88396438e-3f);
  p = mulAdd(p, t, 2.42546219e-2f);
  p = mulAdd(p, t, -1.06777877e-1f);
  p = mulAdd(p, t, -6.34846687e-1f);
  p = mulAdd(p, t, -1.28717512e-1f);
  const float high = copySign(1.0f - expNegative(mulAdd(p, t, -t)), x);
  const float s = x * x;
  float q = mulAdd(-5.96761703e-4f, s, 4.99119423e-3f);
  q = mulAdd(q, s, -2.67681349e-2f);
  q = mulAdd(q, s, 1.12819925e-1f);
  q = mulAdd(q, s, -3.76125336e-1f);
  q = mulAdd(q, s, 1.28379166e-1f);
  return t > 0.927734375f ? high : mulAdd(q, x, x);
}

/** exp(x) - 1 for x <= 0: its Taylor series down to -0.5. */
DEVICE float expMinusOne(float x) {
  if (!(x > -0.5f)) return expNegative(x) - 1.0f;
  float p = mulAdd(float(1.0 / 362880), x, float(1.0 / 40320));
  p = mulAdd(p, x, float(1.0 / 5040));
  p = mulAdd(p, x, float(1.0 / 720));
  p = mulAdd(p, x, float(1.0 / 120));
  p = mulAdd(p, x, float(1.0 / 24));
  p = mulAdd(p, x, float(1.0 / 6));
  p = mulAdd(p, x, 0.5f);
  return mulAdd(p, x * x, x);
}

/** log(1 + u) for u from 0 to 1: 2 artanh(u / (2 + u)) by its series. */
DEVICE float logOnePlus(float u) {
  const float z = u / (u + 2.0f);
  const float s = z * z;
  float p = mulAdd(float(1.0 / 15), s, float(1.0 / 13));
  p = mulAdd(p, s, float(1.0 / 11));
  p = mulAdd(p, s, float(1.0 / 9));
  p = mulAdd(p, s, float(1.0 / 7));
  p = mulAdd(p, s, float(1.0 / 5));
  p = mulAdd(p, s, float(1.0 / 3));
  return mulAdd(p * s, z + z, z + z);
}
