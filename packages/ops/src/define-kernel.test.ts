import '@tensorflow/tfjs-backend-cpu'
import {
  engine,
  env,
  getKernel,
  setBackend,
  tensor,
  tensor1d,
  tensor2d,
  tidy,
  unregisterKernel,
  type Tensor,
} from '@tensorflow/tfjs-core'
import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { installKernels, kernelsIn, type KernelAttributes, type KernelInputs, type KernelSizes } from './backend'
import { dense } from './index'

beforeAll(async () => {
  env().set('IS_TEST', true) // the stock backend greets with a warning otherwise
  expect(await setBackend('cpu')).toBe(true)
})

const defineKernel = kernelsIn((backend) => backend as MathBackendCPU)

/** y = 100 everywhere: not what is asked for, so that it shows which kernel computed. */
const hundreds = defineKernel('DigitlabDense', (cpu, _, __, { batch, outputs }) => ({
  y: cpu.makeTensorInfo([batch, outputs], 'float32', new Float32Array(batch * outputs).fill(100)),
}))

afterEach(() => {
  if (getKernel('DigitlabDense', 'cpu')) unregisterKernel('DigitlabDense', 'cpu')
})

test('a kernel of the contract computes what the operation is asked for, once its call was checked', () => {
  installKernels([hundreds], 'cpu')
  const [x, weight, bias] = [tensor2d([[1, 2]]), tensor2d([[1, 2, 3], [4, 5, 6]]), tensor1d([0, 0, 0])] // oxfmt-ignore
  expect(Array.from(tidy(() => dense(x, weight, bias, 'relu').dataSync()))).toEqual([100, 100, 100])
  expect(() => dense(x, tensor2d([[1, 2, 3]]), bias, 'relu')).toThrow('must have shape [2, 3], not [1, 3]')
  expect(() => engine().runKernel('DigitlabDense', { x, bias }, { activation: 'relu' })).toThrow(
    'DigitlabDense was called without its input weight',
  )
})

test('is registered once, and a call that it does not take goes to the stock kernel', () => {
  const stock = getKernel('MaxPoolGrad', 'cpu')
  let calls = 0
  const never = defineKernel('MaxPoolGrad', () => void calls++)
  installKernels([never], 'cpu')
  const installed = getKernel('MaxPoolGrad', 'cpu')
  installKernels([never], 'cpu')
  expect(getKernel('MaxPoolGrad', 'cpu')).toBe(installed)
  expect(installed).not.toBe(stock)
  const dx = tidy((): Tensor => {
    const [input, dy] = [tensor([1, 2, 3, 4], [1, 2, 2, 1]), tensor([7], [1, 1, 1, 1])]
    return engine().runKernel('MaxPoolGrad', { dy, input, output: dy }, { filterSize: 2, strides: 2, pad: 0 })
  })
  expect(Array.from(dx.dataSync())).toEqual([0, 0, 0, 7])
  dx.dispose()
  expect(calls).toBe(1)
})

test('without a stock kernel such a call is refused', () => {
  installKernels([defineKernel('DigitlabDense', () => undefined)], 'cpu')
  expect(() => dense(tensor2d([[1]]), tensor2d([[1]]), tensor1d([0]), 'relu')).toThrow(
    'the backend "cpu" has no kernel for this call of DigitlabDense',
  )
})

test('the compiler holds a kernel to its contract', () => {
  const kernels = [
    // @ts-expect-error there is no such kernel
    () => defineKernel('DigitlabNothing', () => undefined),
    // @ts-expect-error the output is y
    () => defineKernel('DigitlabDense', (_, { x }) => ({ z: x })),
    // @ts-expect-error the gradients of weight and bias are missing
    () => defineKernel('DigitlabDenseGrad', (_, { x }) => ({ dx: x })),
  ]
  // @ts-expect-error the inputs are x, weight and bias
  const input: keyof KernelInputs<'DigitlabDense'> = 'image'
  // @ts-expect-error it has no such attribute
  const attribute: keyof KernelAttributes<'DigitlabConvReluPool'> = 'stride'
  // @ts-expect-error nor such a size
  const size: keyof KernelSizes<'DigitlabDense'> = 'channels'
  expect([...kernels, input, attribute, size]).toHaveLength(6)
})
