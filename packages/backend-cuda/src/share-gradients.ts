import { defineKernel } from './kernel'

/** Contract: `copyOut` of @digitlab/ops. */
export const copyOut = defineKernel('DigitlabCopyOut', (tensors, { tensor }, { target }, sizes) => {
  tensors.transfers++
  let at = 0
  for (const [i, one] of tensor.entries()) {
    const size = sizes[i] ?? 0
    target.set(new Float32Array(tensors.device.readNow(tensors.address(one), 4 * size)), at)
    at += size
  }
  return {}
})

/** Contract: `sumIn` of @digitlab/ops. The parts are in the host's memory, and so is their sum: one upload a tensor. */
export const sumIn = defineKernel('DigitlabSumIn', (tensors, { tensor }, { parts }, sizes) => {
  tensors.transfers++
  const [first = new Float32Array(0), ...others] = parts
  const sum = first.slice()
  for (const part of others) for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? NaN) + (part[i] ?? NaN)
  let at = 0
  for (const [i, one] of tensor.entries()) {
    const size = sizes[i] ?? 0
    tensors.device.upload(tensors.address(one), sum.subarray(at, at + size))
    at += size
  }
  return {}
})
