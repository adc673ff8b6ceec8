import type { Split } from './instance'
import { defineKernel } from './kernel'

/** Elements, split so that each range begins at a line of the cache. */
export const elements = (items: number): Split => ({ items, grain: 64 })

/** tfjs's `Add` of two tensors of one shape. Kernel: `assembly/elementwise.ts`. */
export const add = defineKernel('Add', ({ address, output, share }, { a, b }, _, { count }) => {
  const c = output(a.shape, 'float32')
  share('add', elements(count), address(a), address(b), address(c))
  return { c }
})

/** tfjs's `Multiply` of two tensors of one shape. Kernel: `assembly/elementwise.ts`. */
export const multiply = defineKernel('Multiply', ({ address, output, share }, { a, b }, _, { count }) => {
  const c = output(a.shape, 'float32')
  share('multiply', elements(count), address(a), address(b), address(c))
  return { c }
})
