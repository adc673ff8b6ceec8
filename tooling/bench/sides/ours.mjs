// @ts-check
// digitlab: the training loop of @digitlab/train, whole epochs, as the CLI runs them.
import { cpuBackend } from '@digitlab/backend-cpu'
import { wasmBackend } from '@digitlab/backend-wasm'
import { loadDataset } from '@digitlab/data/node'
import { runExperiment } from '@digitlab/train'
import { answer, task, turn } from './protocol.mjs'

const data = await loadDataset('mnist', { folder: task.data })
const controller = new AbortController()
/** @type {number[]} */
const losses = []
const experiment = { model: task.model, epochs: 1000, batchSize: task.batchSize }

turn()
await runExperiment(experiment, {
  data,
  backend: task.backend === 'cpu' ? cpuBackend() : wasmBackend(),
  workers: task.workers,
  signal: controller.signal,
  onProgress(progress) {
    if (progress.type === 'step' && progress.epoch === 1 && losses.length < 20) losses.push(progress.loss)
    if (progress.type !== 'epoch') return
    const { epoch, trainSeconds } = progress.record
    globalThis.gc?.() // what is still held then must not grow
    const heldBytes = process.memoryUsage.rss()
    answer({ secondsPerEpoch: trainSeconds, heldBytes, ...(epoch === 1 ? { losses } : {}) })
    if (!turn()) controller.abort()
  },
})
