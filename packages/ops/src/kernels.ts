import {
  engine,
  getBackend,
  getGradient,
  getKernel,
  registerGradient,
  type GradConfig,
  type NamedAttrMap,
  type Tensor,
  type TensorInfo,
} from '@tensorflow/tfjs-core'
import { kernelContracts, type KernelAttributes, type KernelName, type KernelOutputs } from './contracts'

/**
 * The kernels a backend may register to make the operations of this package fast: what each is given and makes is said in
 * {@link kernelContracts}, what it computes in the operation's own file.
 */
export const kernelNames = {
  gatherBatch: 'DigitlabGatherBatch',
  writeImages: 'DigitlabWriteImages',
  activation: 'DigitlabActivation',
  activationGrad: 'DigitlabActivationGrad',
  dense: 'DigitlabDense',
  denseGrad: 'DigitlabDenseGrad',
  convReluPool: 'DigitlabConvReluPool',
  convReluPoolGrad: 'DigitlabConvReluPoolGrad',
  batchNorm: 'DigitlabBatchNorm',
  batchNormGrad: 'DigitlabBatchNormGrad',
  dropout: 'DigitlabDropout',
  convolution: 'DigitlabConvolution',
  convolutionGrad: 'DigitlabConvolutionGrad',
  softmaxCrossEntropy: 'DigitlabSoftmaxCrossEntropy',
  sgdStep: 'DigitlabSgdStep',
  adamStep: 'DigitlabAdamStep',
  optimizerStep: 'DigitlabOptimizerStep',
  clipGradients: 'DigitlabClipGradients',
  averageWeights: 'DigitlabAverageWeights',
} as const

/** An operation by its name in {@link kernelNames}. */
export type OperationName = keyof typeof kernelNames

/** How an operation is computed: by the backend's own kernel, or by the reference made of stock tfjs operations. */
export type OperationPath = 'kernel' | 'reference'

let referenceOnly = false

/**
 * Runs `compute` with every operation on its reference path, whatever kernels are registered: what a kernel is compared
 * with. `compute` is synchronous.
 */
export const withReference = <T>(compute: () => T): T => {
  const before = referenceOnly
  referenceOnly = true
  try {
    return compute()
  } finally {
    referenceOnly = before
  }
}

/** Which path each operation takes on the current backend. A run records it. */
export const operationPaths = (): Record<OperationName, OperationPath> => {
  const entries = Object.keys(kernelNames).map((name) => [
    name,
    hasKernel(name as OperationName) ? 'kernel' : 'reference',
  ])
  return Object.fromEntries(entries) as Record<OperationName, OperationPath>
}

export const hasKernel = (name: OperationName): boolean =>
  !referenceOnly && !isNested() && getKernel(kernelNames[name], getBackend()) !== undefined

/** Whether a gradient of a gradient is being computed: tfjs's own operations have those, our kernels have not. */
const isNested = () => engine().state.gradientDepth > 1

/** What a kernel made, as tensors. */
type Made<N extends KernelName> = { readonly [Output in keyof KernelOutputs<N>]: MadeTensor<KernelOutputs<N>[Output]> }
type MadeTensor<Info> = Info extends TensorInfo ? Tensor : Tensor | undefined

/**
 * Runs a backend's kernel for an operation, and names its outputs.
 *
 * @param gradient the kernel's gradient, registered with tfjs as soon as its autograd is to pass the kernel
 */
export const runKernel = <O extends OperationName>(
  operation: O,
  inputs: Record<string, Tensor>,
  attributes: KernelAttributes<(typeof kernelNames)[O]>,
  gradient?: Omit<GradConfig, 'kernelName'>,
): Made<(typeof kernelNames)[O]> => {
  const name = kernelNames[operation]
  if (gradient && engine().isTapeOn() && getGradient(name) === undefined)
    registerGradient({ kernelName: name, ...gradient })
  // tfjs types its inputs as a map of tensors and its attributes as a map of plain values; both are what we have.
  const made: Tensor | Tensor[] = engine().runKernel(name, inputs, attributes as NamedAttrMap)
  const outputs = Array.isArray(made) ? made : [made]
  return Object.fromEntries(kernelContracts[name].outputs.map((output, i) => [output, outputs[i]])) as Made<
    (typeof kernelNames)[O]
  >
}
