import { broadcast_util, util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CudaTensors } from './cuda-tensors'
import { fusedActivation, withBiasAndActivation } from './elementwise'
import { defineKernel } from './kernel'
import { broadcastTo } from './strided'

/** Whether matrix products run on tensor cores, with factors rounded to TF32. */
export const usesTensorCores = ({ precision }: CudaTensors): boolean => precision === 'tf32'

interface Transposes {
  readonly transposeA: boolean
  readonly transposeB: boolean
}

/** C = A B for stacks of matrices; either may be a single one for the whole stack. Kernel: `cuda/mat-mul.cu`. */
const product = (
  tensors: CudaTensors,
  a: TensorInfo,
  b: TensorInfo,
  { transposeA, transposeB }: Transposes,
): TensorInfo => {
  const [rowsOfA = 0, columnsOfA = 0] = a.shape.slice(-2)
  const [rowsOfB = 0, columnsOfB = 0] = b.shape.slice(-2)
  const [rows, inner] = transposeA ? [columnsOfA, rowsOfA] : [rowsOfA, columnsOfA]
  const columns = transposeB ? rowsOfB : columnsOfB
  const [stackOfA, stackOfB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)]
  const stackShape = broadcast_util.assertAndGetBroadcastShape(stackOfA, stackOfB)
  const stack = util.sizeFromShape(stackShape)
  const c = tensors.output([...stackShape, rows, columns], 'float32')
  // A stack that is neither one matrix nor a whole stack is laid out as a whole one.
  const whole = (x: TensorInfo, own: readonly number[]) => {
    const count = util.sizeFromShape([...own])
    if (count === 1 || count === stack) return { x, step: count === 1 ? 0 : 1, made: false }
    return { x: broadcastTo(tensors, x, [...stackShape, ...x.shape.slice(-2)]), step: 1, made: true }
  }
  const [left, right] = [whole(a, stackOfA), whole(b, stackOfB)]
  const letter = (transposed: boolean) => (transposed ? 'T' : 'N')
  tensors.device.launch({
    kernel: `matMul${letter(transposeA)}${letter(transposeB)}${usesTensorCores(tensors) ? 'Tensor' : ''}`,
    blocks: [Math.ceil(rows / 32), Math.ceil(columns / 32), stack],
    threads: 256,
    arguments: [
      ...[left.x, right.x, c].map((tensor) => tensors.address(tensor)),
      ...[rows, columns, inner, left.step * rows * inner, right.step * inner * columns],
    ],
  })
  for (const { x, made } of [left, right]) if (made) tensors.disposeData(x.dataId)
  return c
}

/** tfjs's `BatchMatMul`. */
export const batchMatMul = defineKernel('BatchMatMul', ['a', 'b'], (tensors, [a, b], attributes: Transposes) =>
  product(tensors, a, b, attributes),
)

/** tfjs's `_FusedMatMul`. */
export const fusedMatMul = defineKernel(
  '_FusedMatMul',
  ['a', 'b', 'bias', 'preluActivationWeights'],
  (
    tensors,
    [a, b, bias, prelu],
    attributes: Transposes & { readonly activation: string; readonly leakyreluAlpha?: number },
  ) =>
    withBiasAndActivation(
      tensors,
      product(tensors, a, b, attributes),
      bias as TensorInfo | undefined,
      fusedActivation(attributes.activation, prelu as TensorInfo | undefined, attributes.leakyreluAlpha),
    ),
)
