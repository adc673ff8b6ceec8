// A thread that takes its share of every batch on WebAssembly.
import { serveWorker } from '@digitlab/train/worker'
import { createWasm } from './wasm'

serveWorker(createWasm())
