import type { MersenneTwister } from './mersenne-twister'

const float64 = new Float64Array(1)
const bits = new BigInt64Array(float64.buffer)

/**
 * `a * b + c` for float32 values, rounded once to float32: a fused multiply-add.
 *
 * The product of two float32 is exact in float64. Their sum with `c` may not be, and rounding it twice (to float64, then
 * to float32) can miss. So the sum is rounded to odd first: where the exact sum lies between two float64, the one with
 * the odd last bit is taken, which the second rounding can't mistake for a tie (Boldo and Melquiond, "Emulation of FMA
 * and correctly rounded sums: proved algorithms using rounding to odd", IEEE TC 57(4), 2008).
 */
export const fusedMultiplyAdd = (a: number, b: number, c: number): number => {
  const product = a * b
  const sum = product + c
  // Knuth's two-sum: sum + error is product + c exactly.
  const rest = sum - product
  const error = product - (sum - rest) + (c - rest)
  if (error === 0) return Math.fround(sum)
  float64[0] = sum
  const even = (bits[0]! & 1n) === 0n
  if (even) bits[0]! += error > 0 === sum > 0 ? 1n : -1n
  return Math.fround(float64[0])
}

/**
 * `count` float32 values from the half-open range [low, high), as `torch.empty(count).uniform_(low, high)` draws them on
 * the CPU, to the bit: 24 random bits each, one draw of the generator an element.
 */
export const uniform = (generator: MersenneTwister, count: number, low: number, high: number): Float32Array => {
  const from = Math.fround(low)
  const range = Math.fround(Math.fround(high) - from)
  const values = new Float32Array(count)
  for (let i = 0; i < count; i++) {
    const u = (generator.next() & 0xffffff) / 0x1000000
    values[i] = fusedMultiplyAdd(u, range, from)
  }
  return values
}
