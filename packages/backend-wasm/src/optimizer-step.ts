import type { StepVariables } from '@digitlab/backends'
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { Instance } from './instance'
import { defineKernel } from './kernel'

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

/** The options of a repetition: those that the kernel was called with, but for those that it brings along. */
const optionsOf = <Options>(options: Options, values: StepVariables['values']): Options =>
  values ? { ...options, ...values } : options

/** Kernel: `assembly/optimizer-step.ts`; contract: `sgdStep` of @digitlab/ops. */
export const sgdStep = defineKernel('DigitlabSgdStep', (instance, inputs, options, sizes) => {
  const { address, vary } = instance
  const { step, momentum } = options
  for (const [i, size] of sizes.entries()) {
    const [weight, gradient] = [inputs.weight[i], inputs.gradient[i]] as [TensorInfo, TensorInfo] // as many as sizes
    const velocity = inputs.velocity[i]
    const tensors = [address(weight), address(gradient)] as const
    const velocityAddress = momentum !== 0 && velocity ? address(velocity) : 0
    const forget = forgetPacked(instance, weight)
    vary(
      (kernels, { step, values }) => {
        const { learningRate, momentum, weightDecay } = optionsOf(options, values)
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
  return {}
})

/** Kernel: `assembly/optimizer-step.ts`; contract: `adamStep` of @digitlab/ops. */
export const adamStep = defineKernel('DigitlabAdamStep', (instance, inputs, options, sizes) => {
  const { address, vary } = instance
  for (const [i, size] of sizes.entries()) {
    const [weight, gradient, first, second] = [
      ...[inputs.weight[i], inputs.gradient[i], inputs.first[i], inputs.second[i]],
    ] as [TensorInfo, TensorInfo, TensorInfo, TensorInfo] // as many as sizes
    const tensors = [address(weight), address(gradient), address(first), address(second)] as const
    const forget = forgetPacked(instance, weight)
    vary(
      ({ adamStep }, { step, values }) => {
        const { learningRate, beta1, beta2, epsilon, weightDecay } = optionsOf(options, values)
        const stepSize = learningRate / (1 - beta1 ** step)
        const correction = Math.sqrt(1 - beta2 ** step)
        adamStep(...tensors, size, ...[beta1, 1 - beta1, beta2, 1 - beta2, stepSize, correction, epsilon, weightDecay])
        forget()
      },
      { start: 0, step: options.step },
    )
  }
  return {}
})
