// Some images are seen in a mirror.
import { number } from '@digitlab/models'
import { defineAugmentation } from '@digitlab/train'

export const mirror = defineAugmentation({
  name: 'mirror',
  options: { probability: number({ from: 0, to: 1, default: 0.5 }) },
  warp:
    ({ probability }, [, width]) =>
    (draws, { x }) => {
      if (draws.uniform(0, 1) < probability) x.forEach((column, i) => (x[i] = width - 1 - column))
    },
})
