export { activate, activateGrad, rectify, rectifyGrad } from './activation'
export {
  batchNorm,
  batchNormGrad,
  type BatchNormForward,
  type BatchNormGradients,
  type RunningStatistics,
} from './batch-norm'
export { averageWeights } from './average-weights'
export { clipGradients } from './clip-gradients'
export { convReluPool, convReluPoolGrad, type ConvReluPoolForward } from './conv-relu-pool'
export {
  averagePool,
  averagePoolGrad,
  convolution,
  convolutionGrad,
  maxPool,
  maxPoolGrad,
  type ConvolutionGradients,
  type PoolWindows,
} from './convolution'
export type {
  Activation,
  ActivationName,
  AdamOptions,
  BatchNormOptions,
  ClipOptions,
  ConvolutionMoves,
  Normalization,
  OptimizerRule,
  RuleBounds,
  SgdOptions,
} from './contracts'
export { dropout, type Dropped } from './dropout'
export { dense, denseGrad, type DenseGradients } from './dense'
export { OpsError } from './expect'
export { batchSource, streamedSource, type Batch, type BatchSource, type StreamedImages } from './gather-batch'
export { bothSides, outputSize, type Sides } from './geometry'
export { kernelNames, operationPaths, withReference, type OperationName, type OperationPath } from './kernels'
export { adamStep, optimizerStep, sgdStep, type KeptTensors } from './optimizer-step'
export { softmaxCrossEntropy, type SoftmaxCrossEntropy } from './softmax-cross-entropy'
export { tensorOperations, type TensorGradients, type TensorOperations } from './tensor-operations'
export * as float64 from './float64'
