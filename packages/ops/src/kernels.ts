import { engine, getBackend, getKernel, type NamedAttrMap, type Tensor } from '@tensorflow/tfjs-core'

/**
 * The kernels a backend may register to make the operations of this package fast. Inputs, attributes and outputs of
 * each are said in the operation's own file.
 */
export const kernelNames = {
  gatherBatch: 'DigitlabGatherBatch',
  dense: 'DigitlabDense',
  denseGrad: 'DigitlabDenseGrad',
  convReluPool: 'DigitlabConvReluPool',
  convReluPoolGrad: 'DigitlabConvReluPoolGrad',
  softmaxCrossEntropy: 'DigitlabSoftmaxCrossEntropy',
  sgdStep: 'DigitlabSgdStep',
  adamStep: 'DigitlabAdamStep',
  copyOut: 'DigitlabCopyOut',
  sumIn: 'DigitlabSumIn',
} as const

/** An operation by its name in {@link kernelNames}. */
export type OperationName = keyof typeof kernelNames

/** How an operation is computed: by the backend's own kernel, or by the reference made of stock tfjs operations. */
export type OperationPath = 'kernel' | 'reference'

let referenceOnly = false

/**
 * Runs `compute` with every operation on its reference path, whatever kernels are registered: what a kernel is compared
 * with. `compute` is synchronous.
 */
export const withReference = <T>(compute: () => T): T => {
  const before = referenceOnly
  referenceOnly = true
  try {
    return compute()
  } finally {
    referenceOnly = before
  }
}

/** Which path each operation takes on the current backend. A run records it. */
export const operationPaths = (): Record<OperationName, OperationPath> => {
  const entries = Object.keys(kernelNames).map((name) => [
    name,
    hasKernel(name as OperationName) ? 'kernel' : 'reference',
  ])
  return Object.fromEntries(entries) as Record<OperationName, OperationPath>
}

export const hasKernel = (name: OperationName): boolean =>
  !referenceOnly && getKernel(kernelNames[name], getBackend()) !== undefined

/** Runs a backend's kernel with several outputs. */
export const runKernel = (name: OperationName, inputs: Record<string, Tensor>, attributes: object): Tensor[] => {
  // tfjs types its inputs as a map of tensors and its attributes as a map of plain values; both are what we have.
  const outputs: Tensor | Tensor[] = engine().runKernel(kernelNames[name], inputs, attributes as NamedAttrMap)
  return Array.isArray(outputs) ? outputs : [outputs]
}

/** An operation was given tensors or options that do not fit each other. */
export class OpsError extends Error {
  readonly mendable = true
  override name = 'OpsError'
}

/** Throws an {@link OpsError} with both shapes where they differ; -1 in `expected` fits any size. */
export const expectShape = (what: string, actual: readonly number[], expected: readonly number[]): void => {
  const fits = actual.length === expected.length && expected.every((size, i) => size === -1 || size === actual[i])
  if (!fits) {
    const shown = expected.map((size) => (size === -1 ? 'any' : size)).join(', ')
    throw new OpsError(`${what} must have shape [${shown}], not [${actual.join(', ')}]`)
  }
}
