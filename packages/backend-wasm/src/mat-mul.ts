import { isRowOf, type KernelInputs, type MatMulSizes, type Transposes } from '@digitlab/ops/backend'
import { getKernel, util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { Instance } from './instance'
import { defineKernel } from './kernel'

/** C = A B for stacks of matrices, either transposed; undefined for what the stock kernel has to take (or refuse). */
const matMul = (
  { address, output, scratch, kernels, took }: Instance,
  a: TensorInfo,
  b: TensorInfo,
  { transposeA, transposeB }: Transposes,
  { rows, inner, columns, stackOfA, stackOfB, stack }: MatMulSizes,
): TensorInfo | undefined => {
  const count = util.sizeFromShape([...stack])
  // One of the two may be a single matrix; other broadcasts are the stock kernel's.
  const single = stackOfA.length === 0 || stackOfB.length === 0
  if (rows * inner * columns * count === 0 || !(single || util.arraysEqual([...stackOfA], [...stackOfB])))
    return undefined
  const c = output([...stack, rows, columns], 'float32')
  const room = scratch(kernels.matMulScratch())
  took('matMul')
  const aStrides = transposeA ? ([1, rows] as const) : ([inner, 1] as const)
  const bStrides = transposeB ? ([1, inner] as const) : ([columns, 1] as const)
  for (let i = 0; i < count; i++) {
    const aAddress = address(a) + (stackOfA.length === 0 ? 0 : 4 * i * rows * inner)
    const bAddress = address(b) + (stackOfB.length === 0 ? 0 : 4 * i * inner * columns)
    const cAddress = address(c) + 4 * i * rows * columns
    kernels.matMul(rows, columns, inner, aAddress, ...aStrides, bAddress, ...bStrides, cAddress, columns, 0, room)
  }
  return c
}

/** tfjs's `BatchMatMul` with all four transposes. Kernel: `assembly/mat-mul.ts`. */
export const batchMatMul = defineKernel('BatchMatMul', (instance, { a, b }, transposes, sizes) => {
  const c = matMul(instance, a, b, transposes, sizes)
  return c && { c }
})

/** Whether our fused kernels compute what follows the product: no activation, or ReLU. */
export const finishes = (
  activation: string,
  { preluActivationWeights }: Pick<KernelInputs<'_FusedMatMul'>, 'preluActivationWeights'>,
): boolean => (activation === 'linear' || activation === 'relu') && preluActivationWeights === undefined

/** activation(y + bias) for y [rows, columns], in place where the bias is one value a column, as it nearly always is. */
export const finished = (
  { address, backend, kernels }: Instance,
  y: TensorInfo,
  [rows, columns]: readonly [number, number],
  bias: TensorInfo | undefined,
  relu: boolean,
): TensorInfo => {
  if (!bias || isRowOf(bias, columns)) {
    if (bias || relu) kernels.addBias(address(y), rows, columns, bias ? address(bias) : 0, Number(relu))
    return y
  }
  // tfjs's fused kernels take no other bias here; its single ones broadcast.
  const stock = (name: string, inputs: Record<string, TensorInfo>, done: TensorInfo): TensorInfo => {
    const made = getKernel(name, 'wasm').kernelFunc({ inputs, backend, attrs: {} }) as TensorInfo
    backend.disposeData(done.dataId)
    return made
  }
  const sum = stock('Add', { a: y, b: bias }, y)
  return relu ? stock('Relu', { x: sum }, sum) : sum
}

/** tfjs's `_FusedMatMul` without activation or with ReLU. Kernel: `assembly/mat-mul.ts`. */
export const fusedMatMul = defineKernel('_FusedMatMul', (instance, inputs, attributes, sizes) => {
  if (!finishes(attributes.activation, inputs)) return undefined
  const c = matMul(instance, inputs.a, inputs.b, attributes, sizes)
  if (!c) return undefined
  const { rows, columns, stack } = sizes
  const shape = [rows * util.sizeFromShape([...stack]), columns] as const
  return { c: finished(instance, c, shape, inputs.bias, attributes.activation === 'relu') }
})
