import { wasmBackend } from '@digitlab/backend-wasm'
import { strokes } from '@digitlab/data'
import { resolveModel } from '@digitlab/models'
import { completeExperiment, runExperiment } from '@digitlab/train'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url'
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url'
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url'

const tell = (what) => fetch('/told', { method: 'POST', body: JSON.stringify(what) })

const train = async () => {
  setWasmPaths({
    'tfjs-backend-wasm.wasm': plain,
    'tfjs-backend-wasm-simd.wasm': simd,
    'tfjs-backend-wasm-threaded-simd.wasm': threaded,
  })
  const data = await strokes({ trainCount: 2000, testCount: 500 })
  const experiment = completeExperiment({ model: 'cnn', dataset: 'strokes', epochs: 2, batchSize: 32 })
  const { run } = await runExperiment(experiment, { data, backend: wasmBackend() })
  return {
    layers: resolveModel('cnn').layers.length,
    device: run.backend.device,
    losses: run.history.epochs.map(({ trainLoss }) => trainLoss),
    accuracy: run.metrics.accuracy,
  }
}

train().then(tell, (error) => tell({ error: error.stack ?? String(error) }))
