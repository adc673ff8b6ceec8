import type { StepVariables } from '@digitlab/backends'
import { keptBy, nadamMomenta, type OptimizerRule } from '@digitlab/ops/backend'
import { util, type TensorInfo } from '@tensorflow/tfjs-core'
import type { Instance, Share, Split } from './instance'
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

/** A weight's elements, split; the weights do not wait for each other. */
const elements = (size: number, last: boolean): Split => ({ items: size, grain: 64, waits: last })

/** The options of a repetition: those that the kernel was called with, but for those that it brings along. */
const optionsOf = <Options>(options: Options, values: StepVariables['values']): Options =>
  values ? { ...options, ...values } : options

/** Kernel: `assembly/optimizer-step.ts`; contract: `sgdStep` of @digitlab/ops. */
export const sgdStep = defineKernel('DigitlabSgdStep', (instance, inputs, options, sizes) => {
  const { address, varyShared } = instance
  const { step, momentum } = options
  for (const [i, size] of sizes.entries()) {
    const [weight, gradient] = [inputs.weight[i], inputs.gradient[i]] as [TensorInfo, TensorInfo] // as many as sizes
    const velocity = inputs.velocity[i]
    const tensors = [address(weight), address(gradient)] as const
    const velocityAddress = momentum !== 0 && velocity ? address(velocity) : 0
    const forget = forgetPacked(instance, weight)
    varyShared(
      (share, { step, values }) => {
        const split = elements(size, i === sizes.length - 1)
        const { learningRate, momentum, weightDecay, dampening = 0, nesterov = false } = optionsOf(options, values)
        if (momentum === 0 && weightDecay === 0) share('sgdStep', split, ...tensors, learningRate)
        else {
          const first = Number(step === 1)
          const rule = [learningRate, momentum, weightDecay, first, 1 - dampening, Number(nesterov)] as const
          share('sgdMomentumStep', split, ...tensors, velocityAddress, ...rule)
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
  const { address, varyShared } = instance
  for (const [i, size] of sizes.entries()) {
    const [weight, gradient, first, second] = [
      ...[inputs.weight[i], inputs.gradient[i], inputs.first[i], inputs.second[i]],
    ] as [TensorInfo, TensorInfo, TensorInfo, TensorInfo] // as many as sizes
    const tensors = [address(weight), address(gradient), address(first), address(second)] as const
    const forget = forgetPacked(instance, weight)
    varyShared(
      (share, { step, values }) => {
        const { learningRate, beta1, beta2, epsilon, weightDecay, decoupled = false } = optionsOf(options, values)
        const stepSize = learningRate / (1 - beta1 ** step)
        const correction = Math.sqrt(1 - beta2 ** step)
        const decay = decoupled ? [0, 1 - learningRate * weightDecay] : [weightDecay, 1]
        const betas = [beta1, 1 - beta1, beta2, 1 - beta2]
        const rates = [...betas, stepSize, correction, epsilon, ...decay] as const
        share('adamStep', elements(size, i === sizes.length - 1), ...tensors, ...rates)
        forget()
      },
      { start: 0, step: options.step },
    )
  }
  return {}
})

/** Kernels: `assembly/optimizer-step.ts`; contract: `optimizerStep` of @digitlab/ops. */
export const optimizerStep = defineKernel('DigitlabOptimizerStep', (instance, inputs, options, sizes) => {
  const { address, varyShared } = instance
  const names = keptBy(options)
  for (const [i, size] of sizes.entries()) {
    const [weight, gradient] = [inputs.weight[i], inputs.gradient[i]] as [TensorInfo, TensorInfo] // as many as sizes
    const kept = (['first', 'second', 'third'] as const).map((name) =>
      names.includes(name) ? address(inputs[name][i] as TensorInfo) : 0,
    )
    const tensors = [address(weight), address(gradient), ...kept] as const
    const forget = forgetPacked(instance, weight)
    varyShared(
      (share, { step, values }) => {
        const split = elements(size, i === sizes.length - 1)
        stepBy(optionsOf<OptimizerRule>(options, values), share, tensors, split, step)
        forget()
      },
      { start: 0, step: options.step },
    )
  }
  return {}
})

/** @param tensors addresses of the weight, the gradient and what is kept beside them; 0 where nothing is */
const stepBy = (
  options: OptimizerRule,
  share: Share,
  [weight = 0, gradient = 0, first = 0, second = 0, third = 0]: readonly number[],
  split: Split,
  step: number,
): void => {
  const { learningRate, epsilon, weightDecay } = options
  switch (options.rule) {
    case 'adadelta': {
      const numbers = [learningRate, options.rho, 1 - options.rho, epsilon, weightDecay]
      share('adadeltaStep', split, weight, gradient, first, second, ...numbers)
      break
    }
    case 'rmsprop': {
      const numbers = [learningRate, options.alpha, 1 - options.alpha, options.momentum, epsilon, weightDecay]
      share('rmspropStep', split, weight, gradient, first, second, third, ...numbers)
      break
    }
    case 'adagrad': {
      const rate = learningRate / (1 + (step - 1) * options.learningRateDecay)
      share('adagradStep', split, weight, gradient, first, rate, epsilon, weightDecay)
      break
    }
    case 'nadam': {
      const { beta1, beta2, decoupled } = options
      const means = [learningRate, beta1, 1 - beta1, beta2, 1 - beta2, ...nadamMomenta(step, options)]
      const decay = decoupled ? [0, 1 - learningRate * weightDecay] : [weightDecay, 1]
      const numbers = [...means, 1 - beta2 ** step, epsilon, ...decay]
      share('nadamStep', split, weight, gradient, first, second, third, ...numbers)
    }
  }
}

/** Kernel: `assembly/optimizer-step.ts`; contract: `clipGradients` of @digitlab/ops. */
export const clipGradients = defineKernel(
  'DigitlabClipGradients',
  ({ address, vary }, { gradient }, { norm, value }, sizes) => {
    const tensors = sizes.map((size, i) => [address(gradient[i] as TensorInfo), size] as const)
    vary(
      ({ sumOfSquares, clip }) => {
        let factor = 1
        if (norm !== Infinity) {
          const total = Math.sqrt(tensors.reduce((sum, tensor) => sum + sumOfSquares(...tensor), 0))
          factor = norm / (total + 1e-6)
          if (factor > 1) factor = 1 // NaN stays NaN
        }
        if (factor !== 1 || value !== Infinity) for (const tensor of tensors) clip(...tensor, factor, value)
      },
      { start: 0, step: 0 },
    )
    return {}
  },
)

/** Kernel: `assembly/optimizer-step.ts`; contract: `averageWeights` of @digitlab/ops. */
export const averageWeights = defineKernel(
  'DigitlabAverageWeights',
  (instance, { average, weight }, { decay, step }, sizes) => {
    const { address, varyShared } = instance
    for (const [i, size] of sizes.entries()) {
      const [mean, now] = [average[i], weight[i]] as [TensorInfo, TensorInfo] // as many as sizes
      const addresses = [address(mean), address(now)] as const
      const forget = forgetPacked(instance, mean)
      varyShared(
        (share, { step }) => {
          const split = elements(size, i === sizes.length - 1)
          share('averageWeights', split, ...addresses, 1 - decay, decay, Number(step === 1))
          forget()
        },
        { start: 0, step },
      )
    }
    return {}
  },
)
