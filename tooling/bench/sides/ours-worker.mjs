import { workerData } from 'node:worker_threads'
import { cpuBackend } from '@digitlab/backend-cpu'
import { wasmBackend } from '@digitlab/backend-wasm'
import { serveWorker } from '@digitlab/train/worker'

serveWorker(workerData === 'cpu' ? cpuBackend() : wasmBackend())
