import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { Instance } from './instance'
import { defineKernel } from './kernel'

interface MatMulAttributes {
  readonly transposeA: boolean
  readonly transposeB: boolean
}

/** C = A B for stacks of matrices, either transposed; undefined for what the stock kernel has to take (or refuse). */
const matMul = (
  { address, output, scratch, kernels, took }: Instance,
  a: TensorInfo,
  b: TensorInfo,
  { transposeA, transposeB }: MatMulAttributes,
): { c: TensorInfo; rows: number; columns: number } | undefined => {
  const [aOuter, bOuter] = [a.shape.slice(0, -2), b.shape.slice(0, -2)]
  const [aBatch, bBatch] = [util.sizeFromShape(aOuter), util.sizeFromShape(bOuter)]
  const [a0 = 0, a1 = 0] = a.shape.slice(-2)
  const [b0 = 0, b1 = 0] = b.shape.slice(-2)
  const [m, k] = transposeA ? [a1, a0] : [a0, a1]
  const [inner, n] = transposeB ? [b1, b0] : [b0, b1]
  const sameBatch = util.arraysEqual(aOuter, bOuter)
  const takes =
    a.dtype === 'float32' && b.dtype === 'float32' && k === inner && m * n * k > 0 && aBatch > 0 && bBatch > 0
  // One of the two may be a single matrix; other broadcasts are the stock kernel's.
  if (!takes || !(sameBatch || aOuter.length === 0 || bOuter.length === 0)) return undefined
  const outer = aOuter.length === 0 ? bOuter : aOuter
  const c = output([...outer, m, n], 'float32')
  const room = scratch(kernels.matMulScratch())
  took('matMul')
  const aStrides = transposeA ? ([1, a1] as const) : ([a1, 1] as const)
  const bStrides = transposeB ? ([1, b1] as const) : ([b1, 1] as const)
  for (let i = 0; i < Math.max(aBatch, bBatch); i++) {
    const aAddress = address(a) + (aOuter.length === 0 ? 0 : 4 * i * a0 * a1)
    const bAddress = address(b) + (bOuter.length === 0 ? 0 : 4 * i * b0 * b1)
    const cAddress = address(c) + 4 * i * m * n
    kernels.matMul(m, n, k, aAddress, ...aStrides, bAddress, ...bStrides, cAddress, n, 0, room)
  }
  return { c, rows: Math.max(aBatch, bBatch) * m, columns: n }
}

/** tfjs's `BatchMatMul` with all four transposes. Kernel: `assembly/mat-mul.ts`. */
export const batchMatMul = defineKernel(
  'BatchMatMul',
  ['a', 'b'],
  (instance, [a, b], attributes: MatMulAttributes) => matMul(instance, a, b, attributes)?.c,
)

/** The activations that our fused kernels apply; the stock kernels know more. */
export const fusedActivation = (activation: string): 'linear' | 'relu' | undefined =>
  activation === 'linear' || activation === 'relu' ? activation : undefined

/** tfjs's `_FusedMatMul` without activation or with ReLU. Kernel: `assembly/mat-mul.ts`. */
export const fusedMatMul = defineKernel(
  '_FusedMatMul',
  ['a', 'b', 'bias', 'preluActivationWeights'],
  (instance, [a, b, bias, prelu], attributes: MatMulAttributes & { readonly activation: string }) => {
    const activation = fusedActivation(attributes.activation)
    const columns = b.shape[b.shape.length - (attributes.transposeB ? 2 : 1)] ?? 0
    // The type says that bias is there, and an optional input of tfjs's may not be.
    const optionalBias = bias as TensorInfo | undefined
    const biasFits = !optionalBias || util.sizeFromShape(optionalBias.shape) === columns
    if (!activation || !biasFits || (prelu as TensorInfo | undefined)) return undefined
    const product = matMul(instance, a, b, attributes)
    if (!product) return undefined
    const { address, kernels } = instance
    const biasAddress = optionalBias ? address(optionalBias) : 0
    if (optionalBias || activation === 'relu')
      kernels.addBias(address(product.c), product.rows, columns, biasAddress, Number(activation === 'relu'))
    return product.c
  },
)
