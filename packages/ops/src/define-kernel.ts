import {
  getKernel,
  registerKernel,
  unregisterKernel,
  type KernelFunc,
  type NamedTensorInfoMap,
  type TensorInfo,
} from '@tensorflow/tfjs-core'
import {
  inputsOf,
  kernelContracts,
  type KernelAttributes,
  type KernelInputs,
  type KernelName,
  type KernelOutputs,
  type KernelSizes,
} from './contracts'
import { OpsError } from './expect'

/** A call as tfjs makes it. */
export type KernelCall = Parameters<KernelFunc>[0]

/** A kernel for a backend. */
export interface Kernel {
  /** In tfjs. */
  readonly name: string
  /** What tfjs calls: answers with the outputs, or with undefined for a call that is left to the stock kernel. */
  readonly compute: (call: KernelCall) => TensorInfo | TensorInfo[] | undefined
}

/**
 * Computes a call that fits the contract: its inputs, attributes and sizes have been checked. Answers with the outputs by their names,
 * or undefined for a call that is left to the stock kernel.
 */
export type Compute<Memory, N extends KernelName> = (
  memory: Memory,
  inputs: KernelInputs<N>,
  attributes: KernelAttributes<N>,
  sizes: NonNullable<KernelSizes<N>>,
) => KernelOutputs<N> | undefined

/**
 * How the kernels of a backend are defined.
 *
 * @param memoryOf what a kernel reads and writes tensors through, from tfjs's backend
 */
export const kernelsIn =
  <Memory>(memoryOf: (backend: unknown) => Memory) =>
  /** @param otherwise computes a call for which the contract has no sizes: without it, the stock kernel does */
  <N extends KernelName>(
    name: N,
    compute: Compute<Memory, N>,
    otherwise?: (
      memory: Memory,
      inputs: KernelInputs<N>,
      attributes: KernelAttributes<N>,
    ) => KernelOutputs<N> | undefined,
  ): Kernel => ({
    name,
    compute(call) {
      const memory = memoryOf(call.backend)
      const attributes = call.attrs as unknown as KernelAttributes<N>
      const inputs = inputsOf(name, call.inputs as Partial<NamedTensorInfoMap>)
      const { sizes: sizesOf, outputs } = kernelContracts[name]
      const sizes = sizesOf(inputs, attributes)
      const made =
        sizes === undefined || sizes === null
          ? otherwise?.(memory, inputs, attributes)
          : compute(memory, inputs, attributes, sizes)
      if (made === undefined) return undefined
      const tensors = outputs.flatMap((output) => (made[output] as TensorInfo | undefined) ?? [])
      return tensors.length === 1 ? tensors[0] : tensors
    },
  })

const ours = new WeakSet<KernelFunc>()

/** Whether the kernel that a backend has by this name was registered by {@link installKernels}. */
export const isInstalled = (name: string, backendName: string): boolean => {
  const kernel = getKernel(name, backendName)
  return kernel !== undefined && ours.has(kernel.kernelFunc)
}

/**
 * Registers kernels with a backend of tfjs's, in place of stock ones where there are any; each at most once. A call that a kernel does
 * not take goes to the stock one.
 *
 * @param onSetup is called with tfjs's backend when it starts
 */
export const installKernels = (
  kernels: readonly Kernel[],
  backendName: string,
  onSetup?: (backend: unknown) => void,
): void => {
  for (const { name, compute } of kernels) {
    const stock = getKernel(name, backendName)
    if (stock && ours.has(stock.kernelFunc)) continue
    // Unregistered first: tfjs warns of a kernel that is registered over another.
    if (stock) unregisterKernel(name, backendName)
    const kernelFunc: KernelFunc = (call) => {
      const result = compute(call) ?? stock?.kernelFunc(call)
      if (result === undefined)
        throw new OpsError(`the backend "${backendName}" has no kernel for this call of ${name}: use another backend`)
      return result
    }
    ours.add(kernelFunc)
    // tfjs runs the set-up of what is registered when the backend starts: the stock kernel's is still needed.
    const { setupFunc, disposeFunc } = stock ?? {}
    registerKernel({
      kernelName: name,
      backendName,
      kernelFunc,
      ...((setupFunc ?? onSetup) && {
        setupFunc(backend: unknown) {
          setupFunc?.(backend as object)
          onSetup?.(backend)
        },
      }),
      ...(disposeFunc && { disposeFunc }),
    })
  }
}
