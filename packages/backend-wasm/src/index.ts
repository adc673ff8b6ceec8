export { takenPaths } from './instance'
export type { Simd } from './module'
export { registerWasmKernels, wasmBackend, type WasmOptions } from './wasm-backend'
