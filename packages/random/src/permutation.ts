// Swaps stay inside the array by construction: each `!` is in range.
import { MersenneTwister } from './mersenne-twister'

/**
 * A permutation of 0 .. count - 1, as `torch.randperm(count, generator=generator)` draws it on the CPU.
 *
 * @throws RangeError if count is not an integer from 0 to 2^31 - 1 (PyTorch draws 64 bits an element beyond 2^32).
 */
export const randperm = (generator: MersenneTwister, count: number): Int32Array => {
  if (!Number.isInteger(count) || count < 0 || count > 0x7fffffff)
    throw new RangeError(`a permutation has from 0 to ${0x7fffffff} elements, not ${count}`)
  const order = new Int32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  for (let i = 0; i < count - 1; i++) {
    const j = i + (generator.next() % (count - i))
    const kept = order[i]!
    order[i] = order[j]!
    order[j] = kept
  }
  return order
}

/**
 * The order in which one epoch of PyTorch's `DataLoader(shuffle=True)` visits `count` examples, drawn from the global
 * generator as the loader does: two draws for the loader's base seed, which a loader without workers never uses, then
 * two that make the 64-bit seed of the sampler's own generator, of which the low 32 bits, the second draw, count.
 *
 * Source: PyTorch's `torch/utils/data/dataloader.py` (`_BaseDataLoaderIter`) and `sampler.py` (`RandomSampler`).
 */
export const dataLoaderOrder = (generator: MersenneTwister, count: number): Int32Array => {
  for (let dropped = 0; dropped < 3; dropped++) generator.next()
  return randperm(new MersenneTwister(generator.next()), count)
}
