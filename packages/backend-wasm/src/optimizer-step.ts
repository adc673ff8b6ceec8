import { kernelNames, type AdamOptions, type SgdOptions } from '@digitlab/ops'
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { Instance } from './instance'
import { defineKernel } from './kernel'

interface Step {
  readonly count: number
  readonly step: number
}

/**
 * Tells tfjs that a tensor's values changed in place. Its convolutions and matrix products keep weights repacked by
 * tensor id (XNNPACK operators) until the tensor goes, so its C++ side is told that it went, and came again.
 */
const forgetPacked = ({ backend }: Instance, { dataId }: TensorInfo): (() => void) => {
  const { id, memoryOffset, shape } = backend.dataIdMap.get(dataId)
  const { disposeData, registerTensor } = backend.wasm.tfjs as unknown as Record<string, (...n: number[]) => void>
  const size = util.sizeFromShape(shape)
  return () => {
    disposeData?.(id)
    registerTensor?.(id, size, memoryOffset)
  }
}

/** Kernel: `assembly/optimizer-step.ts`; contract: `sgdStep` of @digitlab/ops. */
export const sgdStep = defineKernel(
  kernelNames.sgdStep,
  [],
  (instance, _, { count, step, learningRate, momentum, weightDecay }: SgdOptions & Step, { inputs }) => {
    const { address, vary } = instance
    for (let i = 0; i < count; i++) {
      const weight = inputs[`weight${i}`] as TensorInfo
      const gradient = inputs[`gradient${i}`] as TensorInfo
      const velocity = inputs[`velocity${i}`]
      const size = util.sizeFromShape(weight.shape)
      const tensors = [address(weight), address(gradient)] as const
      const velocityAddress = momentum !== 0 && velocity ? address(velocity) : 0
      const forget = forgetPacked(instance, weight)
      vary(
        (kernels, { step }) => {
          if (momentum === 0 && weightDecay === 0) kernels.sgdStep(...tensors, size, learningRate)
          else {
            const first = Number(step === 1)
            kernels.sgdMomentumStep(...tensors, velocityAddress, size, learningRate, momentum, weightDecay, first)
          }
          forget()
        },
        { start: 0, step },
      )
    }
    return []
  },
)

/** Kernel: `assembly/optimizer-step.ts`; contract: `adamStep` of @digitlab/ops. */
export const adamStep = defineKernel(
  kernelNames.adamStep,
  [],
  (instance, _, options: AdamOptions & Step, { inputs }) => {
    const { address, vary } = instance
    const { count, learningRate, beta1, beta2, epsilon, weightDecay } = options
    for (let i = 0; i < count; i++) {
      const [weight, gradient, first, second] = ['weight', 'gradient', 'first', 'second'].map(
        (name) => inputs[`${name}${i}`],
      ) as [TensorInfo, TensorInfo, TensorInfo, TensorInfo]
      const tensors = [address(weight), address(gradient), address(first), address(second)] as const
      const size = util.sizeFromShape(weight.shape)
      const forget = forgetPacked(instance, weight)
      vary(
        ({ adamStep }, { step }) => {
          const stepSize = learningRate / (1 - beta1 ** step)
          const correction = Math.sqrt(1 - beta2 ** step)
          adamStep(
            ...tensors,
            size,
            ...[beta1, 1 - beta1, beta2, 1 - beta2, stepSize, correction, epsilon, weightDecay],
          )
          forget()
        },
        { start: 0, step: options.step },
      )
    }
    return []
  },
)
