import { kernelNames, type AdamOptions, type SgdOptions } from '@digitlab/ops'
import type { KernelFunc } from '@tensorflow/tfjs-core'
import type { CudaTensors } from './cuda-tensors'
import { variables } from './device'
import { defineKernel, sizeOf } from './kernel'

interface Step {
  readonly count: number
  readonly step: number
}

type Inputs = Parameters<KernelFunc>[0]['inputs']

/** Tensors of one launch, and elements of one block: as in `cuda/optimizer-step.cu`. */
const perLaunch = 8
const perBlock = 1024

/** Launches of at most eight tensors: the struct `Weights` of each, and its blocks. */
const groups = (tensors: CudaTensors, inputs: Inputs, count: number, kept: readonly [string, string]) =>
  Array.from({ length: Math.ceil(count / perLaunch) }, (_, group) => {
    const weights = new ArrayBuffer(8 * 4 * perLaunch + 4 * perLaunch)
    const addresses = new BigUint64Array(weights, 0, 4 * perLaunch)
    const sizes = new Int32Array(weights, 8 * 4 * perLaunch)
    let blocks = 0
    for (let i = 0; i < perLaunch && group * perLaunch + i < count; i++) {
      for (const [row, name] of ['weight', 'gradient', ...kept].entries()) {
        const tensor = inputs[`${name}${group * perLaunch + i}`]
        if (!tensor) continue
        addresses[row * perLaunch + i] = BigInt(tensors.address(tensor))
        if (row === 0) sizes[i] = sizeOf(tensor)
      }
      blocks += Math.ceil((sizes[i] ?? 0) / perBlock)
    }
    return { weights, blocks }
  })

/** Kernel: `cuda/optimizer-step.cu`; contract: `sgdStep` of @digitlab/ops. */
export const sgdStep = defineKernel(
  kernelNames.sgdStep,
  [],
  (tensors, _, { count, step, learningRate, momentum, weightDecay }: SgdOptions & Step, { inputs }) => {
    for (const { weights, blocks } of groups(tensors, inputs, count, ['velocity', 'none']))
      tensors.device.launch({
        kernel: 'sgdStep',
        blocks: [blocks],
        threads: 256,
        arguments: [weights, learningRate, momentum, weightDecay, Number(momentum !== 0), step, variables],
      })
    return []
  },
)

/** Kernel: `cuda/optimizer-step.cu`; contract: `adamStep` of @digitlab/ops. */
export const adamStep = defineKernel(
  kernelNames.adamStep,
  [],
  (tensors, _, { count, step, learningRate, beta1, beta2, epsilon, weightDecay }: AdamOptions & Step, { inputs }) => {
    for (const { weights, blocks } of groups(tensors, inputs, count, ['first', 'second']))
      tensors.device.launch({
        kernel: 'adamStep',
        blocks: [blocks],
        threads: 256,
        arguments: [weights, learningRate, beta1, beta2, epsilon, weightDecay, step, variables],
      })
    return []
  },
)
