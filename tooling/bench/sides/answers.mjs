// @ts-check
// digitlab: the test images evaluated, with weights of the first draw.
import { wasmBackend } from '@digitlab/backend-wasm'
import { loadDataset } from '@digitlab/data/node'
import { initialWeights, resolveModel } from '@digitlab/models'
import { uploadWeights } from '@digitlab/models/compute'
import { MersenneTwister } from '@digitlab/random'
import { evaluate } from '@digitlab/train'
import { answer, task, turn } from './protocol.mjs'

const { test, imageShape } = await loadDataset('mnist', { folder: task.data })
await wasmBackend().start()
const model = resolveModel(/** @type {import('@digitlab/models').ModelName} */ (task.model))
const weights = uploadWeights(model, initialWeights(model, new MersenneTwister(0)))
while (turn()) {
  const from = performance.now()
  const { evaluation } = await evaluate(model, weights, test, imageShape)
  answer({ seconds: (performance.now() - from) / 1000, right: evaluation.correct })
}
