import type { ActivationName } from '@digitlab/ops'
import type { Tensor } from '@tensorflow/tfjs-core'
import type { Array64, Kit, Kit64 } from './kit'
import type { ActivationShape } from './layer-type'

/**
 * What layers that compute a function of each value by itself have in common: shape, values and gradients.
 *
 * @param parameter the number that the function takes, of the layer's options
 */
export const elementwise = <O>(name: ActivationName, parameter: (options: O) => number = () => 0) => ({
  output: ({ input }: { readonly input: ActivationShape }): ActivationShape => input,
  forward({ ops }: Kit, { x, options }: { readonly x: Tensor; readonly options: O }) {
    const number = parameter(options)
    const y = ops.activate(x, name, number)
    return { y, back: (dy: Tensor) => ({ dx: ops.activateGrad(dy, x, y, name, number) }) }
  },
  float64(kit: Kit64, { x, options }: { readonly x: Array64; readonly options: O }) {
    const number = parameter(options)
    return {
      y: kit.activate(x, name, number),
      back: (dy: Array64) => ({ dx: kit.activateGrad(dy, x, name, number) }),
    }
  },
})
