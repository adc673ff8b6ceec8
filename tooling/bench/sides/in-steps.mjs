// @ts-check
// What the other JavaScript libraries have in common: digitlab's data, initial weights and order; their own arithmetic.
import { loadDataset } from '@digitlab/data/node'
import { initialWeights, resolveModel } from '@digitlab/models'
import { dataLoaderOrder, MersenneTwister } from '@digitlab/random'
import { follow } from './follow.mjs'
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
 * their time, without that of drawing the order, is that of as large a part of it.
 *
 * @param {Awaited<ReturnType<typeof prepare>>} side
 * @param {(indices: Int32Array) => number | Promise<number>} step gives the loss
 */
export const serve = async ({ train, generator }, step) => {
  /** @type {number[]} */
  const losses = []
  const stepsPerEpoch = Math.ceil(train.count / task.batchSize)
  const steps = Math.min(task.steps ?? stepsPerEpoch, stepsPerEpoch)
  const epoch = async () => {
    const begun = performance.now()
    const order = dataLoaderOrder(generator, train.count)
    const from = steps < stepsPerEpoch ? performance.now() : begun
    for (let n = 0; n < steps; n++) {
      const loss = await step(order.subarray(n * task.batchSize, (n + 1) * task.batchSize))
      if (losses.length < 20) losses.push(loss)
    }
    return (performance.now() - from) / 1000
  }
  let first = true
  for (let now = turn(); now; now = turn()) {
    const after = follow(now)
    let over
    while (!over) over = after(await epoch())
    const secondsPerEpoch = (over.seconds * stepsPerEpoch) / steps
    const part = steps < stepsPerEpoch ? { steps } : {}
    answer({ secondsPerEpoch, epochs: over.epochs, ...part, ...(first ? { losses } : {}) })
    first = false
  }
}
