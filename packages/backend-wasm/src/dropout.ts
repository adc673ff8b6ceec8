import { util } from '@tensorflow/tfjs-core'
import { elements } from './elementwise'
import { defineKernel } from './kernel'

/** Words of a Mersenne Twister. */
const words = 624

/** Kernel: `assembly/dropout.ts`; contract: `dropout` of @digitlab/ops. A repetition draws anew, from the generator as it is then. */
export const dropout = defineKernel(
  'DigitlabDropout',
  (instance, { x }, { p, generator, channels }, { batch, positions }) => {
    const { address, output, scratch, vary, memory, kernels, share, took } = instance
    took('dropout')
    const [y, mask] = [output(x.shape, 'float32'), output(x.shape, 'float32')]
    const room = scratch(kernels.dropoutScratch())
    // A value stays where 53 random bits are below (1 - p) 2^53, which a float64 holds exactly.
    const threshold = Math.ceil((1 - p) * 2 ** 53)
    const drawn = [address(mask), batch, positions, channels, threshold, 1 / (1 - p), room] as const
    vary(
      ({ dropoutMask }) =>
        generator.advance((state, position) => {
          const there = new Uint32Array(memory.buffer, room, words)
          there.set(state)
          const now = dropoutMask(...drawn, position)
          state.set(there)
          return now
        }),
      { start: 0, step: 0 },
    )
    share('multiply', elements(util.sizeFromShape(x.shape)), address(x), address(mask), address(y))
    return { y, mask }
  },
)
