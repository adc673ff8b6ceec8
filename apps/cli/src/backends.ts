import { fileURLToPath } from 'node:url'
import { backendsOf, type Backend, type BackendOf } from '@digitlab/backends'
import { nodeBackend } from '@digitlab/backends/node'
import { webgpuBackend } from '@digitlab/backends/webgpu'
import { cudaBackend } from '@digitlab/backend-cuda'
import { wasmBackend } from '@digitlab/backend-wasm'

/** tfjs's WebAssembly module, beside this program in its package. */
const wasmUrl = fileURLToPath(new URL('../wasm/tfjs-backend-wasm-simd.wasm', import.meta.url))

/** How the cuda backend is to compute. */
export interface GpuFlags {
  readonly device?: number
  readonly tf32?: boolean
}

/**
 * Every backend this program brings, the one `auto` likes best first. Everything runs on cpu: what comes after it is only taken
 * where it is named.
 */
export const backends = ({ device = 0, tf32 = false }: GpuFlags = {}): readonly Backend[] => {
  const made: Readonly<Record<BackendOf<'command'>, Backend>> = {
    cuda: cudaBackend({ device, precision: tf32 ? 'tf32' : 'float32' }),
    wasm: wasmBackend({ wasmUrl }),
    cpu: cpuBackend(),
    webgpu: webgpuBackend(),
    'tfjs-node-gpu': nodeBackend({ gpu: true }),
    node: nodeBackend(),
  }
  return backendsOf('command').map((id) => made[id])
}

/** Its package is loaded where it is taken: tfjs's own part of it is large, and seldom is. */
const cpuBackend = (): Backend => {
  const own = async () => (await import('@digitlab/backend-cpu')).cpuBackend()
  return {
    id: 'cpu',
    asynchronous: false,
    probe: async () => (await own()).probe(),
    start: async () => (await own()).start(),
  }
}
