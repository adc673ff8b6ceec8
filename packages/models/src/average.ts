import type { Tensor, Tensor4D } from '@tensorflow/tfjs-core'
import type { Array64, Kit, Kit64 } from './kit'
import type { Sides } from './windows'

/**
 * The mean of each window, without padding, and its gradient.
 *
 * @param windows of the layer's options and the shape [height, width, channels] of what it is given
 */
export const windowsMean = <O>(
  windows: (options: O, shape: readonly number[]) => { readonly size: Sides; readonly stride: Sides },
) => ({
  forward({ ops }: Kit, { x, options }: { readonly x: Tensor; readonly options: O }) {
    const image = x as Tensor4D
    const of = windows(options, x.shape.slice(1))
    return {
      y: ops.averagePool(image, of),
      back: (dy: Tensor) => ({ dx: ops.averagePoolGrad(dy as Tensor4D, image, of) }),
    }
  },
  float64({ array64, windows64 }: Kit64, { x, options }: { readonly x: Array64; readonly options: O }) {
    const { shape, visit, values } = windows64(x.shape, windows(options, x.shape.slice(1)))
    const y = array64(shape)
    visit((from, to) => (y.data[to]! += x.data[from]! / values)) // of the shapes that it was given: in range
    return {
      y,
      back: (dy: Array64) => {
        const dx = array64(x.shape)
        visit((from, to) => (dx.data[from]! += dy.data[to]! / values))
        return { dx }
      },
    }
  },
})
