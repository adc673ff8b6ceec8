import { kernelNames } from '@digitlab/ops'
import type { TensorInfo } from '@tensorflow/tfjs-core'
import { defineKernel, sizeOf } from './kernel'

/** Contract: `copyOut` of @digitlab/ops. */
export const copyOut = defineKernel(
  kernelNames.copyOut,
  [],
  (tensors, _, { count, target }: { readonly count: number; readonly target: Float32Array }, { inputs }) => {
    tensors.transfers++
    let at = 0
    for (let n = 0; n < count; n++) {
      const tensor = inputs[`tensor${n}`] as TensorInfo
      target.set(new Float32Array(tensors.device.readNow(tensors.address(tensor), 4 * sizeOf(tensor))), at)
      at += sizeOf(tensor)
    }
    return []
  },
)

/** Contract: `sumIn` of @digitlab/ops. The parts are in the host's memory, and so is their sum: one upload a tensor. */
export const sumIn = defineKernel(
  kernelNames.sumIn,
  [],
  (tensors, _, { count, parts }: { readonly count: number; readonly parts: readonly Float32Array[] }, { inputs }) => {
    tensors.transfers++
    const [first = new Float32Array(0), ...others] = parts
    const sum = first.slice()
    for (const part of others) for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? NaN) + (part[i] ?? NaN)
    let at = 0
    for (let n = 0; n < count; n++) {
      const tensor = inputs[`tensor${n}`] as TensorInfo
      tensors.device.upload(tensors.address(tensor), sum.subarray(at, at + sizeOf(tensor)))
      at += sizeOf(tensor)
    }
    return []
  },
)
