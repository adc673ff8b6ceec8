// The sizes of calls, and what calls are refused: what the contracts of kernels (contracts.ts) share.
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import { expectCount, expectTensor, OpsError } from './expect'
import { bothSides, outputSize, type WindowSizes } from './geometry'
import type {
  ActivationAttributes,
  ActivationName,
  ChannelSizes,
  ClipOptions,
  ConvolutionMoves,
  ConvolutionSizes,
  ConvReluPoolSizes,
  DenseSizes,
  Lists,
  OptimizerRule,
  OrNone,
  StepCount,
  Tensors,
} from './signatures'

export const sizeOf = (shape: readonly number[]) => util.sizeFromShape([...shape])

export const denseSizes = ({ x, weight, bias }: OrNone<'x' | 'weight' | 'bias'>): DenseSizes => {
  if (x === undefined || x.shape.length === 0) throw new OpsError('a dense layer takes a batch of images or vectors')
  const [batch = 0, ...rest] = x.shape
  const [inputs, outputs] = [sizeOf(rest), weight?.shape[1] ?? -1]
  expectTensor('the input of a dense layer', x, x.shape)
  expectTensor('the weight of a dense layer', weight, [inputs, outputs])
  if (bias !== undefined) expectTensor('the bias of a dense layer', bias, [outputs])
  return { batch, inputs, outputs }
}

export const convReluPoolSizes = (
  { x, filter, bias }: Partial<Tensors<'x' | 'filter' | 'bias'>>,
  padding: number,
): ConvReluPoolSizes => {
  expectTensor('the images of a convolution', x, [-1, -1, -1, -1])
  const [batch, height, width, inputs] = x!.shape as [number, number, number, number] // there, and of rank 4
  const { kernel, outputs } = movedSizes([batch, height, width, inputs], filter, bias, { stride: 1, padding })
  const [kernelHeight, kernelWidth] = kernel
  return {
    ...{ batch, height, width, inputs, outputs, kernelHeight, kernelWidth, padding },
    rows: Math.floor(outputSize(height, kernelHeight, 1, padding) / 2),
    columns: Math.floor(outputSize(width, kernelWidth, 1, padding) / 2),
  }
}

/** @throws OpsError if a convolution of images [batch, height, width, in] cannot be computed */
export const movedSizes = (
  images: readonly number[],
  filter: TensorInfo | undefined,
  bias: TensorInfo | undefined,
  { stride: strides, padding: paddings, groups = 1 }: ConvolutionMoves,
): ConvolutionSizes => {
  const [batch = 0, height = 0, width = 0, inputs = 0] = images
  expectCount('the groups of a convolution', groups, 1)
  if (inputs % groups !== 0) throw new OpsError(`${inputs} channels can't be split into ${groups} groups`)
  expectTensor('the filter of a convolution', filter, [-1, -1, inputs / groups, -1])
  const [kernelHeight = 0, kernelWidth = 0, , outputs = 0] = filter?.shape ?? []
  if (outputs % groups !== 0) throw new OpsError(`${outputs} filters can't be split into ${groups} groups`)
  if (bias !== undefined) expectTensor('the bias of a convolution', bias, [outputs])
  const [stride, padding] = [bothSides(strides), bothSides(paddings)]
  for (const side of stride) expectCount('the stride of a convolution', side, 1)
  for (const side of padding) expectCount('the padding of a convolution', side, 0)
  expectCount('the height of a filter', kernelHeight, 1)
  expectCount('the width of a filter', kernelWidth, 1)
  const rows = outputSize(height, kernelHeight, stride[0], padding[0])
  const columns = outputSize(width, kernelWidth, stride[1], padding[1])
  if (rows < 1 || columns < 1)
    throw new OpsError(
      `a ${kernelHeight} x ${kernelWidth} filter does not fit an image of ${height} x ${width} with padding ${padding[0] === padding[1] ? padding[0] : padding.join(' and ')}`,
    )
  const kernel = [kernelHeight, kernelWidth] as const
  return { batch, height, width, inputs, outputs, kernel, stride, padding, groups, rows, columns }
}

export const channelSizes = (x: TensorInfo, perChannel: Readonly<Record<string, TensorInfo>>): ChannelSizes => {
  const channels = x.shape.at(-1) ?? 0
  expectTensor('the input of a normalization', x, x.shape)
  for (const [name, tensor] of Object.entries(perChannel))
    expectTensor(`the ${name} of a normalization`, tensor, [channels])
  const count = sizeOf(x.shape.slice(0, -1))
  if (x.shape.length < 2 || count < 2)
    throw new OpsError(
      `batch normalization in training needs at least two values of each channel, [${x.shape.join(', ')}] has ${count}: use larger batches`,
    )
  return { count, channels }
}

/** The elements of each weight; everything else is in the shapes of the weights. */
export const stepSizes = <Names extends string>(
  inputs: Lists<Names | 'weight'>,
  { count, step }: StepCount,
  beside: readonly Names[],
): number[] => {
  expectCount('the number of weights', count, 0)
  expectCount('the step of an optimizer', step, 1)
  return Array.from({ length: count }, (_, i) => {
    const weight = inputs.weight[i]
    expectTensor(`weight ${i}`, weight, weight?.shape ?? [])
    for (const name of beside) expectTensor(`${name} ${i}`, inputs[name][i], weight?.shape ?? [])
    return sizeOf(weight?.shape ?? [])
  })
}

/** Which lists of tensors a rule keeps beside the weights. @throws OpsError for an unknown rule */
export const keptBy = (options: OptimizerRule): readonly ('first' | 'second' | 'third')[] => {
  switch (options.rule) {
    case 'adadelta':
      return ['first', 'second']
    case 'rmsprop':
      return [
        'first',
        ...(options.momentum > 0 ? ['second' as const] : []),
        ...(options.centered ? ['third' as const] : []),
      ]
    case 'adagrad':
      return ['first']
    case 'nadam':
      return ['first', 'second', 'third']
    default:
      throw new OpsError(`there is no optimizer's rule ${JSON.stringify((options as { rule: unknown }).rule)}`)
  }
}

/** @throws OpsError for what nothing can be held to */
export const expectClip = ({ norm, value }: ClipOptions): void => {
  if (!(norm > 0 && value > 0))
    throw new OpsError(`gradients are held to a norm and a size above 0, not to ${String(norm)} and ${String(value)}`)
}

/** What is not float32 is tfjs's own kernel's. */
export const ofFloats = <Sizes>(tensors: readonly TensorInfo[], sizes: () => Sizes): Sizes | undefined =>
  tensors.every(({ dtype }) => dtype === 'float32') ? sizes() : undefined

/** A gradient that is longer than the output, of which tfjs reads the beginning, is tfjs's own kernel's. */
export const covered = (dy: TensorInfo, sizes: WindowSizes | undefined): WindowSizes | undefined =>
  sizes && util.arraysEqual(dy.shape, sizes.outShape) ? sizes : undefined

const activationNames: ReadonlySet<string> = new Set<ActivationName>([
  ...(['relu', 'tanh', 'sigmoid', 'gelu', 'elu', 'leakyRelu', 'silu', 'softplus'] as const),
])

export const expectActivation = ({ name, parameter }: ActivationAttributes): void => {
  if (!activationNames.has(name))
    throw new OpsError(
      `there is no activation ${JSON.stringify(name)}: choose one of ${[...activationNames].join(', ')}`,
    )
  if (!Number.isFinite(parameter))
    throw new OpsError(`the parameter of ${name} must be a finite number, not ${parameter}`)
}

/** What is broadcast is tfjs's own kernel's. */
export const alike = ({ a, b }: Tensors<'a' | 'b'>) =>
  ofFloats([a, b], () => (util.arraysEqual(a.shape, b.shape) ? { count: sizeOf(a.shape) } : undefined))
