export { takenPaths } from './instance'
export type { Simd } from './module'
export { registerWasmKernels, wasmBackend, type WasmBackendOptions, type WasmOptions } from './wasm-backend'
