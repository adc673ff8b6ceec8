import { number } from '@digitlab/models'
import { defineAugmentation, type Draws, type Mix } from '../augmentation-type'

/** From 0 to 1, neither of them. */
const open = (draws: Draws): number => (draws.next() + 0.5) / 0x1_0000_0000

/** Of the normal distribution (Box and Muller, 1958). */
const normal = (draws: Draws): number => Math.sqrt(-2 * Math.log(open(draws))) * Math.cos(2 * Math.PI * open(draws))

/** The logarithm of a number of the gamma distribution: itself it may be too small for float64 (Marsaglia and Tsang, 2000). */
const logGamma = (draws: Draws, shape: number): number => {
  // Below 1 by way of the distribution of shape + 1.
  const d = (shape < 1 ? shape + 1 : shape) - 1 / 3
  const c = 1 / Math.sqrt(9 * d)
  for (;;) {
    const z = normal(draws)
    const v = (1 + c * z) ** 3
    const u = open(draws)
    if (v > 0 && Math.log(u) < (z * z) / 2 + d - d * v + d * Math.log(v))
      return Math.log(d * v) + (shape < 1 ? Math.log(open(draws)) / shape : 0)
  }
}

/**
 * Each image mixed with another one, and their labels with them: the loss is that of both labels, by their shares. The share is of the
 * beta distribution, one for each batch; the larger part is the image's own, which of two drawn alike changes nothing but their names.
 *
 * Source: Zhang, Cissé, Dauphin and Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018.
 */
export const mixup = defineAugmentation({
  name: 'mixup',
  says: 'mixed with another image, and their labels with them',
  options: {
    alpha: number({
      from: 0,
      to: 1000,
      default: 0.2,
      says: 'both parameters of the beta distribution; 0 mixes nothing',
    }),
  },
  mix({ alpha }): Mix {
    return (draws) => {
      if (alpha === 0) return 1
      const [one, other] = [logGamma(draws, alpha), logGamma(draws, alpha)]
      const share = 1 / (1 + Math.exp(other - one))
      return share >= 0 ? Math.max(share, 1 - share) : 1 // an alpha so small that both are zero
    }
  },
})
