import { activate, type Backend } from '@digitlab/backends'
import { installKernels } from '@digitlab/ops/backend'
import { MathBackendCPU, version_cpu } from '@tensorflow/tfjs-backend-cpu'
import { backend as currentBackend, version_core } from '@tensorflow/tfjs-core'
import { version } from '../package.json'
import { activation, activationGrad } from './activation'
import { convReluPool } from './conv-relu-pool'
import { convReluPoolGrad } from './conv-relu-pool-grad'
import { conv2d, conv2dBackpropFilter, conv2dBackpropInput, fusedConv2d } from './convolution'
import { dense, denseGrad } from './dense'
import { gatherBatch } from './gather-batch'
import { batchMatMul, fusedMatMul } from './mat-mul'
import { maxPoolGrad } from './max-pool-grad'
import { adamStep, averageWeights, clipGradients, optimizerStep, sgdStep } from './optimizer-step'
import { softmaxCrossEntropy } from './softmax-cross-entropy'
import { writeImages } from './write-images'

const generalKernels = [
  ...[conv2d, fusedConv2d, conv2dBackpropFilter, conv2dBackpropInput],
  ...[batchMatMul, fusedMatMul],
  maxPoolGrad,
]
const trainingKernels = [
  gatherBatch,
  writeImages,
  activation,
  activationGrad,
  dense,
  denseGrad,
  convReluPool,
  convReluPoolGrad,
  softmaxCrossEntropy,
  sgdStep,
  adamStep,
  optimizerStep,
  clipGradients,
  averageWeights,
]

/**
 * Registers our kernels with tfjs's own backend "cpu": faster `Conv2D`, `FusedConv2D`, `Conv2DBackpropFilter`,
 * `Conv2DBackpropInput`, `BatchMatMul`, `_FusedMatMul` and `MaxPoolGrad`, and what the operations of @digitlab/ops use.
 * Calls that ours do not take go to the stock kernels. A second call changes nothing.
 */
export const registerCpuKernels = (): void => {
  installKernels([...generalKernels, ...trainingKernels], 'cpu')
}

/** tfjs's plain JavaScript backend with our kernels: runs wherever JavaScript does. */
export const cpuBackend = (): Backend => ({
  id: 'cpu',
  asynchronous: false,

  async probe() {
    return { usable: true, device }
  },

  async start() {
    registerCpuKernels()
    await activate('cpu')
    const current = currentBackend()
    // Its first write in Node advises, on standard error, to install another package: the user has chosen this one.
    if (current instanceof MathBackendCPU) Object.assign(current, { firstUse: false })
    const versions = {
      '@digitlab/backend-cpu': version,
      '@tensorflow/tfjs-backend-cpu': version_cpu,
      '@tensorflow/tfjs-core': version_core,
    }
    return { id: 'cpu', device, threads: 1, versions }
  },
})

const device = 'JavaScript, one thread'
