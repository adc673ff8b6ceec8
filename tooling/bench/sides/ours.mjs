// @ts-check
// digitlab: the training loop of @digitlab/train, whole epochs, as the CLI runs them; or so many steps a turn, where a whole epoch would
// take minutes.
import { cpuBackend } from '@digitlab/backend-cpu'
import { wasmBackend } from '@digitlab/backend-wasm'
import { loadDataset } from '@digitlab/data/node'
import { runExperiment } from '@digitlab/train'
import { grown } from './grown.mjs'
import { answer, task, turn } from './protocol.mjs'

const data = grown(await loadDataset('mnist', { folder: task.data }), task.count)
const controller = new AbortController()
/** @type {number[]} */
const losses = []
const experiment = task.experiment ?? { model: task.model, epochs: 1000, batchSize: task.batchSize }
let [turns, steps, from] = [0, 0, 0]

/** @param {object} told */
const tell = (told) => {
  answer({ ...told, ...(turns++ === 0 ? { losses } : {}) })
  if (!turn()) controller.abort()
  ;[steps, from] = [0, performance.now()]
}

turn()
await runExperiment(experiment, {
  ...{ data, workers: task.workers, signal: controller.signal },
  backend: task.backend === 'cpu' ? cpuBackend() : wasmBackend(),
  onProgress(progress) {
    if (progress.type === 'started') from = performance.now()
    if (progress.type === 'step') {
      if (turns === 0 && losses.length < 20) losses.push(progress.loss)
      if (++steps !== task.steps) return
      const seconds = (performance.now() - from) / 1000
      return tell({ secondsPerEpoch: (seconds * progress.stepsPerEpoch) / steps, steps })
    }
    if (progress.type !== 'epoch' || task.steps !== undefined) return
    globalThis.gc?.() // what is still held then must not grow
    return tell({ secondsPerEpoch: progress.record.trainSeconds, heldBytes: process.memoryUsage.rss() })
  },
})
