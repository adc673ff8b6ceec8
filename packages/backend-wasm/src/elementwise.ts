import { defineKernel } from './kernel'

/** tfjs's `Add` of two tensors of one shape. Kernel: `assembly/elementwise.ts`. */
export const add = defineKernel('Add', ({ address, output, kernels }, { a, b }, _, { count }) => {
  const c = output(a.shape, 'float32')
  kernels.add(address(a), address(b), address(c), 0, count)
  return { c }
})

/** tfjs's `Multiply` of two tensors of one shape. Kernel: `assembly/elementwise.ts`. */
export const multiply = defineKernel('Multiply', ({ address, output, kernels }, { a, b }, _, { count }) => {
  const c = output(a.shape, 'float32')
  kernels.multiply(address(a), address(b), address(c), 0, count)
  return { c }
})
