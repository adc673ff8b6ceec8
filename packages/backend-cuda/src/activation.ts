import type { ActivationName } from '@digitlab/ops/backend'
import { blocksFor, defineKernel, elementThreads } from './kernel'

/** The functions by their numbers in `cuda/activation.cu`. */
export const activationNumbers: Readonly<Record<ActivationName, number>> = {
  ...{ relu: 0, tanh: 1, sigmoid: 2, gelu: 3, elu: 4, leakyRelu: 5, silu: 6, softplus: 7 },
}

/** Elements of a thread. */
const perThread = 4

/** Kernel: `cuda/activation.cu`; contract: `activate` of @digitlab/ops. */
export const activation = defineKernel('DigitlabActivation', (tensors, { x }, { name, parameter }, { count }) => {
  const y = tensors.output(x.shape, 'float32')
  tensors.device.launch({
    kernel: 'activation',
    blocks: blocksFor(count / perThread),
    threads: elementThreads,
    arguments: [...[x, y].map((tensor) => tensors.address(tensor)), count, activationNumbers[name], parameter],
  })
  return { y }
})

/** Kernel: `cuda/activation.cu`; contract: `activateGrad` of @digitlab/ops. */
export const activationGrad = defineKernel(
  'DigitlabActivationGrad',
  (tensors, { dy, x, y }, { name, parameter }, { count }) => {
    const dx = tensors.output(x.shape, 'float32')
    tensors.device.launch({
      kernel: 'activationGrad',
      blocks: blocksFor(count / perThread),
      threads: elementThreads,
      arguments: [
        ...[dy, x, y, dx].map((tensor) => tensors.address(tensor)),
        ...[count, activationNumbers[name], parameter],
      ],
    })
    return { dx }
  },
)
