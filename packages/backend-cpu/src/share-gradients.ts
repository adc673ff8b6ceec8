// ops has checked the parts' lengths: each `!` is in range.
import { kernelNames } from '@digitlab/ops'
import { defineKernel } from './kernel'

/** The values of all tensors, one after another. */
export const copyOut = defineKernel(
  kernelNames.copyOut,
  [],
  ({ values }, _, { count, target }: { count: number; target: Float32Array }, { inputs }) => {
    let at = 0
    for (let n = 0; n < count; n++) {
      const from = values<Float32Array>(inputs[`tensor${n}`]!)
      target.set(from, at)
      at += from.length
    }
    return []
  },
)

/** part 0 + part 1 + ..., in place. */
export const sumIn = defineKernel(
  kernelNames.sumIn,
  [],
  ({ values }, _, { count, parts }: { count: number; parts: readonly Float32Array[] }, { inputs }) => {
    const [first, second, ...rest] = parts
    let at = 0
    for (let n = 0; n < count; n++) {
      const sum = values<Float32Array>(inputs[`tensor${n}`]!)
      if (second) for (let i = 0; i < sum.length; i++) sum[i] = first![at + i]! + second[at + i]!
      for (const part of rest) for (let i = 0; i < sum.length; i++) sum[i]! += part[at + i]!
      at += sum.length
    }
    return []
  },
)
