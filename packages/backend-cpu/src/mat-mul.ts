// Loop bounds are the tensors' shapes: each `!` on an array is in range.
import { broadcast_util, util } from '@tensorflow/tfjs-core'
import { defineKernel } from './kernel'
import { addProduct, asFloat64, scratch } from './matrix-product'

/** tfjs's `BatchMatMul`: any transposes, batches broadcast against each other. */
export const batchMatMul = defineKernel(
  'BatchMatMul',
  ['a', 'b'],
  ({ values, output }, [a, b], { transposeA, transposeB }: { transposeA: boolean; transposeB: boolean }) => {
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
    return output([...batch, rows, columns], y)
  },
)

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
