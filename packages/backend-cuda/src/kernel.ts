import { registerKernel, util, type KernelFunc, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CudaTensors } from './cuda-tensors'

type Call = Parameters<KernelFunc>[0]

/** As many tensors as there are names. */
type Tensors<Names extends readonly string[]> = { readonly [I in keyof Names]: TensorInfo }

/** A kernel as tfjs knows it. */
export interface Kernel {
  readonly name: string
  readonly compute: (call: Call) => TensorInfo | TensorInfo[]
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
    tensors: CudaTensors,
    inputs: Tensors<Names>,
    attributes: Attributes,
    call: Call,
  ) => TensorInfo | TensorInfo[],
): Kernel => ({
  name,
  compute: (call) =>
    compute(
      call.backend as CudaTensors,
      inputs.map((input) => call.inputs[input]) as unknown as Tensors<Names>,
      call.attrs as unknown as Attributes, // each kernel names its own
      call,
    ),
})

/** Registers kernels with a backend of tfjs's. */
export const install = (kernels: readonly Kernel[], backendName: string): void => {
  for (const { name, compute } of kernels) registerKernel({ kernelName: name, backendName, kernelFunc: compute })
}

export const sizeOf = ({ shape }: TensorInfo): number => util.sizeFromShape(shape)

/** Threads of a block where each thread makes one element. */
export const elementThreads = 256

/** Blocks for one thread an element. */
export const blocksFor = (elements: number): readonly [number] => [Math.ceil(elements / elementThreads)]

/** A struct of int32 fields, as kernels take their sizes. */
export const struct = (...fields: readonly number[]): ArrayBuffer => Int32Array.from(fields).buffer
