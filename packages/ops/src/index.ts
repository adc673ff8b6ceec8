export { convReluPool, convReluPoolGrad, type ConvReluPoolForward } from './conv-relu-pool'
export {
  convolution,
  convolutionGrad,
  maxPool,
  maxPoolGrad,
  outputSize,
  rectify,
  rectifyGrad,
  type ConvolutionGradients,
  type ConvolutionOptions,
} from './convolution'
export { dense, denseGrad, type Activation, type DenseGradients } from './dense'
export { batchSource, type Batch, type BatchSource } from './gather-batch'
export { kernelNames, operationPaths, OpsError, withReference, type OperationName, type OperationPath } from './kernels'
export { adamStep, sgdStep, type AdamOptions, type SgdOptions } from './optimizer-step'
export { copyOut, sumIn } from './share-gradients'
export { softmaxCrossEntropy, type SoftmaxCrossEntropy } from './softmax-cross-entropy'
export { tensorOperations, type TensorGradients, type TensorOperations } from './tensor-operations'
export * as float64 from './float64'
