import type { ActivationName } from '@digitlab/ops/backend'
import { defineKernel } from './kernel'

/** The functions by their numbers in `assembly/activation.ts`. */
const numbers: Readonly<Record<ActivationName, number>> = {
  ...{ relu: 0, tanh: 1, sigmoid: 2, gelu: 3, elu: 4, leakyRelu: 5, silu: 6, softplus: 7 },
}

/** Kernel: `assembly/activation.ts`; contract: `activate` of @digitlab/ops. */
export const activation = defineKernel(
  'DigitlabActivation',
  ({ address, output, kernels, took }, { x }, { name, parameter }, { count }) => {
    took(`activation ${name}`)
    const y = output(x.shape, 'float32')
    kernels.activation(numbers[name], address(x), address(y), 0, count, parameter)
    return { y }
  },
)

/** Kernel: `assembly/activation.ts`; contract: `activateGrad` of @digitlab/ops. */
export const activationGrad = defineKernel(
  'DigitlabActivationGrad',
  ({ address, output, kernels, took }, { dy, x, y }, { name, parameter }, { count }) => {
    took(`activationGrad ${name}`)
    const dx = output(x.shape, 'float32')
    const tensors = [address(dy), address(x), address(y), address(dx)] as const
    kernels.activationGrad(numbers[name], ...tensors, 0, count, parameter)
    return { dx }
  },
)
