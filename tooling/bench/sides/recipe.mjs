// @ts-check
// digitlab: whole runs of an experiment, a seed a turn, as the command trains them; on the first `images` where that is given.
import { wasmBackend } from '@digitlab/backend-wasm'
import { loadDataset } from '@digitlab/data/node'
import { runExperiment } from '@digitlab/train'
import { answer, task, turn } from './protocol.mjs'

const { train, ...rest } = await loadDataset('mnist', { folder: task.data })
const count = task.images ?? train.count
const pixels = train.images.length / train.count
const first = {
  ...train,
  count,
  images: train.images.subarray(0, count * pixels),
  labels: train.labels.subarray(0, count),
}
const data = { ...rest, train: first }
const backend = wasmBackend()

for (let seed = task.firstSeed; turn(); seed++) {
  /** @type {number[]} */
  const losses = []
  const { run } = await runExperiment(
    { ...task.experiment, seed },
    {
      ...{ data, backend, workers: task.workers },
      onProgress(progress) {
        if (progress.type === 'step' && losses.length < 20) losses.push(progress.loss)
      },
    },
  )
  answer({ seed, seconds: run.timing.trainSeconds, accuracy: run.metrics.accuracy, losses })
}
