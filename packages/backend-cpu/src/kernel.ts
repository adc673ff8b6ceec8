import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
import {
  getKernel,
  registerKernel,
  unregisterKernel,
  util,
  type DataType,
  type KernelFunc,
  type TensorInfo,
} from '@tensorflow/tfjs-core'

type Call = Parameters<KernelFunc>[0]
type Values = Float32Array | Int32Array | Uint8Array

/** A kernel of ours: its name in tfjs, and what it computes, or undefined for a call that it leaves to the stock kernel. */
export interface Kernel {
  readonly name: string
  readonly compute: (call: Call) => TensorInfo | TensorInfo[] | undefined
}

/** What a kernel reads and writes tensors through. */
export interface Memory {
  /** The values themselves, not a copy. */
  readonly values: <T extends Values>(tensor: TensorInfo) => T
  /** A new tensor around values. */
  readonly output: (shape: readonly number[], values: Values, dtype?: DataType) => TensorInfo
}

/**
 * @param inputs the names of the inputs, in the order in which `compute` takes them; tfjs or @digitlab/ops has checked
 *   them. One that a call leaves out is undefined, which only kernels with such inputs look at
 */
export const defineKernel = <const Names extends readonly string[], Attributes>(
  name: string,
  inputs: Names,
  compute: (
    memory: Memory,
    inputs: { readonly [I in keyof Names]: TensorInfo },
    attributes: Attributes,
    call: Call,
  ) => TensorInfo | TensorInfo[] | undefined,
): Kernel => ({
  name,
  compute: (call) =>
    compute(
      memoryOf(call.backend as MathBackendCPU),
      inputs.map((input) => call.inputs[input]) as { readonly [I in keyof Names]: TensorInfo },
      call.attrs as Attributes, // each kernel names its own
      call,
    ),
})

const memoryOf = (backend: MathBackendCPU): Memory => ({
  values: <T extends Values>({ dataId }: TensorInfo) => backend.data.get(dataId).values as T,
  output: (shape, values, dtype = 'float32') => backend.makeTensorInfo([...shape], dtype, values),
})

export const sizeOf = ({ shape }: TensorInfo): number => util.sizeFromShape(shape)

const ours = new WeakSet<KernelFunc>()

/** Registers a kernel with tfjs's backend "cpu", in place of the stock one where there is one; at most once. */
export const install = ({ name, compute }: Kernel): void => {
  const stock = getKernel(name, 'cpu')
  if (stock && ours.has(stock.kernelFunc)) return
  // Unregistered first: tfjs warns of a kernel that is registered over another.
  if (stock) unregisterKernel(name, 'cpu')
  const kernelFunc: KernelFunc = (call) => {
    const result = compute(call) ?? stock?.kernelFunc(call)
    if (result === undefined) throw new Error(`neither digitlab nor tfjs has a cpu kernel for this call of ${name}`)
    return result
  }
  ours.add(kernelFunc)
  registerKernel({ kernelName: name, backendName: 'cpu', kernelFunc })
}
