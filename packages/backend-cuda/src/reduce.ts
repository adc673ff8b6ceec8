// Kernel: `cuda/reduce.cu`.
import { util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core'
import { typeNumber, type CudaTensors } from './cuda-tensors'
import { defineTfjsKernel, sizeOf, type Kernel } from './kernel'
import { transposed } from './strided'

/** The reductions, by the numbers that the kernel knows them by. */
const operations = { sum: 0, max: 1, min: 2, prod: 3, any: 4, all: 5 } as const

/** x with the axes to reduce last: [what stays, what is reduced]. `made` where it had to be laid out anew. */
const rowsOf = (tensors: CudaTensors, x: TensorInfo, axes: readonly number[]) => {
  const stays = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
  const inPlace = axes.every((axis, i) => axis === stays.length + i)
  const values = inPlace ? x : transposed(tensors, x, [...stays, ...axes])
  const inner = axes.reduce((product, axis) => product * (x.shape[axis] ?? 1), 1)
  return { values, made: !inPlace, inner, shape: stays.map((axis) => x.shape[axis] ?? 1) }
}

const withKept = (x: TensorInfo, axes: readonly number[]) =>
  x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))

interface ReduceAttributes {
  readonly axis?: number | number[]
  readonly reductionIndices?: number | number[]
  readonly keepDims?: boolean
}

const reduction = (
  name: string,
  operation: keyof typeof operations,
  typeOf: (dtype: DataType) => DataType,
  mean = false,
) =>
  defineTfjsKernel(name, ['x'], (tensors, [x], { axis, reductionIndices, keepDims = false }: ReduceAttributes) => {
    const every = x.shape.map((_, i) => i)
    const axes = [...util.parseAxisParam(axis ?? reductionIndices ?? every, x.shape)].sort((a, b) => a - b)
    const { values, made, inner, shape } = rowsOf(tensors, x, axes)
    const out = tensors.output(keepDims ? withKept(x, axes) : shape, typeOf(x.dtype))
    tensors.device.launch({
      kernel: 'reduce',
      blocks: [sizeOf(out)],
      threads: 256,
      arguments: [
        ...[tensors.address(values), tensors.address(out), inner, operations[operation]],
        ...[typeNumber(x.dtype), typeNumber(out.dtype), mean ? 1 / inner : 1],
      ],
    })
    if (made) tensors.disposeData(values.dataId)
    return out
  })

const argReduction = (name: string, sign: 1 | -1) =>
  defineTfjsKernel(name, ['x'], (tensors, [x], { axis }: { readonly axis: number }) => {
    const { values, made, inner, shape } = rowsOf(tensors, x, util.parseAxisParam(axis, x.shape))
    const out = tensors.output(shape, 'int32')
    tensors.device.launch({
      kernel: 'argReduce',
      blocks: [sizeOf(out)],
      threads: 256,
      arguments: [tensors.address(values), tensors.address(out), inner, typeNumber(x.dtype), sign],
    })
    if (made) tensors.disposeData(values.dataId)
    return out
  })

const same = (dtype: DataType): DataType => dtype
const counted = (dtype: DataType): DataType => (dtype === 'bool' ? 'int32' : dtype)

export const reduceKernels: readonly Kernel[] = [
  reduction('Sum', 'sum', counted),
  reduction('Mean', 'sum', () => 'float32', true),
  reduction('Max', 'max', same),
  reduction('Min', 'min', same),
  reduction('Prod', 'prod', counted),
  reduction('Any', 'any', same),
  reduction('All', 'all', same),
  argReduction('ArgMax', 1),
  argReduction('ArgMin', -1),
]
