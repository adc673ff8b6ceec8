// What training on one image costs, as if no product were skipped.
import { resolveModel } from '@digitlab/models'

/**
 * Floating-point operations of the forward pass and both gradients of every layer with weights (the images need none):
 * two for each product that is summed.
 */
export const trainingFlops = (name: Parameters<typeof resolveModel>[0]): number => {
  const layers = resolveModel(name).layers.filter(({ parameters }) => parameters.length > 0)
  return layers.reduce((total, { parameters, output }, position) => {
    const [weight] = parameters
    const [height = 1, width = 1] = output.length === 3 ? output : []
    const products = height * width * (weight?.shape.reduce((a, b) => a * b, 1) ?? 0)
    return total + 2 * products * (position === 0 ? 2 : 3)
  }, 0)
}
