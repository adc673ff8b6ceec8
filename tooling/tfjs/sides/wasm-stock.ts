import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import { expectOn } from './boot'

declare const wasmFolder: string

setWasmPaths(wasmFolder)
setThreadsCount(1)
expectOn('wasm')
