// The side of a data-parallel worker: what runs in a thread of its own.
import type { Backend } from '@digitlab/backends'
import { resolveModel } from '@digitlab/models'
import { batchSource, type BatchSource } from '@digitlab/ops'
import { MersenneTwister } from '@digitlab/random'
import type { Experiment } from './complete-experiment'
import { createExchange } from './exchange'
import type { Extensions } from './extensions'
import { uploadOptimizer, type Optimizer } from './optimizer'
import { sharedSteps } from './stepping'
import { trainingLoss } from './training-loss'
import type { FromWorker, ToWorker } from './worker-messages'

/** worker_threads' parentPort, or the global scope of a Web Worker. */
interface Port {
  onmessage: ((event: { readonly data: unknown }) => void) | null
  postMessage(message: unknown): void
}

const portOfThread = (): Port => {
  const { process } = globalThis as { process?: { getBuiltinModule?: (id: string) => unknown } }
  const threads = process?.getBuiltinModule?.('node:worker_threads') as { parentPort?: Port | null } | undefined
  return threads?.parentPort ?? (globalThis as unknown as Port)
}

/**
 * Makes this thread a worker of `runExperiment`: the one line of a worker file.
 *
 * ```js
 * import { wasmBackend } from '@digitlab/backend-wasm'
 * import { serveWorker } from '@digitlab/train/worker'
 *
 * serveWorker(wasmBackend())
 * ```
 *
 * It computes shares of batches until it is terminated. What fails is told to the thread that leads.
 *
 * @param backend the same, with the same options, as the one that runExperiment is given
 * @param extensions the same as well
 */
export const serveWorker = (backend: Backend, extensions: Extensions = {}): void => {
  const port = portOfThread()
  const worker = createWorker(backend, extensions)
  let last: Promise<void> = Promise.resolve()
  port.onmessage = ({ data }) => {
    const message = data as ToWorker // nobody else writes to a worker's port
    last = last
      .then(() => worker(message))
      .then(() => port.postMessage({ type: 'done' } satisfies FromWorker))
      .catch((error: unknown) => {
        port.postMessage({ type: 'failed', message: (error as Error).message } satisfies FromWorker)
      })
  }
}

const createWorker = (backend: Backend, extensions: Extensions): ((message: ToWorker) => Promise<void>) => {
  let loaded: { message: ToWorker & { type: 'load' }; train: BatchSource } | undefined
  let begun: { readonly optimizer: Optimizer; readonly experiment: Experiment } | undefined
  return async (message) => {
    if (message.type === 'load') {
      await backend.start()
      loaded = { message, train: batchSource(message.images, message.labels, message.imageShape) }
      return
    }
    if (!loaded) throw new Error('a worker was told to begin before it had data')
    const { index, state, model: definition } = loaded.message
    const model = resolveModel(definition, undefined, extensions)
    if (message.type === 'begin') {
      begun?.optimizer.dispose()
      const { experiment } = message
      const stepsPerEpoch = Math.ceil(loaded.train.count / experiment.batchSize)
      const optimizer = uploadOptimizer(model, { experiment, stepsPerEpoch, extensions }, message.state)
      begun = { optimizer, experiment }
      return
    }
    if (!begun) throw new Error('a worker was told to train before it had weights')
    const { order, batchSize, workers, from } = message
    const exchange = createExchange(state, index, workers)
    const loss = trainingLoss(begun.experiment, extensions)
    // Nothing of a model that is shared draws.
    const generator = new MersenneTwister(0)
    const learner = { model, optimizer: begun.optimizer, train: loaded.train, backend, loss, generator }
    const steps = sharedSteps(learner, exchange, index, workers, batchSize)
    loaded.train.setOrder(order)
    try {
      for (let n = 0, start = from; start < order.length; n++, start += batchSize) {
        steps.contribute(n, start, Math.min(batchSize, order.length - start))
        exchange.publish(n)
        while (!exchange.wait(n, 100)) if (exchange.stopped()) return
        steps.conclude(n)
      }
    } finally {
      steps.end()
    }
  }
}
