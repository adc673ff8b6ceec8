import { wasmBackend } from '@digitlab/backend-wasm'
import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'

/** WebAssembly, with tfjs's file from this page's own. */
export const createWasm = () => wasmBackend({ wasmUrl: new URL(wasmUrl, import.meta.url).href })
