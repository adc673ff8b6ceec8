import { kernelsIn, OpsError, type Kernel, type KernelCall } from '@digitlab/ops/backend'
import { util, type DataType, type TensorInfo } from '@tensorflow/tfjs-core'
import type { CudaTensors } from './cuda-tensors'

export type { Kernel }

/** Defines a kernel by its contract in @digitlab/ops, which has checked what the kernel is given. */
export const defineKernel = kernelsIn((backend) => backend as CudaTensors)

/** As many tensors as there are names. */
type Tensors<Names extends readonly string[]> = { readonly [I in keyof Names]: TensorInfo }

/**
 * Defines a kernel of tfjs's that has no contract: it checks by itself what it relies on.
 *
 * @param inputs the names of the inputs, in the order in which `compute` takes them
 */
export const defineTfjsKernel = <const Names extends readonly string[], Attributes>(
  name: string,
  inputs: Names,
  compute: (
    tensors: CudaTensors,
    inputs: Tensors<Names>,
    attributes: Attributes,
    call: KernelCall,
  ) => TensorInfo | TensorInfo[],
): Kernel => ({
  name,
  compute(call) {
    const missing = inputs.find((input) => (call.inputs as Record<string, unknown>)[input] === undefined)
    if (missing !== undefined) throw new OpsError(`${name} was called without its input ${missing}`)
    return compute(
      call.backend as CudaTensors,
      inputs.map((input) => call.inputs[input]) as unknown as Tensors<Names>,
      call.attrs as unknown as Attributes, // each kernel names its own
      call,
    )
  },
})

/** @throws OpsError where a tensor is of none of the types */
export const expectType = (name: string, { dtype }: TensorInfo, ...types: readonly DataType[]): void => {
  if (!types.includes(dtype)) throw new OpsError(`the cuda backend's ${name} takes ${types.join(' or ')}, not ${dtype}`)
}

/** @throws OpsError where a condition on the shapes of a call does not hold */
export const expectFit = (name: string, holds: boolean, ...shapes: readonly (readonly number[])[]): void => {
  if (!holds) throw new OpsError(`${name} does not fit ${shapes.map((shape) => `[${shape.join(', ')}]`).join(' and ')}`)
}

export const sizeOf = ({ shape }: TensorInfo): number => util.sizeFromShape(shape)

/** Threads of a block where each thread makes one element. */
export const elementThreads = 256

/** Blocks for one thread an element. */
export const blocksFor = (elements: number): readonly [number] => [Math.ceil(elements / elementThreads)]

/** A struct of int32 fields, as kernels take their sizes. */
export const struct = (...fields: readonly number[]): ArrayBuffer => Int32Array.from(fields, asInt32).buffer

/** @throws OpsError for a size that would become another one */
export const asInt32 = (value: number): number => {
  if (value !== (value | 0)) throw new OpsError(`the cuda backend counts in whole numbers below 2^31, not to ${value}`)
  return value
}
