import type { Backend } from '@digitlab/backends'
import { wasmBackend } from '@digitlab/backend-wasm'
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url'

/** tfjs's WebAssembly from this page's own files. */
export const createWasm = (): Backend => {
  const backend = wasmBackend()
  return {
    ...backend,
    async start() {
      const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
      const at = (address: string) => new URL(address, import.meta.url).href
      setWasmPaths({
        'tfjs-backend-wasm.wasm': at(plain),
        'tfjs-backend-wasm-simd.wasm': at(simd),
        'tfjs-backend-wasm-threaded-simd.wasm': at(simd), // asked for, and never loaded: our kernels need its memory unshared
      })
      return backend.start()
    },
  }
}
