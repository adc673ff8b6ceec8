import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import { getKernel, registerKernel, unregisterKernel, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core'
import { BackendError } from '@digitlab/backends'
import { instanceOf, type Instance } from './instance'

type Call = Parameters<KernelFunc>[0]

/** As many tensors as there are names. */
type Tensors<Names extends readonly string[]> = { readonly [I in keyof Names]: TensorInfo }

/** A kernel of ours: its name in tfjs, and what it computes, or undefined for a call that it leaves to the stock kernel. */
export interface Kernel {
  readonly name: string
  readonly compute: (call: Call) => TensorInfo | TensorInfo[] | undefined
}

/**
 * @param inputs the names of the inputs, in the order in which `compute` takes them; one that a call leaves out is
 *   undefined, which only kernels with such inputs look at
 * @param compute checks nothing that tfjs or @digitlab/ops has checked
 */
export const defineKernel = <const Names extends readonly string[], Attributes>(
  name: string,
  inputs: Names,
  compute: (
    instance: Instance,
    inputs: Tensors<Names>,
    attributes: Attributes,
    call: Call,
  ) => TensorInfo | TensorInfo[] | undefined,
): Kernel => ({
  name,
  compute: (call) =>
    compute(
      instanceOf(call.backend as BackendWasm),
      inputs.map((input) => call.inputs[input]) as unknown as Tensors<Names>,
      call.attrs as unknown as Attributes, // each kernel names its own
      call,
    ),
})

const ours = new WeakSet<KernelFunc>()

/** Registers a kernel with tfjs's backend "wasm", in place of the stock one where there is one; at most once. */
export const install = ({ name, compute }: Kernel): void => {
  const stock = getKernel(name, 'wasm')
  if (stock && ours.has(stock.kernelFunc)) return
  // Unregistered first: tfjs warns of a kernel that is registered over another.
  if (stock) unregisterKernel(name, 'wasm')
  const kernelFunc: KernelFunc = (call) => {
    const result = compute(call) ?? stock?.kernelFunc(call)
    if (result === undefined)
      throw new BackendError(`neither digitlab nor tfjs has a wasm kernel for this call of ${name}`)
    return result
  }
  ours.add(kernelFunc)
  // tfjs runs the set-up of what is registered when the backend starts: the stock kernel's is still needed.
  const { setupFunc, disposeFunc } = stock ?? {}
  registerKernel({
    kernelName: name,
    backendName: 'wasm',
    kernelFunc,
    ...(setupFunc && { setupFunc }),
    ...(disposeFunc && { disposeFunc }),
  })
}
