// The backends of a page, as an app would put them together.
/// <reference types="vite/client" />
import { cpuBackend } from '@digitlab/backend-cpu'
import { wasmBackend } from '@digitlab/backend-wasm'
import type { Backend } from '@digitlab/backends'
import { webglBackend } from '@digitlab/backends/webgl'
import { webgpuBackend } from '@digitlab/backends/webgpu'
import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'

/** 'wasm-unplaced' is not told where tfjs's file is. */
export type PageBackendId = 'wasm' | 'wasm-unplaced' | 'cpu' | 'webgl' | 'webgpu'

/** @param simd of wasm */
export const backendOf = (id: PageBackendId, simd: 'auto' | 'relaxed' | 'plain' = 'auto'): Backend =>
  ({
    wasm: () => wasmBackend({ wasmUrl, simd }),
    'wasm-unplaced': () => wasmBackend({ simd }),
    cpu: cpuBackend,
    webgl: webglBackend,
    webgpu: webgpuBackend,
  })[id]()
