// What each kernel is given, what it makes, and the sizes that it may rely on.
import type { MersenneTwister } from '@digitlab/random'
import type { TensorInfo } from '@tensorflow/tfjs-core'
import type {
  ConvolutionAttributes,
  DepthwiseAttributes,
  MatMulSizes,
  PoolAttributes,
  Sides,
  Transposes,
  WindowSizes,
} from './geometry'

/** What follows the product of a dense layer: nothing, or max(x, 0). */
export type Activation = 'identity' | 'relu'

/** The functions of single values that `activate` computes. */
export type ActivationName = 'relu' | 'tanh' | 'sigmoid' | 'gelu' | 'elu' | 'leakyRelu' | 'silu' | 'softplus'

/** Which of them, and its number: alpha of elu, the slope of leakyRelu, 0 for the others. */
export interface ActivationAttributes {
  readonly name: ActivationName
  readonly parameter: number
}

/** PyTorch's `torch.optim.SGD`. */
export interface SgdOptions {
  readonly learningRate: number
  /** 0 for none; the velocity starts as the first gradient, as in PyTorch. */
  readonly momentum: number
  /** L2 penalty, added to the gradient as weightDecay x weight. */
  readonly weightDecay: number
  /** How much less of the gradient the velocity takes: 0 where it is absent. */
  readonly dampening?: number
  /** Whether the step looks ahead, by the gradient and momentum times the velocity. */
  readonly nesterov?: boolean
}

/** PyTorch's `torch.optim.Adam`, and `AdamW` where weight decay is decoupled. */
export interface AdamOptions {
  readonly learningRate: number
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly weightDecay: number
  /** Whether the weight shrinks by learningRate x weightDecay of itself, instead of the penalty in the gradient. */
  readonly decoupled?: boolean
}

/** The options of the other rules that `optimizerStep` knows, by PyTorch's formulas of the same names. */
export type OptimizerRule =
  | ({ readonly rule: 'adadelta'; readonly learningRate: number; readonly rho: number } & RuleBounds)
  | ({
      readonly rule: 'rmsprop'
      readonly learningRate: number
      readonly alpha: number
      readonly momentum: number
      readonly centered: boolean
    } & RuleBounds)
  | ({ readonly rule: 'adagrad'; readonly learningRate: number; readonly learningRateDecay: number } & RuleBounds)
  | ({
      readonly rule: 'nadam'
      readonly learningRate: number
      readonly beta1: number
      readonly beta2: number
      readonly momentumDecay: number
      readonly decoupled: boolean
    } & RuleBounds)

/** What every rule has. */
export interface RuleBounds {
  readonly epsilon: number
  /** L2 penalty, added to the gradient as weightDecay x weight. */
  readonly weightDecay: number
}

/** Images as (pixel - mean) / std, of pixels from 0 to 1: { mean: 0, std: 1 } leaves them. */
export interface Normalization {
  readonly mean: number
  readonly std: number
}

/** Limits for gradients; Infinity means none. */
export interface ClipOptions {
  /** Of all gradients together, in the 2-norm: larger ones are all multiplied by norm / (their norm + 1e-6). */
  readonly norm: number
  /** Of every element, which is cut off there. */
  readonly value: number
}

/** How many tensors an optimizer's step is given, and which step it is, from 1. */
export interface StepCount {
  readonly count: number
  readonly step: number
}

/** PyTorch's `nn.BatchNorm2d`. */
export interface BatchNormOptions {
  /** How much of the batch's statistics goes into the running ones. */
  readonly momentum: number
  /** Added to the variance. */
  readonly epsilon: number
}

/** Those of values in channels, which come last. */
export interface ChannelSizes {
  /** Values of a channel. */
  readonly count: number
  readonly channels: number
}

/** A dense layer's: x is [batch, inputs] in memory, whatever its shape. */
export interface DenseSizes {
  readonly batch: number
  readonly inputs: number
  readonly outputs: number
}

/** Those of a convolution of stride 1 with 2 x 2 max-pooling behind it. */
export interface ConvReluPoolSizes {
  readonly batch: number
  readonly height: number
  readonly width: number
  readonly inputs: number
  readonly outputs: number
  readonly kernelHeight: number
  readonly kernelWidth: number
  readonly padding: number
  /** Of the pooled output. */
  readonly rows: number
  readonly columns: number
}

/** Those of a batch that is gathered from resident images. */
export interface GatherSizes {
  readonly count: number
  readonly pixels: number
  /** [size, height, width, channels] of the batch. */
  readonly shape: readonly number[]
  /** Of the order. */
  readonly length: number
}

export type Tensors<Names extends string> = { readonly [Name in Names]: TensorInfo }
export type Lists<Names extends string> = { readonly [Name in Names]: readonly TensorInfo[] }
/** Any of them may be missing. */
export type OrNone<Names extends string> = { readonly [Name in Names]?: TensorInfo | undefined }
type Fused = { readonly activation: string; readonly leakyreluAlpha?: number }
type FusedInputs = { readonly bias?: TensorInfo; readonly preluActivationWeights?: TensorInfo }

/**
 * Every kernel that a backend may have for the operations of this package, and those of tfjs that our backends have all in common: name
 * to inputs, attributes, outputs and sizes. Where `sizes` may be undefined, the call is tfjs's own kernel's.
 */
export interface KernelContracts {
  DigitlabGatherBatch: {
    inputs: Tensors<'images' | 'labels' | 'order'>
    attributes: { readonly start: number; readonly size: number } & Normalization
    outputs: Tensors<'batchImages' | 'batchLabels'>
    sizes: GatherSizes
  }
  DigitlabWriteImages: {
    inputs: Tensors<'images'>
    attributes: { readonly start: number; readonly bytes: Uint8Array }
    outputs: object
    /** The place of the first byte. */
    sizes: { readonly offset: number }
  }
  DigitlabActivation: {
    inputs: Tensors<'x'>
    attributes: ActivationAttributes
    outputs: Tensors<'y'>
    sizes: { readonly count: number }
  }
  DigitlabActivationGrad: {
    inputs: Tensors<'dy' | 'x' | 'y'>
    attributes: ActivationAttributes
    outputs: Tensors<'dx'>
    sizes: { readonly count: number }
  }
  DigitlabDense: {
    inputs: Tensors<'x' | 'weight'> & { readonly bias?: TensorInfo | undefined }
    attributes: { readonly activation: Activation }
    outputs: Tensors<'y'>
    sizes: DenseSizes
  }
  DigitlabDenseGrad: {
    inputs: Tensors<'dy' | 'x' | 'weight' | 'y'>
    attributes: { readonly activation: Activation; readonly needsInputGradient: boolean }
    outputs: Tensors<'dWeight' | 'dBias'> & { readonly dx: TensorInfo | undefined }
    sizes: DenseSizes
  }
  DigitlabConvReluPool: {
    inputs: Tensors<'x' | 'filter' | 'bias'>
    attributes: { readonly padding: number }
    outputs: Tensors<'y' | 'winners'>
    sizes: ConvReluPoolSizes
  }
  DigitlabConvReluPoolGrad: {
    inputs: Tensors<'dy' | 'x' | 'filter' | 'winners'>
    attributes: { readonly padding: number; readonly needsInputGradient: boolean }
    outputs: Tensors<'dFilter' | 'dBias'> & { readonly dx: TensorInfo | undefined }
    sizes: ConvReluPoolSizes
  }
  DigitlabBatchNorm: {
    inputs: Tensors<'x' | 'weight' | 'bias' | 'runningMean' | 'runningVariance' | 'batches'>
    attributes: BatchNormOptions
    outputs: Tensors<'y' | 'mean' | 'inverseDeviation'>
    sizes: ChannelSizes
  }
  DigitlabBatchNormGrad: {
    inputs: Tensors<'dy' | 'x' | 'weight' | 'mean' | 'inverseDeviation'>
    attributes: { readonly needsInputGradient: boolean }
    outputs: Tensors<'dWeight' | 'dBias'> & { readonly dx: TensorInfo | undefined }
    sizes: ChannelSizes
  }
  DigitlabDropout: {
    inputs: Tensors<'x'>
    attributes: { readonly p: number; readonly generator: MersenneTwister; readonly channels: number }
    outputs: Tensors<'y' | 'mask'>
    sizes: { readonly batch: number; readonly positions: number }
  }
  DigitlabConvolution: {
    inputs: Tensors<'x' | 'filter'> & { readonly bias?: TensorInfo | undefined }
    attributes: ConvolutionMoves
    outputs: Tensors<'y'>
    sizes: ConvolutionSizes
  }
  DigitlabConvolutionGrad: {
    inputs: Tensors<'dy' | 'x' | 'filter'>
    attributes: ConvolutionMoves & { readonly needsInputGradient: boolean }
    outputs: Tensors<'dFilter' | 'dBias'> & { readonly dx: TensorInfo | undefined }
    sizes: ConvolutionSizes
  }
  DigitlabSoftmaxCrossEntropy: {
    inputs: Tensors<'logits' | 'labels'>
    attributes: { readonly scale: number; readonly smoothing: number }
    outputs: Tensors<'summary' | 'dLogits'>
    sizes: { readonly batch: number; readonly classes: number }
  }
  DigitlabSgdStep: {
    inputs: Lists<'weight' | 'gradient' | 'velocity'>
    attributes: SgdOptions & StepCount
    outputs: object
    /** Elements of each weight. */
    sizes: readonly number[]
  }
  DigitlabAdamStep: {
    inputs: Lists<'weight' | 'gradient' | 'first' | 'second'>
    attributes: AdamOptions & StepCount
    outputs: object
    sizes: readonly number[]
  }
  DigitlabOptimizerStep: {
    inputs: Lists<'weight' | 'gradient' | 'first' | 'second' | 'third'>
    attributes: OptimizerRule & StepCount
    outputs: object
    sizes: readonly number[]
  }
  DigitlabClipGradients: {
    inputs: Lists<'gradient'>
    attributes: ClipOptions & { readonly count: number }
    outputs: object
    sizes: readonly number[]
  }
  DigitlabAverageWeights: {
    inputs: Lists<'average' | 'weight'>
    attributes: { readonly decay: number } & StepCount
    outputs: object
    sizes: readonly number[]
  }
  Conv2D: {
    inputs: Tensors<'x' | 'filter'>
    attributes: ConvolutionAttributes
    outputs: Tensors<'y'>
    sizes: WindowSizes | undefined
  }
  FusedConv2D: {
    inputs: Tensors<'x' | 'filter'> & FusedInputs
    attributes: ConvolutionAttributes & Fused
    outputs: Tensors<'y'>
    sizes: WindowSizes | undefined
  }
  Conv2DBackpropFilter: {
    inputs: Tensors<'x' | 'dy'>
    attributes: ConvolutionAttributes & { readonly filterShape: number[] }
    outputs: Tensors<'dFilter'>
    sizes: WindowSizes | undefined
  }
  Conv2DBackpropInput: {
    inputs: Tensors<'dy' | 'filter'>
    attributes: ConvolutionAttributes & { readonly inputShape: number[] }
    outputs: Tensors<'dx'>
    sizes: WindowSizes | undefined
  }
  DepthwiseConv2dNativeBackpropFilter: {
    inputs: Tensors<'x' | 'dy'>
    attributes: DepthwiseAttributes & { readonly filterShape: number[] }
    outputs: Tensors<'dFilter'>
    sizes: WindowSizes | undefined
  }
  DepthwiseConv2dNativeBackpropInput: {
    inputs: Tensors<'dy' | 'filter'>
    attributes: DepthwiseAttributes & { readonly inputShape: number[] }
    outputs: Tensors<'dx'>
    sizes: WindowSizes | undefined
  }
  Add: {
    inputs: Tensors<'a' | 'b'>
    attributes: object
    outputs: Tensors<'c'>
    sizes: { readonly count: number } | undefined
  }
  Multiply: {
    inputs: Tensors<'a' | 'b'>
    attributes: object
    outputs: Tensors<'c'>
    sizes: { readonly count: number } | undefined
  }
  BatchMatMul: {
    inputs: Tensors<'a' | 'b'>
    attributes: Transposes
    outputs: Tensors<'c'>
    sizes: MatMulSizes | undefined
  }
  _FusedMatMul: {
    inputs: Tensors<'a' | 'b'> & FusedInputs
    attributes: Transposes & Fused
    outputs: Tensors<'c'>
    sizes: MatMulSizes | undefined
  }
  MaxPool: {
    inputs: Tensors<'x'>
    attributes: PoolAttributes
    outputs: Tensors<'y'>
    sizes: WindowSizes | undefined
  }
  AvgPool: {
    inputs: Tensors<'x'>
    attributes: PoolAttributes
    outputs: Tensors<'y'>
    sizes: WindowSizes | undefined
  }
  AvgPoolGrad: {
    inputs: Tensors<'dy' | 'input'>
    attributes: PoolAttributes
    outputs: Tensors<'dx'>
    sizes: WindowSizes | undefined
  }
  MaxPoolGrad: {
    inputs: Tensors<'dy' | 'input'>
    attributes: PoolAttributes
    outputs: Tensors<'dx'>
    sizes: WindowSizes | undefined
  }
}

/** A kernel by tfjs's name of it. */
export type KernelName = keyof KernelContracts
/** The tensors that a kernel is given. */
export type KernelInputs<N extends KernelName> = KernelContracts[N]['inputs']
/** The attributes that a kernel is given. */
export type KernelAttributes<N extends KernelName> = KernelContracts[N]['attributes']
/** The tensors that a kernel makes. */
export type KernelOutputs<N extends KernelName> = KernelContracts[N]['outputs']
/** The sizes that a kernel may rely on. */
export type KernelSizes<N extends KernelName> = KernelContracts[N]['sizes']

/** How a convolution moves over its input: PyTorch's stride, zero padding and groups. */
export interface ConvolutionMoves {
  readonly stride: Sides
  readonly padding: Sides
  /** Of input channels, each with filters of its own; 1 by default. */
  readonly groups?: number
}

/** Those of a convolution. */
export interface ConvolutionSizes {
  readonly batch: number
  readonly height: number
  readonly width: number
  readonly inputs: number
  readonly outputs: number
  readonly kernel: readonly [height: number, width: number]
  readonly stride: readonly [height: number, width: number]
  readonly padding: readonly [height: number, width: number]
  readonly groups: number
  /** Of the output. */
  readonly rows: number
  readonly columns: number
}
