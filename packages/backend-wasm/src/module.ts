import { BackendError } from '@digitlab/backends'
import { canShareMemory, withSharing } from './sharing'

/** Which of the two compilations of our kernels runs: with fused multiply-add, or without. */
export type Simd = 'relaxed' | 'plain'

/** What the module exports: `assembly/*.ts` says what each does. Addresses and sizes are plain numbers. */
export type KernelExports = Readonly<Record<KernelExport, (...parameters: readonly number[]) => number>>

export type KernelExport = (typeof kernelNames)[number]

export const kernelNames = [
  ...['gatherBatch', 'gatherNormalized'],
  ...['denseRoom', 'denseTranspose', 'padRows', 'denseNarrow', 'denseWide'],
  ...['denseZ', 'columnSums', 'weightGradNarrow', 'weightGradWide', 'weightStepWide', 'denseInputGrad'],
  ...['convSingleRoom', 'convSingle', 'convSingleGradRoom', 'convSingleGrad'],
  ...[
    'convDirectScratch',
    'convDirectRoom',
    'convDirectFilters',
    'convDirectPlain',
    'convDirectPlainRows',
    'convDirect',
    'convSparseRoom',
    'convSparse',
  ],
  ...['convRowsFilterBytes', 'convRowsFilters', 'convRowsGradRoom', 'convRowsFilterGrad', 'convRowsInputGrad'],
  ...['softmaxCrossEntropyRows', 'softmaxCrossEntropySummary'],
  ...['sgdStep', 'sgdMomentumStep', 'adamStep', 'adadeltaStep', 'rmspropStep', 'adagradStep', 'nadamStep'],
  ...['sumOfSquares', 'clip', 'averageWeights'],
  ...['matMulScratch', 'matMul', 'addBias', 'convolutionScratch', 'convolution', 'maxPoolGrad'],
  ...['activation', 'activationGrad', 'averagePool', 'averagePoolGrad', 'maxPool', 'add', 'multiply'],
  ...['dropoutScratch', 'dropoutMask', 'columnPartialsBytes', 'columnPartials', 'biasSums'],
  ...['directScratch', 'directConvolution', 'directFilterGrad', 'turnFilter'],
  ...['singleConvolutionRoom', 'singleConvolution', 'singleFilterGradRoom', 'singleFilterGrad'],
  ...['singleShardsBytes', 'singleShardsSum'],
  ...['batchNormRoom', 'batchNormMeans', 'batchNormDeviations', 'batchNormValues', 'batchNormSums', 'batchNormGrad'],
  'countBatch',
  ...['clearMemory', 'barrier', 'watch'],
] as const

// Modules of one function each, that is valid only where the engine knows the instruction: i8x16.splat, and
// f32x4.relaxed_madd of three of them.
const header = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10]
const splat = [65, 1, 253, 15]
const simdProbe = [...header, 8, 1, 6, 0, ...splat, 11]
const relaxedProbe = [...header, 19, 1, 17, 0, ...splat, ...splat, ...splat, 253, 133, 2, 11]

const validates = (bytes: readonly number[]): boolean =>
  typeof WebAssembly === 'object' && WebAssembly.validate(Uint8Array.from(bytes))

export const hasSimd = (): boolean => validates(simdProbe)

interface NodeProcess {
  getBuiltinModule?: (id: string) => { setFlagsFromString?: (flag: string) => void } | undefined
}

/** Node 20 has relaxed SIMD behind a flag, Node 22 and browsers without; elsewhere this does nothing. */
const setRelaxedFlag = (on: boolean): void => {
  const { process } = globalThis as { process?: NodeProcess }
  const flag = on ? '--experimental-wasm-relaxed-simd' : '--no-experimental-wasm-relaxed-simd'
  process?.getBuiltinModule?.('node:v8')?.setFlagsFromString?.(flag)
}

/** Whether relaxed SIMD is available here. Leaves the engine as it was. */
export const hasRelaxedSimd = (): boolean => {
  if (!hasSimd()) return false
  if (validates(relaxedProbe)) return true
  setRelaxedFlag(true)
  try {
    return validates(relaxedProbe)
  } finally {
    setRelaxedFlag(false)
  }
}

/**
 * The flavour to use: relaxed if it is available and nothing else was asked for.
 *
 * @throws BackendError if relaxed was asked for and the engine lacks it
 */
export const chooseSimd = (wish: Simd | 'auto'): Simd => {
  if (wish === 'plain') return wish
  if (hasRelaxedSimd()) return 'relaxed'
  if (wish === 'auto') return 'plain'
  throw new BackendError('this engine has no relaxed SIMD for WebAssembly: use simd "auto" or "plain", or Node 22')
}

/** Our kernels, for a memory that is shared between threads and for one that is not. */
export interface CompiledKernels {
  readonly simd: Simd
  readonly module: (shared: boolean) => WebAssembly.Module
}

/** Compiles our kernels. */
export const compileKernels = async (simd: Simd): Promise<CompiledKernels> => {
  const base64 = await loadBase64(simd)
  if (simd === 'relaxed' && !validates(relaxedProbe)) setRelaxedFlag(true)
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  const [plain, shared] = await Promise.all(
    (canShareMemory() ? [false, true] : [false]).map(async (share) => WebAssembly.compile(sharing(bytes, share))),
  )
  return { simd, module: (share) => (share ? shared : plain) as WebAssembly.Module } // shared memory is where it can be
}

const sharing = (bytes: Uint8Array, shared: boolean): Uint8Array<ArrayBuffer> =>
  withSharing(bytes, shared) as Uint8Array<ArrayBuffer> // ours import a memory with a largest size

const loadBase64 = async (simd: Simd): Promise<string> => {
  try {
    const module = await (simd === 'relaxed' ? import('./generated/relaxed') : import('./generated/plain'))
    return module.base64
  } catch (cause) {
    const message =
      'the kernels of backend-wasm are not compiled (src/generated): run "pnpm --filter @digitlab/backend-wasm generate"'
    throw new BackendError(message, { cause })
  }
}
