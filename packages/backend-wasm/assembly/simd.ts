// What every kernel here builds on. The build compiles all kernels twice: with relaxed SIMD, where a x b + c is one
// instruction and one rounding, and without.

/** a b + c in each of four lanes. */
@inline
export function fma(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(f32x4.mul(a, b), c)
}

/** The float at `address` in all four lanes. */
@inline
export function splat(address: usize, offset: usize): v128 {
  return v128.load32_splat(address + offset)
}

/** max(v, 0) in each lane; NaN stays NaN. */
@inline
export function rectified(v: v128): v128 {
  return f32x4.pmax(v, f32x4.splat(0))
}

/** The sum of the four lanes, in pairs. */
@inline
export function lanesSum(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
}

/**
 * `n` rounded up to a multiple of `step`. In f64 too, as everything that a size in bytes is computed with: a size that is asked for may
 * be larger than any address.
 */
@inline
export function roundUp<T>(n: T, step: T): T {
  if (isFloat<T>()) return ceil<T>(n / step) * step
  return ((n + step - <T>1) / step) * step
}

/** Sets `bytes` (a multiple of 4) from `to` on to zero. */
export function clear(to: usize, bytes: usize): void {
  const zero = f32x4.splat(0)
  const end = to + bytes
  for (; to + 16 <= end; to += 16) v128.store(to, zero)
  for (; to < end; to += 4) store<f32>(to, 0)
}

/** The same for any number of bytes, as a kernel. */
export function clearMemory(to: usize, bytes: usize): void {
  memory.fill(to, 0, bytes)
}

/** Copies `bytes` (a multiple of 4). */
export function copy(to: usize, from: usize, bytes: usize): void {
  const end = to + bytes
  for (; to + 16 <= end; to += 16, from += 16) v128.store(to, v128.load(from))
  for (; to < end; to += 4, from += 4) store<f32>(to, load<f32>(from))
}

/** One lane of v in all four: cheaper than a load where four pixels are in a vector already. */
@inline
export function lane0(v: v128): v128 {
  return i8x16.shuffle(v, v, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3)
}

@inline
export function lane1(v: v128): v128 {
  return i8x16.shuffle(v, v, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7)
}

@inline
export function lane2(v: v128): v128 {
  return i8x16.shuffle(v, v, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11, 8, 9, 10, 11)
}

@inline
export function lane3(v: v128): v128 {
  return i8x16.shuffle(v, v, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15)
}
