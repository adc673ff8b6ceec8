import { add, clipByValue, div, minimum, mul, sqrt, square, sum, tidy, type Tensor } from '@tensorflow/tfjs-core'
import { kernelContracts, type ClipOptions } from './contracts'
import { hasKernel, runKernel } from './kernels'

/**
 * Gradients made smaller: by their norm first, as PyTorch's `clip_grad_norm_`, and then each element by its size, as `clip_grad_value_`.
 * Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
 *
 * Kernel `DigitlabClipGradients`: inputs gradient0.. In place, as `DigitlabSgdStep`; the norm is summed in float64, in the order of the
 * gradients.
 *
 * @returns the gradients to use from now on: the same where a kernel changed them in place, others that the caller disposes of else
 */
export const clipGradients = (gradients: readonly Tensor[], { norm, value }: ClipOptions): readonly Tensor[] => {
  const attributes = { norm, value, count: gradients.length }
  // Two gradients in one place would be scaled twice there.
  const apart = new Set(gradients.map(({ dataId }) => dataId)).size === gradients.length
  if (apart && hasKernel('clipGradients')) {
    runKernel('clipGradients', Object.fromEntries(gradients.map((tensor, i) => [`gradient${i}`, tensor])), attributes)
    return gradients
  }
  kernelContracts.DigitlabClipGradients.sizes({ gradient: gradients }, attributes)
  return tidy(() => {
    const held = norm === Infinity ? gradients : scaled(gradients, norm)
    return value === Infinity ? [...held] : held.map((gradient) => clipByValue(gradient, -value, value))
  })
}

const scaled = (gradients: readonly Tensor[], norm: number): readonly Tensor[] => {
  const [first, ...rest] = gradients.map((gradient) => sum(square(gradient)))
  if (!first) return gradients
  const total = sqrt(rest.reduce((all: Tensor, each) => add(all, each), first))
  const coefficient = minimum(div(norm, add(total, 1e-6)), 1)
  return gradients.map((gradient) => mul(gradient, coefficient))
}
