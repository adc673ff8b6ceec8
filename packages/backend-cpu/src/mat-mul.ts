// Loop bounds are the tensors' shapes: each `!` on an array is in range.
import { isRowOf, type KernelInputs, type MatMulSizes, type Transposes } from '@digitlab/ops/backend'
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import { defineKernel, type Memory } from './kernel'
import { addProduct, asFloat64, scratch } from './matrix-product'

/** The product of two stacks of matrices, its values not yet a tensor. */
const product = (
  { values }: Memory,
  a: TensorInfo,
  b: TensorInfo,
  { transposeA, transposeB }: Transposes,
  { rows, inner, columns, stackOfA, stackOfB, stack }: MatMulSizes,
): Float32Array => {
  const count = util.sizeFromShape([...stack])
  const y = new Float32Array(count * rows * columns)
  const left = scratch('product left', rows * inner)
  const right = scratch('product right', inner * columns)
  const sums = scratch('product sums', rows * columns)
  for (let n = 0; n < count; n++) {
    asFloat64(values(a), sourceBatch(n, stack, stackOfA) * rows * inner, rows, inner, transposeA, left)
    asFloat64(values(b), sourceBatch(n, stack, stackOfB) * inner * columns, inner, columns, transposeB, right)
    sums.fill(0)
    addProduct(left, right, sums, rows, inner, columns)
    y.set(sums, n * rows * columns)
  }
  return y
}

const shapeOf = ({ stack, rows, columns }: MatMulSizes) => [...stack, rows, columns]

/** tfjs's `BatchMatMul`: any transposes, batches broadcast against each other. */
export const batchMatMul = defineKernel('BatchMatMul', (memory, { a, b }, transposes, sizes) => ({
  c: memory.output(shapeOf(sizes), product(memory, a, b, transposes, sizes)),
}))

/** tfjs's `_FusedMatMul`, without activation or with ReLU. */
export const fusedMatMul = defineKernel('_FusedMatMul', (memory, inputs, attributes, sizes) => {
  const finish = finishing(memory, attributes.activation, inputs, sizes.columns)
  return finish && { c: memory.output(shapeOf(sizes), finish(product(memory, inputs.a, inputs.b, attributes, sizes))) }
})

/**
 * What a fused kernel does behind its product: adds the bias to every row and rectifies. Undefined for what the stock
 * kernel has to take: another activation, a bias that is not one value a column.
 */
export const finishing = (
  { values }: Memory,
  activation: string,
  { bias, preluActivationWeights }: Pick<KernelInputs<'_FusedMatMul'>, 'bias' | 'preluActivationWeights'>,
  columns: number,
): ((y: Float32Array) => Float32Array) | undefined => {
  if ((activation !== 'linear' && activation !== 'relu') || preluActivationWeights) return undefined
  if (bias && !isRowOf(bias, columns)) return undefined
  return (y) => {
    const added = bias && values<Float32Array>(bias)
    if (added) for (let i = 0, column = 0; i < y.length; i++, column++) y[i]! += added[(column %= added.length)]!
    if (activation === 'relu') for (let i = 0; i < y.length; i++) if (y[i]! < 0) y[i] = 0
    return y
  }
}

/** Which matrix of an operand goes into matrix n of the result: sizes of 1 are repeated. */
const sourceBatch = (n: number, batch: readonly number[], own: readonly number[]): number => {
  let [index, stride, rest] = [0, 1, n]
  for (let dim = 1; dim <= batch.length; dim++) {
    const size = batch[batch.length - dim]!
    const ownSize = own[own.length - dim] ?? 1
    if (ownSize > 1) index += (rest % size) * stride
    rest = Math.floor(rest / size)
    stride *= ownSize
  }
  return index
}
