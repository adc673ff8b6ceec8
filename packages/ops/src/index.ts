export { convReluPool, convReluPoolGrad, type ConvReluPoolForward } from './conv-relu-pool'
export {
  convolution,
  convolutionGrad,
  maxPool,
  maxPoolGrad,
  rectify,
  rectifyGrad,
  type ConvolutionGradients,
  type ConvolutionOptions,
} from './convolution'
export type { Activation, AdamOptions, SgdOptions } from './contracts'
export { dense, denseGrad, type DenseGradients } from './dense'
export { OpsError } from './expect'
export { batchSource, type Batch, type BatchSource } from './gather-batch'
export { outputSize } from './geometry'
export { kernelNames, operationPaths, withReference, type OperationName, type OperationPath } from './kernels'
export { adamStep, sgdStep } from './optimizer-step'
export { copyOut, sumIn } from './share-gradients'
export { softmaxCrossEntropy, type SoftmaxCrossEntropy } from './softmax-cross-entropy'
export { tensorOperations, type TensorGradients, type TensorOperations } from './tensor-operations'
export * as float64 from './float64'
