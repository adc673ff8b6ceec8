import { kernelsIn } from '@digitlab/ops/backend'
import type { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu'
import type { DataType, TensorInfo } from '@tensorflow/tfjs-core'

type Values = Float32Array | Int32Array | Uint8Array

/** What a kernel reads and writes tensors through. */
export interface Memory {
  /** The values themselves, not a copy. */
  readonly values: <T extends Values>(tensor: TensorInfo) => T
  /** A new tensor around values. */
  readonly output: (shape: readonly number[], values: Values, dtype?: DataType) => TensorInfo
}

/** Defines a kernel by its contract in @digitlab/ops, which has checked what the kernel is given. */
export const defineKernel = kernelsIn((backend): Memory => {
  const cpu = backend as MathBackendCPU
  return {
    values: <T extends Values>({ dataId }: TensorInfo) => cpu.data.get(dataId).values as T,
    output: (shape, values, dtype = 'float32') => cpu.makeTensorInfo([...shape], dtype, values),
  }
})
