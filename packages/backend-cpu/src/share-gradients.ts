// The contract has checked the parts' lengths: each `!` is in range.
import { forgetNonZeros } from './dense'
import { defineKernel } from './kernel'

/** The values of all tensors, one after another. */
export const copyOut = defineKernel('DigitlabCopyOut', ({ values }, { tensor }, { target }) => {
  let at = 0
  for (const one of tensor) {
    const from = values<Float32Array>(one)
    target.set(from, at)
    at += from.length
  }
  return {}
})

/** part 0 + part 1 + ..., in place. */
export const sumIn = defineKernel('DigitlabSumIn', ({ values }, { tensor }, { parts }) => {
  const [first, second, ...rest] = parts
  let at = 0
  for (const one of tensor) {
    const sum = values<Float32Array>(one)
    forgetNonZeros(sum)
    if (second) for (let i = 0; i < sum.length; i++) sum[i] = first![at + i]! + second[at + i]!
    for (const part of rest) for (let i = 0; i < sum.length; i++) sum[i]! += part[at + i]!
    at += sum.length
  }
  return {}
})
