import { matMulSizes, type MatMulSizes, type Transposes } from '@digitlab/ops/backend'
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CudaTensors } from './cuda-tensors'
import { fusedActivation, withBiasAndActivation } from './elementwise'
import { blocksFor, defineKernel, elementThreads, expectType, sizeOf } from './kernel'
import { broadcastTo } from './strided'

/** Whether matrix products, convolutions among them, run on tensor cores, with factors rounded to TF32. */
export const usesTensorCores = ({ precision }: CudaTensors): boolean => precision === 'tf32'

/** The most of a grid's third dimension. */
const mostBlocks = 65535

/** C = A B for stacks of matrices; either may be a single one for the whole stack. Kernel: `cuda/mat-mul.cu`. */
const product = (
  tensors: CudaTensors,
  a: TensorInfo,
  b: TensorInfo,
  { transposeA, transposeB }: Transposes,
  { rows, inner, columns, stackOfA, stackOfB, stack }: MatMulSizes,
): TensorInfo => {
  const count = util.sizeFromShape([...stack])
  const c = tensors.output([...stack, rows, columns], a.dtype)
  // A stack that is neither one matrix nor a whole stack is laid out as a whole one.
  const whole = (x: TensorInfo, own: readonly number[]) => {
    const ownCount = util.sizeFromShape([...own])
    if (ownCount === 1 || ownCount === count) return { x, step: ownCount === 1 ? 0 : 1, made: false }
    return { x: broadcastTo(tensors, x, [...stack, ...x.shape.slice(-2)]), step: 1, made: true }
  }
  const [left, right] = [whole(a, stackOfA), whole(b, stackOfB)]
  const [stepOfA, stepOfB] = [left.step * rows * inner, right.step * inner * columns]
  const [atA, atB, atC] = [left.x, right.x, c].map((tensor) => tensors.address(tensor)) as [number, number, number]
  if (a.dtype === 'int32')
    tensors.device.launch({
      kernel: 'matMulIntegers',
      blocks: blocksFor(sizeOf(c)),
      threads: elementThreads,
      arguments: [
        ...[atA, atB, atC, rows, columns, inner, count, stepOfA, stepOfB],
        ...[Number(transposeA), Number(transposeB)],
      ],
    })
  else {
    const letter = (transposed: boolean) => (transposed ? 'T' : 'N')
    for (let first = 0; first < count; first += mostBlocks)
      tensors.device.launch({
        kernel: `matMul${letter(transposeA)}${letter(transposeB)}${usesTensorCores(tensors) ? 'Tensor' : ''}`,
        blocks: [Math.ceil(rows / 32), Math.ceil(columns / 32), Math.min(mostBlocks, count - first)],
        threads: 256,
        arguments: [
          ...[atA + 4 * first * stepOfA, atB + 4 * first * stepOfB, atC + 4 * first * rows * columns],
          ...[rows, columns, inner, stepOfA, stepOfB],
        ],
      })
  }
  for (const { x, made } of [left, right]) if (made) tensors.disposeData(x.dataId)
  return c
}

/** Of int32: the contract has sizes for float32 alone. */
const integerProduct = (tensors: CudaTensors, a: TensorInfo, b: TensorInfo, transposes: Transposes): TensorInfo => {
  expectType('matMul', a, 'int32', 'float32')
  expectType('matMul', b, a.dtype)
  return product(tensors, a, b, transposes, matMulSizes(a, b, transposes))
}

/** tfjs's `BatchMatMul`. */
export const batchMatMul = defineKernel(
  'BatchMatMul',
  (tensors, { a, b }, transposes, sizes) => ({ c: product(tensors, a, b, transposes, sizes) }),
  (tensors, { a, b }, transposes) => ({ c: integerProduct(tensors, a, b, transposes) }),
)

/** tfjs's `_FusedMatMul`. */
export const fusedMatMul = defineKernel(
  '_FusedMatMul',
  (tensors, { a, b, bias, preluActivationWeights }, attributes, sizes) => {
    const finish = fusedActivation(attributes.activation, preluActivationWeights, attributes.leakyreluAlpha)
    return { c: withBiasAndActivation(tensors, product(tensors, a, b, attributes, sizes), bias, finish) }
  },
  (tensors, { a, b, bias, preluActivationWeights }, attributes) => {
    const finish = fusedActivation(attributes.activation, preluActivationWeights, attributes.leakyreluAlpha)
    return { c: withBiasAndActivation(tensors, integerProduct(tensors, a, b, attributes), bias, finish) }
  },
)
