import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { Instance } from './instance'
import { defineKernel } from './kernel'

/** Calls `visit` with each tensor's address and size, and how many values lie before it. */
const forEachTensor = (
  { address }: Instance,
  tensors: readonly TensorInfo[],
  sizes: readonly number[],
  visit: (address: number, size: number, before: number) => void,
): void => {
  let before = 0
  for (const [i, size] of sizes.entries()) {
    visit(address(tensors[i] as TensorInfo), size, before) // as many as sizes
    before += size
  }
}

/** Contract: `copyOut` of @digitlab/ops. */
export const copyOut = defineKernel('DigitlabCopyOut', (instance, { tensor }, { target }, sizes) => {
  const buffer = instance.memory.buffer
  forEachTensor(instance, tensor, sizes, (address, size, before) =>
    target.set(new Float32Array(buffer, address, size), before),
  )
  return {}
})

/** Contract: `sumIn` of @digitlab/ops. The other parts are copied to scratch memory and added there, by `sgdStep`. */
export const sumIn = defineKernel('DigitlabSumIn', (instance, { tensor }, { parts, own }, sizes) => {
  const { kernels, memory, scratch } = instance
  const length = parts[0]?.length ?? 0
  const room = scratch(length * 4)
  // Two values add up to the same in either order: part 0 or 1 may stay where it is. Others begin with part 0.
  const stays = own <= 1
  for (const [i, part] of parts.entries()) {
    if (stays && i === own) continue
    new Float32Array(memory.buffer, room, length).set(part)
    forEachTensor(instance, tensor, sizes, (address, size, before) => {
      const from = room + 4 * before
      if (i === 0 && !stays) new Uint8Array(memory.buffer).copyWithin(address, from, from + 4 * size)
      else kernels.sgdStep(address, from, size, -1) // a - (-1) x b: one rounding, as a + b
    })
  }
  return {}
})
