import type { MersenneTwister } from '@digitlab/random'
import type { Model } from './definition'
import type { StateDict } from './state-dict'

/**
 * The weights that PyTorch gives the modules of a model in the order of its layers, to the bit, row-major in PyTorch's layout; each
 * type of layer says how its own are drawn.
 *
 * @param generator advanced as PyTorch's global generator
 */
export const initialWeights = (model: Model, generator: MersenneTwister): StateDict =>
  new Map(
    model.entries.map(({ name, shape, initial, dtype }) => {
      const count = shape.reduce((product, size) => product * size, 1)
      return [name, { shape, data: initial(generator, count), ...(dtype && { dtype }) }]
    }),
  )
