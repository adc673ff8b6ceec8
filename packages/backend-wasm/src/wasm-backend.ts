import { activate, BackendError, type Backend } from '@digitlab/backends'
import { installKernels } from '@digitlab/ops/backend'
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm'
import { backend as currentBackend, env, findBackend, version_core } from '@tensorflow/tfjs-core'
import { version } from '../package.json'
import { activation, activationGrad } from './activation'
import { batchNorm, batchNormGrad } from './batch-norm'
import { convReluPool, convReluPoolGrad } from './conv-relu-pool'
import {
  conv2d,
  conv2dBackpropFilter,
  conv2dBackpropInput,
  convolution,
  convolutionGrad,
  depthwiseBackpropFilter,
  depthwiseBackpropInput,
  fusedConv2d,
} from './convolution'
import { dense, denseGrad } from './dense'
import { dropout } from './dropout'
import { add, multiply } from './elementwise'
import { gatherBatch } from './gather-batch'
import { guardMemory, instanceOf, mostBytes, prepareKernels } from './instance'
import { batchMatMul, fusedMatMul } from './mat-mul'
import { maxPoolGrad } from './max-pool-grad'
import { hasRelaxedSimd, hasSimd, type Simd } from './module'
import { adamStep, averageWeights, clipGradients, optimizerStep, sgdStep } from './optimizer-step'
import { avgPool, avgPoolGrad, maxPool } from './pool'
import { withoutGlueListeners } from './process-listeners'
import { record } from './record'
import { withSharedMemory } from './sharing'
import { softmaxCrossEntropy } from './softmax-cross-entropy'
import { writeImages } from './write-images'
import { wasmFile, whyNoWasm } from './wasm-file'

/** How the kernels run. */
export interface WasmOptions {
  /**
   * Which compilation of our kernels runs: relaxed SIMD has fused multiply-add and is faster. 'auto', the default, takes
   * it if the engine supports it. The two differ in the last bits of a result; each gives the same bits every time.
   */
  readonly simd?: Simd | 'auto'
}

/** How the backend computes, and where a page has tfjs's file. */
export interface WasmBackendOptions extends WasmOptions {
  /**
   * Address of tfjs's file `tfjs-backend-wasm-simd.wasm`, the one of its three that is used: for a bundled page, where it is what the
   * bundler makes of it. Without it tfjs looks beside its script, as in Node.
   */
  readonly wasmUrl?: string
}

const generalKernels = [
  ...[conv2d, fusedConv2d, conv2dBackpropFilter, conv2dBackpropInput],
  ...[depthwiseBackpropFilter, depthwiseBackpropInput],
  ...[batchMatMul, fusedMatMul],
  ...[maxPool, maxPoolGrad, avgPool, avgPoolGrad],
  ...[add, multiply],
]
const trainingKernels = [
  gatherBatch,
  writeImages,
  activation,
  activationGrad,
  ...[batchNorm, batchNormGrad, dropout],
  ...[convolution, convolutionGrad],
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
 * Registers our kernels with tfjs's own backend "wasm", before or after it starts: those that it lacks (`Conv2DBackpropFilter`,
 * `AvgPoolGrad`, the gradients of depthwise convolutions), faster ones in place of its own (`Conv2D`, `FusedConv2D`,
 * `Conv2DBackpropInput`, `BatchMatMul`, `_FusedMatMul`, `MaxPool`, `MaxPoolGrad`, `AvgPool`, `Add`, `Multiply`), and those of the operations
 * of @digitlab/ops. Calls that ours do not support go to the stock kernels. A second call only changes the flavour, if it asks for
 * another.
 *
 * @returns the flavour in use
 * @throws BackendError if the engine lacks what was asked for
 */
export const registerWasmKernels = async ({ simd = 'auto' }: WasmOptions = {}): Promise<Simd> => {
  if (!hasSimd()) throw new BackendError(noSimd)
  await import('@tensorflow/tfjs-backend-wasm') // registers the stock kernels, which ours go over
  const flavour = await prepareKernels(simd)
  installKernels([...generalKernels, ...trainingKernels], 'wasm', (backend) => guardMemory(backend as BackendWasm))
  return flavour
}

const files = ['tfjs-backend-wasm.wasm', wasmFile, 'tfjs-backend-wasm-threaded-simd.wasm']

const noSimd = 'this engine has no SIMD for WebAssembly: use Node 20.19 or later, or a browser of 2023 or later'

const deviceName = (simd: Simd) => (simd === 'relaxed' ? 'WebAssembly, relaxed SIMD' : 'WebAssembly, SIMD')

/**
 * tfjs's WebAssembly backend, with our SIMD kernels in its memory: on one thread, and recorded steps on as many as `useThreads` starts.
 * The number of threads changes no bit of any result.
 */
export const wasmBackend = ({ simd = 'auto', wasmUrl }: WasmBackendOptions = {}): Backend => ({
  id: 'wasm',
  asynchronous: false,
  memory: () => mostBytes,

  async probe() {
    if (!hasSimd())
      return {
        usable: false,
        reason: 'this engine has no WebAssembly with SIMD',
        remedy: 'use Node 20.19 or later, or a browser of 2023 or later',
      }
    const relaxed = simd !== 'plain' && hasRelaxedSimd()
    if (simd === 'relaxed' && !relaxed)
      return { usable: false, reason: 'this engine has no relaxed SIMD', remedy: 'use simd "auto" or Node 22' }
    return { usable: true, device: deviceName(relaxed ? 'relaxed' : 'plain') }
  },

  async start() {
    const { setWasmPaths, version_wasm } = await import('@tensorflow/tfjs-backend-wasm')
    // In a cross-origin isolated page tfjs would take its threaded build, whose memory it hides.
    env().set('WASM_HAS_MULTITHREAD_SUPPORT', false)
    await registerWasmKernels({ simd })
    // It wants an address for each of its files.
    if (wasmUrl !== undefined && !findBackend('wasm'))
      setWasmPaths(Object.fromEntries(files.map((name) => [name, wasmUrl])))
    await withoutGlueListeners(() => withSharedMemory(async () => activate('wasm'))).catch(async (cause: unknown) => {
      const reason = await whyNoWasm(wasmUrl, version_wasm)
      throw reason === undefined ? cause : new BackendError(`the backend "wasm" cannot start: ${reason}`, { cause })
    })
    const instance = instanceOf(currentBackend() as BackendWasm)
    return {
      id: 'wasm',
      device: deviceName(instance.simd),
      threads: 1,
      versions: {
        '@tensorflow/tfjs-core': version_core,
        '@tensorflow/tfjs-backend-wasm': version_wasm,
        '@digitlab/backend-wasm': version,
      },
    }
  },

  async useThreads(count, { fewer = false } = {}) {
    const started = findBackend('wasm')
    return started ? instanceOf(started as BackendWasm).useThreads(count, fewer) : 1
  },

  record: (compute) => record(instanceOf(currentBackend() as BackendWasm), compute),
})
