import { keptBy, type OptimizerRule } from '@digitlab/ops/backend'
import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { CudaTensors } from './cuda-tensors'
import { variables } from './device'
import { defineKernel } from './kernel'

/** Tensors of one launch, and elements of one block: as in `cuda/optimizer-step.cu`. */
const perLaunch = 8
const perBlock = 1024
/** For each of them: weight, gradient, and up to three kept beside them. */
const pointers = 5

/**
 * Launches of at most eight tensors: the struct `Weights` of each, and its blocks.
 *
 * @param rows weights, gradients, and what is kept beside them
 */
const groups = (tensors: CudaTensors, rows: readonly (readonly TensorInfo[])[], sizes: readonly number[]) =>
  Array.from({ length: Math.ceil(sizes.length / perLaunch) }, (_, group) => {
    const weights = new ArrayBuffer(8 * pointers * perLaunch + 4 * perLaunch)
    const addresses = new BigUint64Array(weights, 0, pointers * perLaunch)
    const places = new Int32Array(weights, 8 * pointers * perLaunch)
    let blocks = 0
    for (const [i, size] of sizes.slice(group * perLaunch, (group + 1) * perLaunch).entries()) {
      for (const [row, ofRow] of rows.entries()) {
        const tensor = ofRow[group * perLaunch + i]
        if (tensor) addresses[row * perLaunch + i] = BigInt(tensors.address(tensor))
      }
      places[i] = size
      blocks += Math.ceil(size / perBlock)
    }
    return { weights, blocks }
  })

/** Kernel: `cuda/optimizer-step.cu`; contract: `sgdStep` of @digitlab/ops. */
export const sgdStep = defineKernel('DigitlabSgdStep', (tensors, { weight, gradient, velocity }, options, sizes) => {
  const { step, learningRate, momentum, weightDecay, dampening = 0, nesterov = false } = options
  const flags = [Number(momentum !== 0), Number(nesterov)] as const
  for (const { weights, blocks } of groups(tensors, [weight, gradient, velocity], sizes))
    tensors.device.launch({
      kernel: 'sgdStep',
      blocks: [blocks],
      threads: 256,
      arguments: [weights, learningRate, momentum, weightDecay, 1 - dampening, ...flags, step, variables],
    })
  return {}
})

/** Kernel: `cuda/optimizer-step.cu`; contract: `adamStep` of @digitlab/ops. */
export const adamStep = defineKernel(
  'DigitlabAdamStep',
  (tensors, { weight, gradient, first, second }, options, sizes) => {
    const { step, learningRate, beta1, beta2, epsilon, weightDecay, decoupled = false } = options
    const decay = decoupled ? [0, weightDecay] : [weightDecay, 0]
    for (const { weights, blocks } of groups(tensors, [weight, gradient, first, second], sizes))
      tensors.device.launch({
        kernel: 'adamStep',
        blocks: [blocks],
        threads: 256,
        arguments: [weights, learningRate, beta1, beta2, epsilon, ...decay, step, variables],
      })
    return {}
  },
)

/** Kernel: `cuda/optimizer-step.cu`; contract: `optimizerStep` of @digitlab/ops. */
export const optimizerStep = defineKernel('DigitlabOptimizerStep', (tensors, inputs, options, sizes) => {
  const names = keptBy(options)
  const kept = (['first', 'second', 'third'] as const).map((name) => (names.includes(name) ? inputs[name] : []))
  const { step, learningRate, epsilon, weightDecay } = options
  const decay = options.rule === 'nadam' && options.decoupled ? [0, weightDecay] : [weightDecay, 0]
  for (const { weights, blocks } of groups(tensors, [inputs.weight, inputs.gradient, ...kept], sizes))
    tensors.device.launch({
      kernel: 'optimizerStep',
      blocks: [blocks],
      threads: 256,
      arguments: [weights, ...ruleOf(options, learningRate), epsilon, ...decay, step, variables],
    })
  return {}
})

/** The number of the rule, the learning rate, and the numbers a, b and c of the kernel. */
const ruleOf = (options: OptimizerRule, rate: number): readonly number[] => {
  switch (options.rule) {
    case 'adadelta':
      return [0, rate, options.rho, 0, 0]
    case 'rmsprop':
      return [1, rate, options.alpha, options.momentum, 0]
    case 'adagrad':
      return [2, rate, options.learningRateDecay, 0, 0]
    case 'nadam':
      return [3, rate, options.beta1, options.beta2, 0.96 ** options.momentumDecay]
  }
}

/** Kernel: `cuda/optimizer-step.cu`; contract: `averageWeights` of @digitlab/ops. */
export const averageWeights = defineKernel(
  'DigitlabAverageWeights',
  (tensors, { average, weight }, { decay, step }, sizes) => {
    for (const { weights, blocks } of groups(tensors, [average, weight], sizes))
      tensors.device.launch({
        kernel: 'averageWeights',
        blocks: [blocks],
        threads: 256,
        arguments: [weights, 1 - decay, decay, step, variables],
      })
    return {}
  },
)

/** Kernels: `cuda/optimizer-step.cu`; contract: `clipGradients` of @digitlab/ops. */
export const clipGradients = defineKernel('DigitlabClipGradients', (tensors, { gradient }, { norm, value }, sizes) => {
  const all = groups(tensors, [gradient], sizes)
  const parts = norm === Infinity ? 0 : all.reduce((sum, { blocks }) => sum + blocks, 0)
  const partials = tensors.output([parts], 'float32')
  const address = tensors.address(partials)
  let first = 0
  for (const { weights, blocks } of parts > 0 ? all : []) {
    tensors.device.launch({
      kernel: 'sumSquares',
      blocks: [blocks],
      threads: 256,
      arguments: [weights, address, first],
    })
    first += blocks
  }
  for (const { weights, blocks } of all)
    tensors.device.launch({
      kernel: 'clipGradients',
      blocks: [blocks],
      threads: 256,
      arguments: [weights, address, parts, norm, value],
    })
  tensors.disposeData(partials.dataId)
  return {}
})
