import { BackendError } from '@digitlab/backends'
import { broadcast_util, util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core'
import { typeNumber, type CudaTensors } from './cuda-tensors'
import { blocksFor, defineTfjsKernel, elementThreads, expectFit, expectType, sizeOf, type Kernel } from './kernel'

/** What a result's type is: that of the operand, or always the one named. */
type Result = 'same' | 'float32' | 'bool'

/** Operations of one operand: their numbers in `cuda/elementwise.cu`, what type they make, and attributes they take. */
const unaries = {
  Neg: [1, 'same'],
  Abs: [2, 'same'],
  Exp: [3, 'float32'],
  Log: [4, 'float32'],
  Relu: [5, 'same'],
  Relu6: [6, 'same'],
  Sqrt: [7, 'float32'],
  Rsqrt: [8, 'float32'],
  Square: [9, 'same'],
  Step: [10, 'same', 'alpha'],
  Sigmoid: [11, 'float32'],
  Tanh: [12, 'float32'],
  Floor: [13, 'same'],
  Ceil: [14, 'same'],
  Round: [15, 'same'],
  Sign: [16, 'same'],
  LogicalNot: [17, 'bool'],
  ClipByValue: [18, 'same', 'clipValueMin', 'clipValueMax'],
  LeakyRelu: [19, 'float32', 'alpha'],
  Elu: [20, 'float32'],
  IsNan: [21, 'bool'],
  IsFinite: [22, 'bool'],
  IsInf: [23, 'bool'],
  Reciprocal: [24, 'float32'],
  Expm1: [25, 'float32'],
  Log1p: [26, 'float32'],
  Sin: [27, 'float32'],
  Cos: [28, 'float32'],
  Softplus: [29, 'float32'],
} as const satisfies Record<string, readonly [number, Result, string?, string?]>

/** Operations of two operands, in the same way. */
const binaries = {
  Add: [0, 'same'],
  Sub: [1, 'same'],
  Multiply: [2, 'same'],
  RealDiv: [3, 'float32'],
  Maximum: [4, 'same'],
  Minimum: [5, 'same'],
  Pow: [6, 'same'],
  SquaredDifference: [7, 'same'],
  FloorDiv: [8, 'int32'],
  Mod: [9, 'same'],
  Equal: [10, 'bool'],
  NotEqual: [11, 'bool'],
  Greater: [12, 'bool'],
  GreaterEqual: [13, 'bool'],
  Less: [14, 'bool'],
  LessEqual: [15, 'bool'],
  LogicalAnd: [16, 'bool'],
  LogicalOr: [17, 'bool'],
  Prelu: [18, 'float32', 'x', 'alpha'],
  EluGrad: [19, 'float32', 'dy', 'y'],
} as const satisfies Record<string, readonly [number, Result | 'int32', string?, string?]>

const copy = 0

/** Kernel: `cuda/elementwise.cu`. @param numbers what the operation takes beside its operand */
const unary = (
  tensors: CudaTensors,
  operation: number,
  x: TensorInfo,
  dtype: DataType,
  numbers: readonly [number, number] = [0, 0],
): TensorInfo => {
  const out = tensors.output(x.shape, dtype)
  const size = sizeOf(x)
  tensors.device.launch({
    kernel: 'unary',
    blocks: blocksFor(size),
    threads: elementThreads,
    arguments: [
      ...[tensors.address(x), tensors.address(out), size, operation, typeNumber(x.dtype), typeNumber(dtype)],
      ...numbers,
    ],
  })
  return out
}

/** The most axes that the kernel goes through; neighbouring ones that are broadcast alike count once. */
const mostAxes = 6

/** The struct `Broadcast`: sizes of the result, and how far a step in each lies in both operands. */
const broadcastOf = (a: readonly number[], b: readonly number[], out: readonly number[]): ArrayBuffer => {
  const stepsOf = (shape: readonly number[]) => {
    const steps = new Array<number>(out.length).fill(0)
    for (let axis = shape.length - 1, step = 1; axis >= 0; axis--) {
      const size = shape[axis] ?? 1
      if (size !== 1) steps[out.length - shape.length + axis] = step
      step *= size
    }
    return steps
  }
  const [ofA, ofB] = [stepsOf(a), stepsOf(b)]
  const axes: { size: number; a: number; b: number }[] = []
  for (const [axis, size] of out.entries()) {
    if (size === 1) continue
    const [stepA = 0, stepB = 0] = [ofA[axis], ofB[axis]]
    const last = axes.at(-1)
    if (last && last.a === stepA * size && last.b === stepB * size) {
      last.size *= size
      last.a = stepA
      last.b = stepB
    } else axes.push({ size, a: stepA, b: stepB })
  }
  if (axes.length > mostAxes)
    throw new BackendError(
      `the cuda backend broadcasts over at most ${mostAxes} groups of axes, [${a.join(', ')}] and [${b.join(', ')}] need ${axes.length}: reshape them`,
    )
  const fields = new Int32Array(1 + 3 * mostAxes)
  fields[0] = axes.length
  for (const [i, { size, a, b }] of axes.entries()) {
    fields[1 + i] = size
    fields[1 + mostAxes + i] = a
    fields[1 + 2 * mostAxes + i] = b
  }
  return fields.buffer
}

/** Kernel: `cuda/elementwise.cu`. */
const binary = (tensors: CudaTensors, operation: number, a: TensorInfo, b: TensorInfo, dtype: DataType): TensorInfo => {
  const shape = broadcast_util.assertAndGetBroadcastShape(a.shape, b.shape)
  const out = tensors.output(shape, dtype)
  const size = util.sizeFromShape(shape)
  tensors.device.launch({
    kernel: 'binary',
    blocks: blocksFor(size),
    threads: elementThreads,
    arguments: [
      ...[a, b, out].map((tensor) => tensors.address(tensor)),
      ...[size, operation, typeNumber(a.dtype), typeNumber(b.dtype), typeNumber(dtype)],
      broadcastOf(a.shape, b.shape, shape),
    ],
  })
  return out
}

/** An activation that a fused kernel ends with. */
export type FusedActivation = (tensors: CudaTensors, x: TensorInfo) => TensorInfo

/** @throws BackendError for an activation that there is none of */
export const fusedActivation = (
  name: string | undefined,
  prelu: TensorInfo | undefined,
  leakyAlpha = 0.2,
): FusedActivation | undefined => {
  const simple: Readonly<Record<string, number>> = {
    relu: unaries.Relu[0],
    relu6: unaries.Relu6[0],
    elu: unaries.Elu[0],
    sigmoid: unaries.Sigmoid[0],
  }
  if (name === undefined || name === 'linear') return undefined
  const operation = simple[name]
  if (operation !== undefined) return (tensors, x) => unary(tensors, operation, x, 'float32')
  if (name === 'leakyrelu') return (tensors, x) => unary(tensors, unaries.LeakyRelu[0], x, 'float32', [leakyAlpha, 0])
  if (name === 'prelu' && prelu) return (tensors, x) => binary(tensors, binaries.Prelu[0], x, prelu, 'float32')
  throw new BackendError(`the cuda backend has no fused activation "${name}": apply it by itself`)
}

/** activation(x + bias); disposes of x where another tensor takes its place. */
export const withBiasAndActivation = (
  tensors: CudaTensors,
  x: TensorInfo,
  bias: TensorInfo | undefined,
  activation: FusedActivation | undefined,
): TensorInfo => {
  let y = x
  const then = (next: TensorInfo) => {
    tensors.disposeData(y.dataId)
    y = next
  }
  if (bias) then(binary(tensors, binaries.Add[0], y, bias, 'float32'))
  if (activation) then(activation(tensors, y))
  return y
}

const unaryKernels = Object.entries(unaries).map(([name, [operation, result, ...names]]) =>
  defineTfjsKernel(name, ['x'], (tensors, [x], attributes: Readonly<Record<string, number | undefined>>) => {
    const [first, second] = names.map((attribute) => attributes[attribute ?? ''] ?? 0)
    return unary(tensors, operation, x, result === 'same' ? x.dtype : result, [first ?? 0, second ?? 0])
  }),
)

const binaryKernels = Object.entries(binaries).map(([name, [operation, result, first = 'a', second = 'b']]) =>
  defineTfjsKernel(name, [first, second], (tensors, [a, b]) =>
    binary(tensors, operation, a, b, result === 'same' ? a.dtype : result),
  ),
)

/** x in another type: a float becomes an integer by truncation, anything but 0 is true. */
export const cast = (tensors: CudaTensors, x: TensorInfo, dtype: DataType): TensorInfo =>
  dtype === x.dtype ? tensors.alias(x, x.shape, dtype) : unary(tensors, copy, x, dtype)

/** tfjs's `Cast`. */
const castKernel = defineTfjsKernel('Cast', ['x'], (tensors, [x], { dtype }: { readonly dtype: DataType }) =>
  cast(tensors, x, dtype),
)

/** tfjs's `Select`: t where the condition holds, else e. */
const select = defineTfjsKernel('Select', ['condition', 't', 'e'], (tensors, [condition, t, e]) => {
  expectType('Select', condition, 'bool')
  expectType('Select', e, t.dtype)
  const chooses =
    util.arraysEqual(condition.shape, t.shape) || (condition.shape.length === 1 && condition.shape[0] === t.shape[0])
  expectFit('Select', chooses && util.arraysEqual(t.shape, e.shape), condition.shape, t.shape, e.shape)
  const out = tensors.output(t.shape, t.dtype)
  const size = sizeOf(t)
  const inner = Math.max(1, size / Math.max(1, sizeOf(condition))) // a condition of rank 1 chooses whole rows
  tensors.device.launch({
    kernel: 'choose',
    blocks: blocksFor(size),
    threads: elementThreads,
    arguments: [...[condition, t, e, out].map((tensor) => tensors.address(tensor)), size, inner, typeNumber(t.dtype)],
  })
  return out
})

/** A tensor of one value. */
export const filled = (tensors: CudaTensors, shape: readonly number[], dtype: DataType, value: number): TensorInfo => {
  const out = tensors.output(shape, dtype)
  const size = sizeOf(out)
  tensors.device.launch({
    kernel: 'fill',
    blocks: blocksFor(size),
    threads: elementThreads,
    arguments: [tensors.address(out), size, typeNumber(dtype), value],
  })
  return out
}

const fill = defineTfjsKernel(
  'Fill',
  [],
  (tensors, _, attributes: { readonly shape: number[]; readonly value: number; readonly dtype?: DataType }) =>
    filled(tensors, attributes.shape, attributes.dtype ?? 'float32', Number(attributes.value)),
)
const zerosLike = defineTfjsKernel('ZerosLike', ['x'], (tensors, [x]) => filled(tensors, x.shape, x.dtype, 0))
const onesLike = defineTfjsKernel('OnesLike', ['x'], (tensors, [x]) => filled(tensors, x.shape, x.dtype, 1))

/** tfjs's `AddN`: the sum of several tensors of one shape. */
const addN = defineTfjsKernel('AddN', [], (tensors, _, __, { inputs }) => {
  const [first, ...others] = Object.values(inputs) as [TensorInfo, ...TensorInfo[]]
  let sum = tensors.alias(first, first.shape, first.dtype)
  for (const other of others) {
    const next = binary(tensors, binaries.Add[0], sum, other, sum.dtype)
    tensors.disposeData(sum.dataId)
    sum = next
  }
  return sum
})

/** Kernels of one element at a time. */
export const elementwiseKernels: readonly Kernel[] = [
  ...unaryKernels,
  ...binaryKernels,
  castKernel,
  select,
  fill,
  zerosLike,
  onesLike,
  addN,
]
