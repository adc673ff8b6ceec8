// For those who write kernels: what each is given and makes, how it is defined, and how it is registered with tfjs.
export { keptBy } from './contract-sizes'
export {
  kernelContracts,
  type ActivationAttributes,
  type ActivationName,
  type ConvolutionMoves,
  type ConvolutionSizes,
  type ConvReluPoolSizes,
  type DenseSizes,
  type GatherSizes,
  type KernelAttributes,
  type KernelContract,
  type KernelContracts,
  type KernelInputs,
  type KernelName,
  type KernelOutputs,
  type KernelSizes,
  type Normalization,
  type OptimizerRule,
  type StepCount,
} from './contracts'
export { scaledBytes } from './gather-batch'
export { installKernels, kernelsIn, type Compute, type Kernel, type KernelCall } from './define-kernel'
export { OpsError } from './expect'
export { nadamMomenta } from './optimizer-step'
export {
  convolutionSizes,
  isRowOf,
  matMulSizes,
  poolSizes,
  type ConvolutionAttributes,
  type DepthwiseAttributes,
  type MatMulSizes,
  type PoolAttributes,
  type Transposes,
  type WindowSizes,
} from './geometry'
