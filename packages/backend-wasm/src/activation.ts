import type { ActivationName } from '@digitlab/ops/backend'
import { elements } from './elementwise'
import { defineKernel } from './kernel'

/** The functions by their numbers in `assembly/activation.ts`. */
const numbers: Readonly<Record<ActivationName, number>> = {
  ...{ relu: 0, tanh: 1, sigmoid: 2, gelu: 3, elu: 4, leakyRelu: 5, silu: 6, softplus: 7 },
}

/** Kernel: `assembly/activation.ts`; contract: `activate` of @digitlab/ops. */
export const activation = defineKernel(
  'DigitlabActivation',
  ({ address, output, share, took }, { x }, { name, parameter }, { count }) => {
    took(`activation ${name}`)
    const y = output(x.shape, 'float32')
    share('activation', elements(count), numbers[name], address(x), address(y), parameter)
    return { y }
  },
)

/** Kernel: `assembly/activation.ts`; contract: `activateGrad` of @digitlab/ops. */
export const activationGrad = defineKernel(
  'DigitlabActivationGrad',
  ({ address, output, share, took }, { dy, x, y }, { name, parameter }, { count }) => {
    took(`activationGrad ${name}`)
    const dx = output(x.shape, 'float32')
    const tensors = [address(dy), address(x), address(y), address(dx)] as const
    share('activationGrad', elements(count), numbers[name], ...tensors, parameter)
    return { dx }
  },
)
