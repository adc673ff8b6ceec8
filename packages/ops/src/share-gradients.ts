// What data-parallel workers need beside the training operations: gradients out to shared memory, and their sum back.
import { add, tensor, tidy, type Tensor } from '@tensorflow/tfjs-core'
import { kernelContracts } from './contracts'
import { hasKernel, runKernel } from './kernels'

/**
 * Writes the values of float32 tensors one after another to memory of the host, which may be shared between threads.
 *
 * Kernel `DigitlabCopyOut`: inputs tensor0..; attributes `count` and `target`; no output. For backends whose memory the
 * host can reach; the reference reads each tensor synchronously.
 *
 * @param target as long as all tensors together
 */
export const copyOut = (tensors: readonly Tensor[], target: Float32Array): void => {
  const attributes = { count: tensors.length, target }
  if (hasKernel('copyOut')) {
    runKernel('copyOut', numbered(tensors), attributes)
    return
  }
  kernelContracts.DigitlabCopyOut.sizes({ tensor: tensors }, attributes)
  let at = 0
  for (const tensor of tensors) {
    target.set(tensor.dataSync(), at)
    at += tensor.size
  }
}

/**
 * The sum of what {@link copyOut} wrote, part 0 + part 1 + ..., in that order for each value: every thread gets the same
 * bits, whichever part is its own.
 *
 * Kernel `DigitlabSumIn`: inputs tensor0..; attributes `count`, `parts` and `own`. It updates the tensors **in place** and
 * has no output, as `DigitlabSgdStep`.
 *
 * @param tensors those that were written to `parts[own]`, unchanged since; updated in place, or disposed of and replaced
 * @returns the tensors that hold the sum
 */
export const sumIn = (tensors: readonly Tensor[], parts: readonly Float32Array[], own: number): readonly Tensor[] => {
  const attributes = { count: tensors.length, parts, own }
  if (hasKernel('sumIn')) {
    runKernel('sumIn', numbered(tensors), attributes)
    return tensors
  }
  kernelContracts.DigitlabSumIn.sizes({ tensor: tensors }, attributes)
  let at = 0
  const sums = tensors.map((old) => {
    const from = at
    at += old.size
    const values = parts.map((part) => part.slice(from, from + old.size))
    return tidy(() => values.map((part): Tensor => tensor(part, old.shape)).reduce((sum, part) => add(sum, part)))
  })
  for (const old of tensors) old.dispose()
  return sums
}

const numbered = (tensors: readonly Tensor[]): Record<string, Tensor> =>
  Object.fromEntries(tensors.map((tensor, i) => [`tensor${i}`, tensor]))
