import { dataLoaderOrder, type MersenneTwister } from '@digitlab/random'
import type { EpochTotals } from './checkpoint'
import { adviceOn } from './divergence'
import { TrainError, type Experiment } from './experiment'
import { giveWay } from './give-way'
import type { Progress } from './run-experiment'
import type { Stepping, Summary } from './stepping'

/**
 * How many losses may wait on an asynchronous device before the older half is read: bounds its queue and a late stop, and
 * leaves the device enough to do meanwhile.
 */
const waitingLosses = 128
/** After how many milliseconds all are read, so that a slow device tells how it goes on and stops when it is told to. */
const patience = 200

export interface Epoch {
  readonly epoch: number
  /** Draws the epoch's order. */
  readonly generator: MersenneTwister
  readonly experiment: Experiment
  readonly stepping: Stepping
  /** To train on. */
  readonly images: number
  /** Steps of this epoch that were taken before, and what they came to. */
  readonly begun: { readonly step: number; readonly totals: EpochTotals }
  /** Gets the loss of every step. */
  readonly stepLosses: number[]
  readonly asynchronous: boolean
  /** A promise where there is something to wait for. */
  readonly tell: (progress: Progress) => Promise<void> | void
  readonly signal: AbortSignal | undefined
  /** Throws where the device is lost, or tfjs computes on another backend. */
  readonly check: () => void
  readonly afterStep: () => Promise<void>
  /** Called where the loop gives way. */
  readonly between: () => Promise<void>
  /** Milliseconds that stand still in `between`. */
  readonly clock: () => number
  /** Whether a checkpoint is due after so many steps of this epoch. */
  readonly wantsCheckpoint: (step: number) => boolean
  readonly checkpoint: (step: number, totals: EpochTotals) => Promise<void>
}

/** Trains on every image once, or until it is told to stop. @returns the totals, and how many steps are taken */
export const trainEpoch = async (context: Epoch): Promise<{ totals: EpochTotals; step: number }> => {
  const { epoch, generator, experiment, stepping, images, begun, stepLosses, asynchronous, tell, signal, clock } =
    context
  const { batchSize, epochs } = experiment
  const totals = { ...begun.totals }
  const from = clock() - 1000 * begun.totals.seconds
  const order = dataLoaderOrder(generator, images)
  const stepsPerEpoch = Math.ceil(order.length / batchSize)
  const waiting: { summary: Summary; size: number }[] = []
  let [step, read, taken, lastRead] = [begun.step, begun.step, 0, performance.now()]

  const readWaiting = async (leave = 0) => {
    lastRead = performance.now()
    while (waiting.length > leave) {
      const { summary, size } = waiting.shift() as (typeof waiting)[number]
      const values = summary.values()
      const { 0: loss = NaN, 1: correct = NaN } = values instanceof Promise ? await values : values
      summary.dispose()
      read++
      const finite = Number.isFinite(loss)
      if (finite) stepLosses.push(loss)
      totals.images += size
      totals.loss += loss * size
      totals.correct += correct
      totals.seconds = (clock() - from) / 1000
      const imagesPerSecond = totals.images / totals.seconds
      const imagesLeft = order.length - totals.images + (epochs - epoch) * order.length
      const secondsLeft = imagesLeft / imagesPerSecond
      const told = tell({ type: 'step', epoch, step: read, stepsPerEpoch, loss, imagesPerSecond, secondsLeft })
      if (told) await told // most tell at once, and a promise a step would only cost time
      if (!finite) throw notFinite(loss, epoch, read, stepLosses.length + 1, experiment)
    }
  }

  await stepping.startEpoch(order, batchSize, step * batchSize)
  try {
    for (let start = step * batchSize; start < order.length && !(taken > 0 && signal?.aborted); start += batchSize) {
      const size = Math.min(batchSize, order.length - start)
      context.check()
      const summary = stepping.step(start, size)
      step++
      taken++
      waiting.push({ summary: summary instanceof Promise ? await summary : summary, size })
      await context.afterStep()
      const wanted = context.wantsCheckpoint(step)
      if (!asynchronous || wanted || performance.now() - lastRead > patience) await readWaiting()
      else if (waiting.length === waitingLosses) await readWaiting(waitingLosses / 2)
      if (wanted) {
        totals.seconds = (clock() - from) / 1000
        await context.checkpoint(step, { ...totals })
      }
      if (await giveWay()) await context.between()
    }
    await readWaiting()
  } finally {
    for (const { summary } of waiting.splice(0)) summary.dispose()
    await stepping.endEpoch()
  }
  totals.seconds = (clock() - from) / 1000
  return { totals, step }
}

const notFinite = (loss: number, epoch: number, step: number, overall: number, experiment: Experiment): TrainError => {
  const { name, learningRate } = experiment.optimizer
  const where = `the loss became ${loss} at step ${step} of epoch ${epoch} (step ${overall} in all)`
  return new TrainError(
    overall === 1
      ? `${where}, before any weight was changed: the weights that training begins with are too large, begin with others`
      : `${where} with ${name} and learning rate ${learningRate}: training stopped there, ${adviceOn(experiment)}`,
  )
}
