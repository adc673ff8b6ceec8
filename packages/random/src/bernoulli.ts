import type { MersenneTwister } from './mersenne-twister'

/**
 * `count` times 1 with the given probability, else 0, as `torch.empty(count).bernoulli_(probability)` draws them on the CPU, to
 * the bit: 53 random bits each, of two draws of the generator. `dropout(x, p)` keeps the elements that
 * `bernoulli(generator, count, 1 - p)` has at 1, in PyTorch's order of the tensor.
 *
 * Source: PyTorch's `bernoulli_distribution` in `aten/src/ATen/core/DistributionsHelper.h`.
 *
 * @param into receives the values, `count` long; a new array by default
 * @throws RangeError if the probability is not from 0 to 1
 */
export const bernoulli = (
  generator: MersenneTwister,
  count: number,
  probability: number,
  into: Uint8Array = new Uint8Array(count),
): Uint8Array => {
  if (!(probability >= 0 && probability <= 1)) throw new RangeError(`a probability is from 0 to 1, not ${probability}`)
  // u < probability with u = bits / 2^53: both sides times 2^53 are exact.
  const threshold = probability * 0x20_0000_0000_0000
  for (let i = 0; i < count; i++) {
    const high = (generator.next() & 0x1f_ffff) * 0x1_0000_0000
    into[i] = high + generator.next() < threshold ? 1 : 0
  }
  return into
}
