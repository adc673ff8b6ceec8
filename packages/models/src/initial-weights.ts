import { uniform, type MersenneTwister } from '@digitlab/random'
import type { Model } from './definition'
import type { StateDict } from './state-dict'

/**
 * The weights that PyTorch gives `nn.Linear` and `nn.Conv2d` in the order of the layers, to the bit: for each layer its
 * weight from ±sqrt(3) (sqrt(2 / 6) / sqrt(fanIn)), then its bias from ±1 / sqrt(fanIn), row-major in PyTorch's layout.
 *
 * Source: PyTorch's `nn.Linear.reset_parameters` and `nn.init.kaiming_uniform_(a=sqrt(5))`; He et al., "Delving deep
 * into rectifiers", ICCV 2015.
 *
 * @param generator advanced by one draw a value, as PyTorch's global generator
 */
export const initialWeights = (model: Model, generator: MersenneTwister): StateDict => {
  const weights: StateDict = new Map()
  for (const { name, shape, fanIn } of model.parameters) {
    const count = shape.reduce((product, size) => product * size, 1)
    const bound = shape.length === 1 ? 1 / Math.sqrt(fanIn) : Math.sqrt(3) * (Math.sqrt(2 / 6) / Math.sqrt(fanIn))
    weights.set(name, { shape, data: uniform(generator, count, -bound, bound) })
  }
  return weights
}
