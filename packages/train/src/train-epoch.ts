import { dataLoaderOrder, MersenneTwister } from '@digitlab/random'
import type { Experiment } from './complete-experiment'
import { adviceOn } from './divergence'
import type { Extensions } from './extensions'
import { yieldToEvents } from './yield-to-events'
import type { ImageStream } from './image-stream'
import type { Progress } from './run-options'
import type { RunState } from './run-state'
import type { Stepping, Summary } from './stepping'
import { TrainError } from './train-error'

/**
 * How many losses may wait on an asynchronous device before the older half is read: bounds its queue and a late stop, and
 * leaves the device enough to do meanwhile.
 */
const waitingLosses = 128
/** After how many milliseconds all are read, so that a slow device tells how it goes on and stops when it is told to. */
const patience = 200

/** What the steps of an epoch need of the run. */
export interface EpochContext {
  readonly experiment: Experiment
  readonly extensions: Extensions
  readonly stepping: Stepping
  /** Brings the images of each step, where they are others every epoch. */
  readonly stream: ImageStream | undefined
  /** To train on. */
  readonly images: number
  readonly asynchronous: boolean
  /** A promise where there is something to wait for. */
  readonly tell: (progress: Progress) => Promise<void> | void
  readonly stopped: () => boolean
  /** Throws where the device is lost, or tfjs computes on another backend. */
  readonly check: () => void
  readonly afterStep: () => Promise<void>
  /** Called where the loop yields. */
  readonly between: () => Promise<void>
  /** Whether the step that was just taken is to be seen alone. */
  readonly stepwise: () => boolean
  /** Milliseconds that stand still in callbacks. */
  readonly clock: () => number
  /** Whether a checkpoint is due after so many steps of this epoch. */
  readonly wantsCheckpoint: (step: number) => boolean
  readonly save: () => Promise<void>
}

/** Trains on every image that the epoch has left, or until it is told to stop: the state is that after the last step. */
export const trainEpoch = async (state: RunState, context: EpochContext): Promise<void> => {
  const { experiment, stepping, stream, images, asynchronous, tell, clock } = context
  const { batchSize, epochs } = experiment
  const { epoch, stepLosses } = state
  const totals = { ...state.totals }
  state.totals = totals
  const from = clock() - 1000 * totals.seconds
  const drawn = dataLoaderOrder(state.generator, images)
  if (state.goesOnFrom) state.generator = new MersenneTwister(state.goesOnFrom)
  state.goesOnFrom = undefined
  // A stream has the images where the order takes them.
  const order = stream ? drawn.map((_, position) => position) : drawn
  const stepsPerEpoch = Math.ceil(order.length / batchSize)
  const waiting: { summary: Summary; size: number }[] = []
  let [read, taken, lastRead] = [state.step, 0, performance.now()]

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
      const learningRate = state.optimizer.learningRate((epoch - 1) * stepsPerEpoch + read)
      const speed = { imagesPerSecond, secondsLeft }
      const told = tell({ type: 'step', epoch, step: read, stepsPerEpoch, loss, learningRate, ...speed })
      if (told) await told // most tell at once, and a promise a step would only cost time
      if (!finite) throw notFinite(loss, epoch, read, stepLosses.length + 1, context)
    }
  }

  stream?.startEpoch(epoch, drawn, state.step * batchSize)
  stepping.startEpoch(order, batchSize)
  try {
    const done = () => state.step * batchSize >= order.length
    while (!done() && !(taken > 0 && context.stopped())) {
      const start = state.step * batchSize
      const size = Math.min(batchSize, order.length - start)
      const coming = stream?.reach(start + size)
      if (coming) await coming
      context.check()
      const summary = stepping.step(start, size)
      state.step++
      taken++
      waiting.push({ summary, size })
      await context.afterStep()
      const wanted = context.wantsCheckpoint(state.step)
      const alone = context.stepwise()
      if (!asynchronous || wanted || alone || performance.now() - lastRead > patience) await readWaiting()
      else if (waiting.length === waitingLosses) await readWaiting(waitingLosses / 2)
      if (wanted) {
        totals.seconds = (clock() - from) / 1000
        await context.save()
      }
      if ((await yieldToEvents()) || alone) await context.between()
    }
    await readWaiting()
  } finally {
    for (const { summary } of waiting.splice(0)) summary.dispose()
    stepping.endEpoch()
  }
  totals.seconds = (clock() - from) / 1000
}

const notFinite = (
  loss: number,
  epoch: number,
  step: number,
  overall: number,
  { experiment, extensions }: EpochContext,
): TrainError => {
  const { name, learningRate } = experiment.optimizer
  const where = `the loss became ${loss} at step ${step} of epoch ${epoch} (step ${overall} in all)`
  return new TrainError(
    overall === 1
      ? `${where}, before any weight was changed: the weights that training begins with are too large, begin with others`
      : `${where} with ${name} and learning rate ${learningRate}: training stopped there, ${adviceOn(experiment, extensions)}`,
    { code: 'diverged' },
  )
}
