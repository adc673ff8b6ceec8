import { uniform, type MersenneTwister } from '@digitlab/random'

/** Makes the values of an array before any training, row-major in PyTorch's layout, and advances the generator as PyTorch does. */
export type Initial = (generator: MersenneTwister, count: number) => Float32Array

/** Uniform values from -bound to bound, one draw each. */
export const uniformWithin =
  (bound: number): Initial =>
  (generator, count) =>
    uniform(generator, count, -bound, bound)

/**
 * PyTorch's for the weight of `nn.Linear` and `nn.Conv2d`: from ±sqrt(3) (sqrt(2 / 6) / sqrt(fanIn)), in this order of
 * operations.
 *
 * Source: `nn.init.kaiming_uniform_(a=sqrt(5))`; He et al., "Delving deep into rectifiers", ICCV 2015.
 *
 * @param fanIn how many inputs each output sums over
 */
export const kaimingUniform = (fanIn: number): Initial =>
  uniformWithin(Math.sqrt(3) * (Math.sqrt(2 / 6) / Math.sqrt(fanIn)))

/** The same value everywhere; nothing is drawn. */
export const constant =
  (value: number): Initial =>
  (_, count) =>
    new Float32Array(count).fill(value)
