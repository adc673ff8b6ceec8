import { bernoulli, type MersenneTwister } from '@digitlab/random'
import { mul, tensor, tidy, type Tensor } from '@tensorflow/tfjs-core'
import { kernelContracts } from './contracts'
import { hasKernel, runKernel } from './kernels'

/** The result of dropout; its owner disposes of the tensors unless a tidy does. */
export interface Dropped {
  /** x mask */
  readonly y: Tensor
  /** In the shape of x: 1 / (1 - p) where the value stays, 0 where it was dropped. The gradient is dy mask. */
  readonly mask: Tensor
}

/**
 * Sets each value to zero with probability p and multiplies the others by 1 / (1 - p), as `nn.Dropout` in training: its draws, to the bit,
 * two outputs of the generator for each value, in PyTorch's order.
 *
 * Kernel `DigitlabDropout`, which advances the generator as the reference does: every time that a recorded step is repeated.
 *
 * Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15, 2014.
 *
 * @param x [batch, ..., channels]
 * @param channels how many of an image's values lie side by side here and apart in PyTorch, whose order is channel first; 1 where the
 *   order is the same
 * @param p at least 0, below 1
 */
export const dropout = (x: Tensor, p: number, generator: MersenneTwister, channels: number): Dropped => {
  const attributes = { p, generator, channels }
  if (hasKernel('dropout')) {
    const { y, mask } = runKernel('dropout', { x }, attributes)
    return { y, mask }
  }
  const { batch, positions } = kernelContracts.DigitlabDropout.sizes({ x }, attributes)
  const mask = dropoutMask(generator, p, [batch, positions, channels])
  const [y, held] = tidy((): [Tensor, Tensor] => {
    const held = tensor(mask, x.shape)
    return [mul(x, held), held]
  })
  return { y, mask: held }
}

/** The factors of {@link dropout} in memory's order, [batch, positions, channels], drawn in PyTorch's: [batch, channels, positions]. */
export const dropoutMask = (
  generator: MersenneTwister,
  p: number,
  [batch, positions, channels]: readonly [number, number, number],
): Float32Array => {
  const drawn = bernoulli(generator, batch * positions * channels, 1 - p)
  const factor = 1 / (1 - p)
  const mask = new Float32Array(drawn.length)
  let at = 0
  for (let b = 0; b < batch; b++)
    for (let c = 0; c < channels; c++)
      for (let i = 0; i < positions; i++) if (drawn[at++] === 1) mask[(b * positions + i) * channels + c] = factor
  return mask
}
