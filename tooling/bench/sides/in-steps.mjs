// @ts-check
// What the other JavaScript libraries have in common: digitlab's data, initial weights and order; their own arithmetic.
import { loadDataset } from '@digitlab/data/node'
import { initialWeights, resolveModel } from '@digitlab/models'
import { dataLoaderOrder, MersenneTwister } from '@digitlab/random'
import { answer, task, turn } from './protocol.mjs'

export const pixels = 784

/** The data, and weights in PyTorch's names and layout; the generator then makes the orders. */
export const prepare = async () => {
  const { train } = await loadDataset('mnist', { folder: task.data })
  const generator = new MersenneTwister(0)
  const weights = initialWeights(resolveModel(task.model), generator)
  return { train, weights, generator }
}

/**
 * Answers each turn with an epoch's time. Where a step takes long only the first `task.steps` of an epoch are taken, and
 * their time is that of as large a part of it.
 *
 * @param {Awaited<ReturnType<typeof prepare>>} side
 * @param {(indices: Int32Array) => number | Promise<number>} step gives the loss
 */
export const serve = async ({ train, generator }, step) => {
  /** @type {number[]} */
  const losses = []
  for (let first = true; turn(); first = false) {
    const from = performance.now()
    const order = dataLoaderOrder(generator, train.count)
    const stepsPerEpoch = Math.ceil(order.length / task.batchSize)
    const steps = Math.min(task.steps ?? stepsPerEpoch, stepsPerEpoch)
    for (let n = 0; n < steps; n++) {
      const loss = await step(order.subarray(n * task.batchSize, (n + 1) * task.batchSize))
      if (first && losses.length < 20) losses.push(loss)
    }
    const secondsPerEpoch = ((performance.now() - from) / 1000) * (stepsPerEpoch / steps)
    answer({ secondsPerEpoch, ...(steps < stepsPerEpoch ? { steps } : {}), ...(first ? { losses } : {}) })
  }
}
