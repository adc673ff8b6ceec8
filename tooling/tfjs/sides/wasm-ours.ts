import './wasm-stock'
import { registerWasmKernels } from '@digitlab/backend-wasm'

await registerWasmKernels()
