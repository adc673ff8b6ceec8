import { installKernels } from '@digitlab/ops/backend'
import { activate, BackendError, type Backend, type BackendInfo } from '@digitlab/backends'
import { backend as currentBackend, findBackend, registerBackend, version_core } from '@tensorflow/tfjs-core'
import { dependencies, version } from '../package.json'
import { activation, activationGrad } from './activation'
import { batchNorm, batchNormGrad } from './batch-norm'
import { convReluPool, convReluPoolGrad } from './conv-relu-pool'
import {
  conv2d,
  conv2dBackpropFilter,
  conv2dBackpropInput,
  convolution,
  convolutionGrad,
  fusedConv2d,
} from './convolution'
import { CudaTensors } from './cuda-tensors'
import { dense, denseGrad } from './dense'
import { openDevice, type DeviceOptions } from './device'
import { cudaVersion, libraryName, loadDriver, NoDriver, type Driver } from './driver'
import { dropout } from './dropout'
import { elementwiseKernels } from './elementwise'
import { gather, oneHot, segmentSum } from './gather'
import { gatherBatch } from './gather-batch'
import { batchMatMul, fusedMatMul } from './mat-mul'
import { adamStep, averageWeights, clipGradients, optimizerStep, sgdStep } from './optimizer-step'
import { avgPool, avgPoolGrad, maxPool, maxPoolGrad } from './pool'
import { choice, chooseGpu, listGpus, refusal, shown, type Gpu } from './probe'
import { record } from './record'
import { reduceKernels } from './reduce'
import { logSoftmax, softmax } from './softmax'
import { softmaxCrossEntropy } from './softmax-cross-entropy'
import { writeImages } from './write-images'
import { stridedKernels } from './strided'

/** How matrix products and convolutions are computed: 'tf32' rounds their factors to 10 bits, on tensor cores; sums stay float32. */
export type Precision = 'float32' | 'tf32'

/** Which GPU computes, and how. */
export interface CudaOptions {
  /** Which GPU, counted from 0 in the driver's order (`nvidia-smi` shows the same with CUDA_DEVICE_ORDER=PCI_BUS_ID). */
  readonly device?: number
  /** 'float32', the default, is what parity with the other backends needs; 'tf32' takes a GPU of compute capability 8.0. */
  readonly precision?: Precision
  /** Waits for each kernel, so that an error names the one that made it. Slow; for finding a fault. */
  readonly synchronous?: boolean
}

/** What tests use in place of the driver. */
export interface CudaInternals {
  readonly driver: () => Promise<Driver>
  readonly blockSize?: DeviceOptions['blockSize']
}

const systemDriver = async (): Promise<Driver> => {
  const name = libraryName(process.platform)
  if (name === undefined)
    throw new NoDriver(`NVIDIA has no driver for ${process.platform}`, 'use another backend, webgpu for instance')
  return loadDriver(name)
}

const kernels = [
  ...[gatherBatch, writeImages, dense, denseGrad, convReluPool, convReluPoolGrad, softmaxCrossEntropy, dropout],
  ...[activation, activationGrad, batchNorm, batchNormGrad],
  ...[sgdStep, adamStep, optimizerStep, averageWeights, clipGradients],
  ...[convolution, convolutionGrad],
  ...[conv2d, fusedConv2d, conv2dBackpropFilter, conv2dBackpropInput, batchMatMul, fusedMatMul],
  ...[maxPool, maxPoolGrad, avgPool, avgPoolGrad, softmax, logSoftmax, gather, segmentSum, oneHot],
  ...[...elementwiseKernels, ...stridedKernels, ...reduceKernels],
]

/** The least compute capability that has TF32 tensor cores. */
const tensorCoreCapability = 80

/** A tfjs backend on an NVIDIA GPU, through its driver alone: no CUDA toolkit, no cuDNN, no native build. */
export const cudaBackend = (options: CudaOptions = {}): Backend => cudaBackendOn(options, { driver: systemDriver })

/** {@link cudaBackend} on the caller's own driver. */
export const cudaBackendOn = (options: CudaOptions, { driver, blockSize }: CudaInternals): Backend => {
  const { device: ordinal = 0, precision = 'float32', synchronous = false } = options
  // Another GPU or another arithmetic is another backend to tfjs.
  const name = `cuda${ordinal === 0 ? '' : ordinal}${precision === 'tf32' ? '-tf32' : ''}`

  /** The GPU, or why it is not available. */
  const find = async () => {
    try {
      const api = await driver()
      const gpus = listGpus(api)
      const chosen = chooseGpu(gpus, ordinal)
      if (!('gpu' in chosen)) return chosen
      if (precision === 'tf32' && chosen.gpu.capability < tensorCoreCapability)
        return {
          usable: false as const,
          reason: `TF32 was asked for, and the GPU ${chosen.gpu.name} of compute capability ${shown(chosen.gpu.capability)} has none`,
          remedy: 'leave TF32 off, or use a GPU of compute capability 8.0 (A100, RTX 30 series) or later',
        }
      return { ...chosen, gpus, api }
    } catch (error) {
      return refusal(error)
    }
  }
  const describe = (gpu: Gpu) => `${gpu.name}${precision === 'tf32' ? ', TF32' : ''}`

  return {
    id: 'cuda',
    asynchronous: true,

    async probe() {
      const found = await find()
      return 'gpu' in found ? { usable: true, device: `${describe(found.gpu)}${choice(found.gpus)}` } : found
    },

    async start(): Promise<BackendInfo> {
      const found = await find()
      if (!('gpu' in found)) throw new BackendError(`the backend "cuda" cannot start: ${found.reason}; ${found.remedy}`)
      const { gpu, api } = found
      if (!findBackend(name)) {
        const open = () => {
          const device = openDevice(api, gpu, { synchronous, ...(blockSize && { blockSize }) })
          device.prepare()
          return new CudaTensors(device, precision)
        }
        // Opened here, where an error reaches the caller: tfjs only warns of one. It asks again after a reset of its engine.
        let opened: CudaTensors | undefined = open()
        registerBackend(name, () => {
          const tensors = opened ?? open()
          opened = undefined
          return tensors
        })
        installKernels(kernels, name)
      }
      await activate(name)
      return {
        id: 'cuda',
        device: describe(gpu),
        threads: 1,
        precision,
        versions: {
          '@digitlab/backend-cuda': version,
          '@tensorflow/tfjs-core': version_core,
          koffi: dependencies.koffi,
          'CUDA of the NVIDIA driver': cudaVersion(api.version),
          'compute capability': shown(gpu.capability),
        },
      }
    },

    record: (compute) => record(currentBackend() as CudaTensors, compute),
  }
}
