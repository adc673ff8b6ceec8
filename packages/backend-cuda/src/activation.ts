import type { ActivationName } from '@digitlab/ops/backend'
import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { CudaTensors } from './cuda-tensors'
import { blocksFor, defineKernel, elementThreads, sizeOf } from './kernel'

/** The functions by their numbers in `cuda/activation.cu`. */
export const activationNumbers: Readonly<Record<ActivationName, number>> = {
  ...{ relu: 0, tanh: 1, sigmoid: 2, gelu: 3, elu: 4, leakyRelu: 5, silu: 6, softplus: 7 },
}

/** Elements of a thread. */
const perThread = 4

/** The activation of each value of x. */
const activated = (tensors: CudaTensors, x: TensorInfo, name: ActivationName, parameter = 0): TensorInfo => {
  const y = tensors.output(x.shape, 'float32')
  tensors.device.launch({
    kernel: 'activation',
    blocks: blocksFor(sizeOf(x) / perThread),
    threads: elementThreads,
    arguments: [...[x, y].map((tensor) => tensors.address(tensor)), sizeOf(x), activationNumbers[name], parameter],
  })
  return y
}

interface Slope {
  readonly dy: TensorInfo
  readonly x: TensorInfo
  readonly y: TensorInfo
}

/** dy times the slope of the activation at x. */
const sloped = (tensors: CudaTensors, { dy, x, y }: Slope, name: ActivationName, parameter = 0): TensorInfo => {
  const dx = tensors.output(x.shape, 'float32')
  tensors.device.launch({
    kernel: 'activationGrad',
    blocks: blocksFor(sizeOf(x) / perThread),
    threads: elementThreads,
    arguments: [
      ...[dy, x, y, dx].map((tensor) => tensors.address(tensor)),
      ...[sizeOf(x), activationNumbers[name], parameter],
    ],
  })
  return dx
}

/** max(x, 0) */
export const rectified = (tensors: CudaTensors, x: TensorInfo): TensorInfo => activated(tensors, x, 'relu')

/** dy where y, which was {@link rectified}, is above 0, else 0. */
export const rectifiedGrad = (tensors: CudaTensors, dy: TensorInfo, y: TensorInfo): TensorInfo =>
  sloped(tensors, { dy, x: y, y }, 'relu')

/** Kernel: `cuda/activation.cu`; contract: `activate` of @digitlab/ops. */
export const activation = defineKernel('DigitlabActivation', (tensors, { x }, { name, parameter }) => ({
  y: activated(tensors, x, name, parameter),
}))

/** Kernel: `cuda/activation.cu`; contract: `activateGrad` of @digitlab/ops. */
export const activationGrad = defineKernel('DigitlabActivationGrad', (tensors, inputs, { name, parameter }) => ({
  dx: sloped(tensors, inputs, name, parameter),
}))
