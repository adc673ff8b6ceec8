import type { TensorInfo } from '@tensorflow/tfjs-core'
import type { CudaTensors } from './cuda-tensors'
import { variables } from './device'
import { defineKernel } from './kernel'

/** Tensors of one launch, and elements of one block: as in `cuda/optimizer-step.cu`. */
const perLaunch = 8
const perBlock = 1024

/**
 * Launches of at most eight tensors: the struct `Weights` of each, and its blocks.
 *
 * @param rows weights, gradients, and what is kept beside them
 */
const groups = (tensors: CudaTensors, rows: readonly (readonly TensorInfo[])[], sizes: readonly number[]) =>
  Array.from({ length: Math.ceil(sizes.length / perLaunch) }, (_, group) => {
    const weights = new ArrayBuffer(8 * 4 * perLaunch + 4 * perLaunch)
    const addresses = new BigUint64Array(weights, 0, 4 * perLaunch)
    const places = new Int32Array(weights, 8 * 4 * perLaunch)
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
export const sgdStep = defineKernel(
  'DigitlabSgdStep',
  (tensors, { weight, gradient, velocity }, { step, learningRate, momentum, weightDecay }, sizes) => {
    for (const { weights, blocks } of groups(tensors, [weight, gradient, velocity], sizes))
      tensors.device.launch({
        kernel: 'sgdStep',
        blocks: [blocks],
        threads: 256,
        arguments: [weights, learningRate, momentum, weightDecay, Number(momentum !== 0), step, variables],
      })
    return {}
  },
)

/** Kernel: `cuda/optimizer-step.cu`; contract: `adamStep` of @digitlab/ops. */
export const adamStep = defineKernel(
  'DigitlabAdamStep',
  (tensors, inputs, { step, learningRate, beta1, beta2, epsilon, weightDecay }, sizes) => {
    const { weight, gradient, first, second } = inputs
    for (const { weights, blocks } of groups(tensors, [weight, gradient, first, second], sizes))
      tensors.device.launch({
        kernel: 'adamStep',
        blocks: [blocks],
        threads: 256,
        arguments: [weights, learningRate, beta1, beta2, epsilon, weightDecay, step, variables],
      })
    return {}
  },
)
