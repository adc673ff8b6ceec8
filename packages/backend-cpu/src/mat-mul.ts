// Loop bounds are the tensors' shapes: each `!` on an array is in range.
import { broadcast_util, util, type TensorInfo } from '@tensorflow/tfjs-core'
import { defineKernel, type Memory } from './kernel'
import { addProduct, asFloat64, scratch } from './matrix-product'

interface Transposes {
  readonly transposeA: boolean
  readonly transposeB: boolean
}

/** The product of two stacks of matrices, its values not yet a tensor; undefined for what the stock kernel has to take. */
const product = (
  { values }: Memory,
  a: TensorInfo,
  b: TensorInfo,
  { transposeA, transposeB }: Transposes,
): { shape: number[]; y: Float32Array; columns: number } | undefined => {
  if (a.dtype !== 'float32' || b.dtype !== 'float32') return undefined
  const [rowsA = 0, columnsA = 0] = a.shape.slice(-2)
  const [rowsB = 0, columnsB = 0] = b.shape.slice(-2)
  const [rows, depth] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA]
  const [depthB, columns] = transposeB ? [columnsB, rowsB] : [rowsB, columnsB]
  if (depth !== depthB) return undefined // the stock kernel refuses it in tfjs's own words
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)]
  const batch = broadcast_util.assertAndGetBroadcastShape(batchA, batchB)
  const count = util.sizeFromShape(batch)
  const y = new Float32Array(count * rows * columns)
  const left = scratch('product left', rows * depth)
  const right = scratch('product right', depth * columns)
  const sums = scratch('product sums', rows * columns)
  for (let n = 0; n < count; n++) {
    asFloat64(values(a), sourceBatch(n, batch, batchA) * rows * depth, rows, depth, transposeA, left)
    asFloat64(values(b), sourceBatch(n, batch, batchB) * depth * columns, depth, columns, transposeB, right)
    sums.fill(0)
    addProduct(left, right, sums, rows, depth, columns)
    y.set(sums, n * rows * columns)
  }
  return { shape: [...batch, rows, columns], y, columns }
}

/** tfjs's `BatchMatMul`: any transposes, batches broadcast against each other. */
export const batchMatMul = defineKernel('BatchMatMul', ['a', 'b'], (memory, [a, b], transposes: Transposes) => {
  const made = product(memory, a, b, transposes)
  return made && memory.output(made.shape, made.y)
})

/** tfjs's `_FusedMatMul`, without activation or with ReLU. */
export const fusedMatMul = defineKernel(
  '_FusedMatMul',
  ['a', 'b', 'bias', 'preluActivationWeights'],
  (memory, [a, b, bias, prelu], attributes: Transposes & { readonly activation: string }) => {
    const finish = finishing(memory, attributes.activation, bias, prelu, b.shape.at(attributes.transposeB ? -2 : -1))
    const made = finish && product(memory, a, b, attributes)
    return made && memory.output(made.shape, finish(made.y))
  },
)

/**
 * What a fused kernel does behind its product: adds the bias to every row and rectifies. Undefined for what the stock
 * kernel has to take: another activation, a bias that is not one value a column.
 *
 * @param bias, prelu inputs that a call may leave out
 */
export const finishing = (
  { values }: Memory,
  activation: string,
  bias: TensorInfo | undefined,
  prelu: TensorInfo | undefined,
  columns: number | undefined,
): ((y: Float32Array) => Float32Array) | undefined => {
  const biasFits = !bias || (bias.dtype === 'float32' && util.sizeFromShape(bias.shape) === columns)
  if ((activation !== 'linear' && activation !== 'relu') || !biasFits || prelu) return undefined
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
