// What a kernel does with a call that does not fit: nothing is read or written outside its tensors, whatever a caller passes.
import { MersenneTwister } from '@digitlab/random'
import {
  conv2dTranspose,
  engine,
  fused,
  getBackend,
  getKernel,
  slice,
  tensor,
  type NamedAttrMap,
  type Rank,
  type Tensor,
  type Tensor4D,
} from '@tensorflow/tfjs-core'
import type { KernelName } from './contracts'
import { isInstalled } from './define-kernel'
import { softmaxCrossEntropy } from './softmax-cross-entropy'

type Given = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly dtype: 'float32' | 'int32' | 'bool' }>
>
type Attributes = Readonly<Record<string, unknown>>

interface Call {
  readonly name: KernelName
  readonly inputs: Given
  readonly attributes: Attributes
  /** Values that attributes are tried with. */
  readonly tried: Attributes
}

const float32 = (...shape: readonly number[]) => ({ shape, dtype: 'float32' }) as const
const int32 = (...shape: readonly number[]) => ({ shape, dtype: 'int32' }) as const
const bool = (...shape: readonly number[]) => ({ shape, dtype: 'bool' }) as const

const counts = [-1, 0.5, NaN, 2 ** 31, Infinity]
const sgd = { learningRate: 0.1, momentum: 0.9, weightDecay: 0, count: 1, step: 1 }
const adam = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, count: 1, step: 1 }
const convolution = { strides: [1, 1], pad: 'same', dataFormat: 'NHWC', dilations: [1, 1] }
const depthwise = { strides: [1, 1], pad: 'same', dilations: [1, 1] }
const pool = { filterSize: [2, 2], strides: [2, 2], pad: 'valid' }
/** For an input of [2, 5, 5, 2]: other sizes of it. */
const otherInputShapes = [
  [3, 5, 5, 2],
  [2, 6, 6, 2],
  [2, 5, 5, 3],
  [2, 5, 5],
]
const products = { transposeA: false, transposeB: false }

/** A call of each kernel that fits. */
const calls = (): readonly Call[] => [
  {
    name: 'DigitlabGatherBatch',
    inputs: { images: bool(4, 3, 2, 1), labels: int32(4), order: int32(5) },
    attributes: { start: 1, size: 3, mean: 0, std: 1 },
    tried: { start: [...counts, 3, 5], size: [...counts, 0, 5], std: [0, -1, NaN], mean: [NaN, Infinity] },
  },
  {
    name: 'DigitlabWriteImages',
    inputs: { images: bool(4, 3, 2, 1) },
    attributes: { start: 2, bytes: new Uint8Array(12).fill(1) },
    tried: { start: [...counts, 3, 4], bytes: [new Uint8Array(5), new Uint8Array(18), new Uint8Array(30)] },
  },
  {
    name: 'DigitlabActivation',
    inputs: { x: float32(3, 2) },
    attributes: { name: 'elu', parameter: 1 },
    tried: { name: ['softsign', undefined], parameter: [NaN, Infinity] },
  },
  {
    name: 'DigitlabActivationGrad',
    inputs: { dy: float32(3, 2), x: float32(3, 2), y: float32(3, 2) },
    attributes: { name: 'tanh', parameter: 0 },
    tried: { name: ['softsign'], parameter: [NaN] },
  },
  {
    name: 'DigitlabDense',
    inputs: { x: float32(3, 4), weight: float32(4, 2), bias: float32(2) },
    attributes: { activation: 'relu' },
    tried: {},
  },
  {
    name: 'DigitlabDenseGrad',
    inputs: { dy: float32(3, 2), x: float32(3, 4), weight: float32(4, 2), y: float32(3, 2) },
    attributes: { activation: 'relu', needsInputGradient: true },
    tried: {},
  },
  {
    name: 'DigitlabConvReluPool',
    inputs: { x: float32(2, 6, 6, 2), filter: float32(3, 3, 2, 4), bias: float32(4) },
    attributes: { padding: 1 },
    tried: { padding: counts },
  },
  {
    name: 'DigitlabConvReluPoolGrad',
    inputs: {
      dy: float32(2, 3, 3, 4),
      x: float32(2, 6, 6, 2),
      filter: float32(3, 3, 2, 4),
      winners: int32(2, 3, 3, 4),
    },
    attributes: { padding: 1, needsInputGradient: true },
    tried: { padding: counts },
  },
  {
    name: 'DigitlabSoftmaxCrossEntropy',
    inputs: { logits: float32(3, 4), labels: int32(3) },
    attributes: { scale: 0.5, smoothing: 0 },
    tried: {},
  },
  {
    name: 'DigitlabSgdStep',
    inputs: { weight0: float32(3, 2), gradient0: float32(3, 2), velocity0: float32(3, 2) },
    attributes: sgd,
    tried: { count: [...counts, 2], step: [...counts.slice(0, 3), 0] },
  },
  {
    name: 'DigitlabAdamStep',
    inputs: { weight0: float32(3, 2), gradient0: float32(3, 2), first0: float32(3, 2), second0: float32(3, 2) },
    attributes: adam,
    tried: { count: [...counts, 2], step: [...counts.slice(0, 3), 0] },
  },
  {
    name: 'DigitlabOptimizerStep',
    inputs: { weight0: float32(3, 2), gradient0: float32(3, 2), first0: float32(3, 2), second0: float32(3, 2) },
    attributes: { rule: 'adadelta', rho: 0.9, learningRate: 1, epsilon: 1e-6, weightDecay: 0, count: 1, step: 1 },
    tried: { count: [...counts, 2], step: [...counts.slice(0, 3), 0], rule: ['adam', undefined] },
  },
  {
    name: 'DigitlabClipGradients',
    inputs: { gradient0: float32(3, 2) },
    attributes: { norm: 1, value: Infinity, count: 1 },
    tried: { count: [...counts, 2], norm: [0, -1, NaN], value: [0, -1, NaN] },
  },
  {
    name: 'DigitlabAverageWeights',
    inputs: { average0: float32(3, 2), weight0: float32(3, 2) },
    attributes: { decay: 0.9, count: 1, step: 2 },
    tried: { count: [...counts, 2], step: [...counts.slice(0, 3), 0], decay: [-1, 1.5, NaN] },
  },
  {
    name: 'Conv2D',
    inputs: { x: float32(2, 5, 5, 2), filter: float32(3, 3, 2, 4) },
    attributes: convolution,
    tried: { strides: [0, -1], dilations: [0, -1], pad: [-1, 2 ** 31] },
  },
  {
    name: 'FusedConv2D',
    inputs: { x: float32(2, 5, 5, 2), filter: float32(3, 3, 2, 4), bias: float32(4) },
    attributes: { ...convolution, activation: 'relu' },
    tried: {},
  },
  {
    name: 'Conv2DBackpropFilter',
    inputs: { x: float32(2, 5, 5, 2), dy: float32(2, 5, 5, 4) },
    attributes: { ...convolution, filterShape: [3, 3, 2, 4] },
    tried: {
      filterShape: [
        [3, 3, 3, 4],
        [3, 3, 2, 5],
        [9, 9, 2, 4],
        [3, 3, 2],
      ],
    },
  },
  {
    name: 'Conv2DBackpropInput',
    inputs: { dy: float32(2, 5, 5, 4), filter: float32(3, 3, 2, 4) },
    attributes: { ...convolution, inputShape: [2, 5, 5, 2] },
    tried: { inputShape: otherInputShapes },
  },
  {
    name: 'DepthwiseConv2dNativeBackpropFilter',
    inputs: { x: float32(2, 5, 5, 2), dy: float32(2, 5, 5, 6) },
    attributes: { ...depthwise, filterShape: [3, 3, 2, 3] },
    tried: {
      filterShape: [
        [3, 3, 3, 2],
        [3, 3, 2, 4],
        [3, 3, 2],
      ],
    },
  },
  {
    name: 'DepthwiseConv2dNativeBackpropInput',
    inputs: { dy: float32(2, 5, 5, 6), filter: float32(3, 3, 2, 3) },
    attributes: { ...depthwise, inputShape: [2, 5, 5, 2] },
    tried: { inputShape: otherInputShapes },
  },
  {
    name: 'BatchMatMul',
    inputs: { a: float32(2, 3, 4), b: float32(2, 4, 5) },
    attributes: products,
    tried: { transposeA: [true], transposeB: [true] },
  },
  {
    name: '_FusedMatMul',
    inputs: { a: float32(3, 4), b: float32(4, 5), bias: float32(5) },
    attributes: { ...products, activation: 'linear' },
    tried: { transposeA: [true], transposeB: [true] },
  },
  {
    name: 'Add',
    inputs: { a: float32(3, 4), b: float32(3, 4) },
    attributes: {},
    tried: {},
  },
  {
    name: 'Multiply',
    inputs: { a: float32(3, 4), b: float32(3, 4) },
    attributes: {},
    tried: {},
  },
  ...(['MaxPool', 'AvgPool'] as const).map((name) => ({
    name,
    inputs: { x: float32(2, 6, 6, 2) },
    attributes: pool,
    tried: {
      filterSize: [[0, 2]],
      strides: [
        [0, 0],
        [-1, 2],
      ],
    },
  })),
  {
    name: 'AvgPoolGrad',
    inputs: { dy: float32(2, 3, 3, 2), input: float32(2, 6, 6, 2) },
    attributes: pool,
    tried: {
      filterSize: [[0, 2]],
      strides: [
        [1, 1],
        [0, 0],
        [-1, 2],
      ],
    },
  },
  {
    name: 'DigitlabBatchNorm',
    inputs: {
      ...{ x: float32(3, 2, 5), weight: float32(5), bias: float32(5) },
      ...{ runningMean: float32(5), runningVariance: float32(5), batches: float32() },
    },
    attributes: { momentum: 0.1, epsilon: 1e-5 },
    tried: {},
  },
  {
    name: 'DigitlabBatchNormGrad',
    inputs: {
      ...{ dy: float32(3, 2, 5), x: float32(3, 2, 5), weight: float32(5) },
      ...{ mean: float32(5), inverseDeviation: float32(5) },
    },
    attributes: { needsInputGradient: true },
    tried: {},
  },
  {
    name: 'DigitlabDropout',
    inputs: { x: float32(3, 2, 5) },
    attributes: { p: 0.5, channels: 5, generator: new MersenneTwister(0) },
    tried: { p: [-0.1, 1, NaN], channels: [...counts, 0, 3] },
  },
  {
    name: 'DigitlabConvolution',
    inputs: { x: float32(2, 5, 6, 4), filter: float32(3, 2, 2, 6), bias: float32(6) },
    attributes: { stride: [1, 2], padding: [1, 0], groups: 2 },
    tried: { stride: [0, [0, 1], 0.5, [1, NaN]], padding: [-1, [0, 0.5]], groups: [0, 3, 4, 0.5] },
  },
  {
    name: 'DigitlabConvolutionGrad',
    inputs: { dy: float32(2, 5, 3, 6), x: float32(2, 5, 6, 4), filter: float32(3, 2, 2, 6) },
    attributes: { stride: [1, 2], padding: [1, 0], groups: 2, needsInputGradient: true },
    tried: { stride: [0, [0, 1], 1], padding: [-1, [0, 0.5], 1], groups: [0, 3, 4, 0.5] },
  },
  {
    name: 'MaxPoolGrad',
    inputs: { dy: float32(2, 3, 3, 2), input: float32(2, 6, 6, 2), output: float32(2, 3, 3, 2) },
    attributes: pool,
    tried: {
      filterSize: [[0, 2]],
      strides: [
        [1, 1],
        [0, 0],
        [-1, 2],
      ],
    },
  },
]

/** Inputs changed in one place each: a size more or less, an axis more or less, another type, one left out. */
const changed = (inputs: Given): Given[] =>
  Object.entries(inputs).flatMap(([name, { shape, dtype }]) => {
    const shapes = [
      ...shape.flatMap((_, axis) => [-1, 1].map((by) => shape.map((size, i) => (i === axis ? size + by : size)))),
      ...[[...shape, 1], [1, ...shape], shape.slice(1), shape.slice(0, -1)],
    ]
    return [
      ...shapes.map((shape) => ({ ...inputs, [name]: { shape, dtype } })),
      { ...inputs, [name]: { shape, dtype: dtype === 'int32' ? ('float32' as const) : ('int32' as const) } },
      Object.fromEntries(Object.entries(inputs).filter(([other]) => other !== name)),
    ]
  })

const filled = ({ shape, dtype }: Given[string]): Tensor => {
  const size = shape.reduce((product, side) => product * side, 1)
  if (dtype === 'bool') return tensor(new Uint8Array(size).fill(1), [...shape], 'bool')
  return tensor(dtype === 'int32' ? new Int32Array(size).fill(1) : new Float32Array(size).fill(0.5), [...shape], dtype)
}

/** Whether the backend's kernels are those of a contract: what stock kernels do with such calls is tfjs's affair. */
const isOurs = () => getKernel('DigitlabDense', getBackend()) !== undefined

const mendable = new Set(['OpsError', 'BackendError', 'RangeError', 'Error'])

/** Makes a call between tensors of NaN: what it makes is a number and they stay as they are, or it is refused in words. */
const attempt = async (name: KernelName, inputs: Given, attributes: Attributes): Promise<boolean> => {
  const guard = () => tensor(new Float32Array(64).fill(NaN), [64])
  const what = `${name} of ${JSON.stringify(inputs)} with ${JSON.stringify(attributes)}`
  const guards = [guard()]
  const given: Record<string, Tensor> = {}
  for (const [input, of] of Object.entries(inputs)) {
    given[input] = filled(of)
    guards.push(guard())
  }
  const made: Tensor[] = []
  try {
    const outputs: Tensor | Tensor[] = engine().runKernel(name, given, { ...attributes } as NamedAttrMap)
    made.push(...(Array.isArray(outputs) ? outputs : [outputs]))
    for (const output of made) {
      const values = await output.data()
      if (values.some((value) => !Number.isFinite(value)))
        throw new TypeError(`${what} made [${values.slice(0, 8).join(', ')}]: it read what is not its own`)
    }
    return true
  } catch (error) {
    if (error instanceof Error && mendable.has(error.name)) return false
    throw new Error(`${what} was not refused in words`, { cause: error })
  } finally {
    for (const [i, one] of guards.entries())
      if ((await one.data()).some((value) => !Number.isNaN(value)))
        throw new Error(`${what} wrote to its neighbour ${i}`) // eslint-disable-line no-unsafe-finally
    for (const one of [...guards, ...Object.values(given), ...made]) one.dispose()
  }
}

/** Every kernel of a contract that the current backend has, called with what does not fit. */
export const refusals = (): { readonly name: string; readonly run: () => Promise<void> }[] =>
  calls().map(({ name, inputs, attributes, tried }) => ({
    name: `${name} of what does not fit`,
    run: async () => {
      if (!isInstalled(name, getBackend())) return
      if (!(await attempt(name, inputs, attributes))) throw new Error(`${name} was refused where it fits`)
      let refused = 0
      for (const other of changed(inputs)) refused += Number(!(await attempt(name, other, attributes)))
      for (const [attribute, values] of Object.entries(tried) as [string, unknown[]][])
        for (const value of values)
          refused += Number(!(await attempt(name, inputs, { ...attributes, [attribute]: value })))
      if (refused < 3) throw new Error(`${name} took all but ${refused} calls that do not fit`)
    },
  }))

const expectValues = async (what: string, got: Tensor, want: readonly number[]): Promise<void> => {
  const values = Array.from(await got.data())
  got.dispose()
  if (values.length !== want.length || values.some((value, i) => Math.abs(value - (want[i] ?? NaN)) > 1e-5))
    throw new Error(`${what}: [${values.join(', ')}] where [${want.join(', ')}] is right`)
}

/** Kernels of tfjs's own names with what tfjs allows and no test of its has. */
export const allowances = (): { readonly name: string; readonly run: () => Promise<void> }[] => [
  {
    name: 'fused.matMul with one bias a row, and fused.conv2d with one a column of the image',
    run: async () => {
      if (!isOurs()) return
      const ones = tensor(new Float32Array(9).fill(1), [3, 3])
      const bias = tensor([1, -4, 3], [3, 1])
      const sum = (activation: 'linear' | 'relu') => fused.matMul({ a: ones, b: ones, bias, activation })
      await expectValues('matMul', sum('linear'), [4, 4, 4, -1, -1, -1, 6, 6, 6])
      await expectValues('matMul, rectified', sum('relu'), [4, 4, 4, 0, 0, 0, 6, 6, 6])
      const x = tensor<Rank.R4>([1, 2, 3, 4], [1, 2, 2, 1])
      const filter = tensor<Rank.R4>([1, 2], [1, 1, 1, 2])
      const ofColumns = tensor([10, -20], [2, 1])
      const y = (activation: 'linear' | 'relu') =>
        fused.conv2d({ x, filter, strides: 1, pad: 0, bias: ofColumns, activation })
      await expectValues('conv2d', y('linear'), [11, 12, -18, -16, 13, 16, -16, -12])
      await expectValues('conv2d, rectified', y('relu'), [11, 12, 0, 0, 13, 16, 0, 0])
      for (const one of [ones, bias, x, filter, ofColumns]) one.dispose()
    },
  },
  {
    name: 'conv2dTranspose takes the beginning of a longer dy, and refuses a shorter one',
    run: async () => {
      if (!isOurs()) return
      const filter = filled(float32(3, 3, 1, 1))
      const long = tensor<Rank.R4>(
        Float32Array.from({ length: 48 }, (_, i) => Math.sin(i)),
        [1, 6, 8, 1],
      )
      const dx = (dy: Tensor) => conv2dTranspose(dy as Tensor4D, filter as Tensor4D, [1, 4, 4, 1], [1, 1], 'same')
      const beginning = slice(long, [0, 0, 0, 0], [1, 4, 4, 1])
      const want = dx(beginning)
      await expectValues('dx', dx(long), Array.from(await want.data()))
      for (const shape of [
        [1, 3, 4, 1],
        [1, 4, 3, 1],
        [2, 4, 4, 1],
        [1, 4, 4, 2],
      ]) {
        const other = filled(float32(...shape))
        let refused = false
        try {
          dx(other).dispose()
        } catch {
          refused = true
        }
        other.dispose()
        if (!refused) throw new Error(`a dy of [${shape.join(', ')}] was taken where [1, 4, 4, 1] is right`)
      }
      for (const one of [filter, long, beginning, want]) one.dispose()
    },
  },
]

/** Values that point elsewhere: labels, orders and winners out of range. */
export const strays = (): { readonly name: string; readonly run: () => Promise<void> }[] => [
  {
    name: 'softmaxCrossEntropy with a label out of range is NaN, in the loss and in its row',
    run: async () => {
      for (const stray of [-1, 3, 2 ** 30, -(2 ** 31)]) {
        const [logits, labels] = [tensor([1, 2, 3, 4, 5, 6], [2, 3]), tensor(Int32Array.of(1, stray), [2], 'int32')]
        const { summary, dLogits } = softmaxCrossEntropy(
          ...([logits, labels, 0.5] as Parameters<typeof softmaxCrossEntropy>),
        )
        const [[loss = 0, right] = [], rows] = await Promise.all([summary.data(), dLogits.data()])
        const expected = Number.isNaN(loss) && right === 0 && rows.slice(0, 3).every(Number.isFinite)
        if (!expected || !rows.slice(3).every(Number.isNaN))
          throw new Error(`with the label ${stray} of 3 the loss is ${loss} and its gradient [${rows.join(', ')}]`)
        for (const one of [logits, labels, summary, dLogits]) one.dispose()
      }
    },
  },
  {
    name: 'DigitlabGatherBatch with an order that points past the images makes NaN of them',
    run: async () => {
      if (!isOurs()) return
      for (const stray of [-1, 4, 2 ** 30]) {
        const given = {
          images: tensor(new Uint8Array(24).fill(255), [4, 3, 2, 1], 'bool'),
          labels: tensor(Int32Array.of(5, 6, 7, 8), [4], 'int32'),
          order: tensor(Int32Array.of(2, stray), [2], 'int32'),
        }
        const [images, labels] = engine().runKernel<Tensor[]>('DigitlabGatherBatch', given, {
          ...{ start: 0, size: 2, mean: 0, std: 1 },
        }) as [Tensor, Tensor]
        const [pixels, classes] = await Promise.all([images.data(), labels.data()])
        const expected = pixels.slice(0, 6).every((value) => value === 1) && pixels.slice(6).every(Number.isNaN)
        if (!expected || classes[0] !== 7 || classes[1] !== -1)
          throw new Error(`an order to ${stray} of 4 gave [${pixels.join(', ')}] and [${classes.join(', ')}]`)
        for (const one of [...Object.values(given), images, labels]) one.dispose()
      }
    },
  },
  {
    name: 'DigitlabConvReluPoolGrad with winners of any value',
    run: async () => {
      const call = calls().find(({ name }) => name === 'DigitlabConvReluPoolGrad')
      if (call === undefined || !isOurs()) return
      const guard = tensor(new Float32Array(64).fill(NaN), [64])
      const given = Object.fromEntries(Object.entries(call.inputs).map(([name, of]) => [name, filled(of)]))
      given['winners']?.dispose()
      const strays = Int32Array.from({ length: 72 }, (_, i) => [2 ** 30, -7, 9, 2 ** 31 - 1][i % 4] ?? 0)
      given['winners'] = tensor(strays, [2, 3, 3, 4], 'int32')
      const made = engine().runKernel<Tensor[]>(call.name, given, call.attributes as NamedAttrMap)
      for (const output of made)
        if (!(await output.data()).every(Number.isFinite)) throw new Error('it read what is not its own')
      if (!(await guard.data()).every(Number.isNaN)) throw new Error('it wrote to its neighbour')
      for (const one of [guard, ...Object.values(given), ...made]) one.dispose()
    },
  },
]
