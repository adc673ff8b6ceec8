// @ts-check
// digitlab: the training loop of @digitlab/train, whole epochs, as the CLI runs them; or so many steps a turn, where a whole epoch would
// take minutes.
import { cpuBackend } from '@digitlab/backend-cpu'
import { wasmBackend } from '@digitlab/backend-wasm'
import { loadDataset } from '@digitlab/data/node'
import { runExperiment } from '@digitlab/train'
import { follow } from './follow.mjs'
import { grown } from './grown.mjs'
import { answer, task, turn } from './protocol.mjs'

const { train, test, ...about } = await loadDataset('mnist', { folder: task.data })
// Between epochs the test images are looked at, which no other side does: a batch of them has to do.
const looked = { images: test.images.subarray(0, 64 * 784), labels: test.labels.subarray(0, 64), count: 64 }
const data = grown({ ...about, train, test: looked }, task.count)
const controller = new AbortController()
/** @type {number[]} */
const losses = []
const experiment = task.experiment ?? { model: task.model, epochs: 1000, batchSize: task.batchSize }
let [turns, steps, from, part] = [0, 0, 0, false]
let after = follow(turn() ?? { untimed: 0, timed: 0 })

/**
 * An epoch or a part of one is over.
 *
 * @param {number} seconds
 * @param {number} share of an epoch
 */
const took = (seconds, share) => {
  const over = after(seconds)
  if (over) {
    globalThis.gc?.() // what is still held then must not grow
    const more = part ? { steps: task.steps } : { heldBytes: process.memoryUsage.rss() }
    const told = { secondsPerEpoch: over.seconds / share, epochs: over.epochs, ...more }
    answer({ ...told, ...(turns++ === 0 ? { losses } : {}) })
    const next = turn()
    if (next) after = follow(next)
    else controller.abort()
  }
  ;[steps, from] = [0, performance.now()]
}

await runExperiment(experiment, {
  ...{ data, workers: task.workers, signal: controller.signal },
  backend: task.backend === 'cpu' ? cpuBackend() : wasmBackend(),
  onProgress(progress) {
    if (progress.type === 'started') part = task.steps !== undefined && task.steps < progress.stepsPerEpoch
    if (progress.type === 'step') {
      if (turns === 0 && losses.length < 20) losses.push(progress.loss)
      if (!part) return
      // An epoch's first step, with the order that is drawn before it, is in no part.
      if (progress.step === 1) [steps, from] = [0, performance.now()]
      else if (++steps === task.steps) took((performance.now() - from) / 1000, steps / progress.stepsPerEpoch)
    }
    if (progress.type === 'epoch' && !part) took(progress.record.trainSeconds, 1)
  },
})
