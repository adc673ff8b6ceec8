import type { Backend, BackendInfo } from '@digitlab/backends'
import type { Dataset } from '@digitlab/data'
import { downloadWeights, initialWeights, resolveModel, uploadWeights, type StateDict } from '@digitlab/models'
import { batchSource, operationPaths } from '@digitlab/ops'
import { dataLoaderOrder, MersenneTwister } from '@digitlab/random'
import { chooseStepping } from './choose-stepping'
import { environment } from './environment'
import { checkFit, evaluateSource, type Predictions } from './evaluate'
import { completeExperiment, experimentId, TrainError, type Experiment } from './experiment'
import { createOptimizer } from './optimizer'
import { runVersion, type EpochRecord, type Run } from './run'
import { giveWay } from './give-way'
import type { Stepping, Summary } from './stepping'
import type { Team, WorkerOptions } from './workers'

/** What a run tells while it goes on. */
export type Progress =
  | { readonly type: 'started'; readonly id: string; readonly backend: BackendInfo; readonly stepsPerEpoch: number }
  | {
      readonly type: 'step'
      readonly epoch: number
      /** within the epoch, from 1 */
      readonly step: number
      readonly stepsPerEpoch: number
      readonly loss: number
      /** Of this epoch so far. */
      readonly imagesPerSecond: number
      /** To the end of the training, evaluations apart. */
      readonly secondsLeft: number
    }
  | { readonly type: 'evaluating'; readonly epoch: number }
  | { readonly type: 'epoch'; readonly record: EpochRecord }

export interface RunOptions {
  readonly data: Dataset
  readonly backend: Backend
  /** Shares every batch between threads; without it the calling thread trains alone. */
  readonly workers?: WorkerOptions
  readonly onProgress?: (progress: Progress) => void
  /** Aborting stops after the current step; the run so far is returned, as 'interrupted'. */
  readonly signal?: AbortSignal
  /** Also return the weights as they are after this many steps, counted from 1 over all epochs. */
  readonly snapshotStep?: number
}

export interface RunResult {
  readonly run: Run
  /** At the end, in PyTorch's names and layout. */
  readonly weights: StateDict
  /** Of the test images, with the initial weights and with those at the end. */
  readonly predictions: { readonly before: Predictions; readonly after: Predictions }
  /** Where `snapshotStep` asked for it and the run came that far. */
  readonly snapshot?: StateDict
}

/**
 * How many losses may wait on an asynchronous device before the older half is read: bounds its queue and a late stop, and leaves the
 * device enough to do meanwhile.
 */
const waitingLosses = 128
/** After how many milliseconds all are read, so that a slow device tells how it goes on and stops when it is told to. */
const patience = 200

/**
 * Runs an experiment: the same one gives the same run on every backend, to rounding, and that of PyTorch's loop
 * (`manual_seed`, model, `DataLoader(shuffle=True)`, mean cross-entropy) from the same seed. One generator makes the
 * initial weights and then the order of each epoch; nothing else draws from it. With several workers the gradient of a batch
 * is the sum of their shares': each number of workers gives bits of its own, every time the same.
 *
 * @throws TrainError where the experiment or the data do not fit, or a loss is not finite (the step is named);
 * or a worker stopped; BackendError where the backend can't start
 */
export const runExperiment = async (input: Experiment, options: RunOptions): Promise<RunResult> => {
  const { data, backend, workers, onProgress = () => {}, signal, snapshotStep } = options
  const experiment = completeExperiment(input)
  const [height, width] = data.imageShape
  const model = resolveModel(experiment.model, { input: [height, width, 1], classes: data.classes })
  checkFit(model, data.imageShape, data.classes)
  const startedAt = new Date().toISOString()
  const id = await experimentId(experiment)
  const info = await backend.start()
  const generator = new MersenneTwister(experiment.seed)
  const initial = initialWeights(model, generator)
  const optimizer = createOptimizer(experiment.optimizer, uploadWeights(model, initial))
  const train = batchSource(data.train.images, data.train.labels, data.imageShape)
  const test = batchSource(data.test.images, data.test.labels, data.imageShape)
  let team: Team | undefined
  try {
    const learner = { model, optimizer, train, backend }
    const chosen = await chooseStepping({ learner, data, experiment, initial, workers })
    const { stepping } = chosen
    team = chosen.team
    const used = { ...info, threads: info.threads * stepping.workers }
    onProgress({
      type: 'started',
      id,
      backend: used,
      stepsPerEpoch: Math.ceil(data.train.count / experiment.batchSize),
    })
    const operations = operationPaths()
    const before = await evaluateSource(model, optimizer.weights(), test, data.test.labels)
    const stepLosses: number[] = []
    const epochs: EpochRecord[] = []
    let after = before
    let snapshot: StateDict | undefined
    let steps = 0
    const afterStep = async () => {
      if (++steps === snapshotStep) snapshot = await downloadWeights(model, optimizer.weights())
    }
    let [trainSeconds, evaluationSeconds, trained] = [0, 0, 0]
    for (let epoch = 1; epoch <= experiment.epochs && !signal?.aborted; epoch++) {
      const totals = await trainEpoch({
        epoch,
        generator,
        experiment,
        stepping,
        images: train.count,
        stepLosses,
        asynchronous: backend.asynchronous,
        onProgress,
        signal,
        afterStep,
      })
      trainSeconds += totals.seconds
      trained += totals.images
      onProgress({ type: 'evaluating', epoch })
      const from = performance.now()
      after = await evaluateSource(model, optimizer.weights(), test, data.test.labels)
      const seconds = (performance.now() - from) / 1000
      evaluationSeconds += seconds
      if (totals.images < data.train.count) break // interrupted: no record of half an epoch
      const record: EpochRecord = {
        epoch,
        trainLoss: totals.loss / totals.images,
        trainAccuracy: totals.correct / totals.images,
        testLoss: after.evaluation.meanLoss,
        testAccuracy: after.evaluation.accuracy,
        trainSeconds: totals.seconds,
        evaluationSeconds: seconds,
      }
      epochs.push(record)
      onProgress({ type: 'epoch', record })
    }
    const weights = await downloadWeights(model, optimizer.weights())
    const run: Run = {
      format: 'digitlab-run',
      version: runVersion,
      id,
      experiment,
      status: epochs.length === experiment.epochs ? 'completed' : 'interrupted',
      startedAt,
      model: { name: model.name, parameters: model.parameterCount, definition: model.definition },
      dataset: describeDataset(data),
      backend: { ...used, operations },
      environment: environment(),
      history: { stepLosses, epochs },
      metrics: after.evaluation,
      timing: {
        trainSeconds,
        evaluationSeconds,
        secondsPerEpoch: trained === 0 ? 0 : (trainSeconds * data.train.count) / trained,
        imagesPerSecond: trained === 0 ? 0 : trained / trainSeconds,
      },
    }
    const predictions = { before: before.predictions, after: after.predictions }
    return { run, weights, predictions, ...(snapshot === undefined ? {} : { snapshot }) }
  } finally {
    await team?.close()
    optimizer.dispose()
    train.dispose()
    test.dispose()
  }
}

interface Epoch {
  readonly epoch: number
  /** Draws the epoch's order. */
  readonly generator: MersenneTwister
  readonly experiment: Experiment
  readonly stepping: Stepping
  /** To train on. */
  readonly images: number
  /** Gets the loss of every step. */
  readonly stepLosses: number[]
  readonly asynchronous: boolean
  readonly onProgress: (progress: Progress) => void
  readonly signal: AbortSignal | undefined
  readonly afterStep: () => Promise<void>
}

/** Trains on every image once, or until it is told to stop. */
const trainEpoch = async (
  context: Epoch,
): Promise<{ images: number; loss: number; correct: number; seconds: number }> => {
  const { epoch, generator, experiment, stepping, images, stepLosses, asynchronous, onProgress, signal, afterStep } =
    context
  const { batchSize, epochs } = experiment
  const totals = { images: 0, loss: 0, correct: 0, seconds: 0 }
  const from = performance.now()
  const order = dataLoaderOrder(generator, images)
  const stepsPerEpoch = Math.ceil(order.length / batchSize)
  const waiting: { summary: Summary; size: number }[] = []
  let [step, read, lastRead] = [0, 0, performance.now()]

  const readWaiting = async (leave = 0) => {
    lastRead = performance.now()
    while (waiting.length > leave) {
      const { summary, size } = waiting.shift() as (typeof waiting)[number]
      const values = summary.values()
      const { 0: loss = NaN, 1: correct = NaN } = values instanceof Promise ? await values : values
      summary.dispose()
      read++
      if (!Number.isFinite(loss)) {
        for (const { summary } of waiting.splice(0)) summary.dispose()
        throw notFinite(loss, epoch, read, stepLosses.length + 1, experiment)
      }
      stepLosses.push(loss)
      totals.images += size
      totals.loss += loss * size
      totals.correct += correct
      totals.seconds = (performance.now() - from) / 1000
      const imagesPerSecond = totals.images / totals.seconds
      const imagesLeft = order.length - totals.images + (epochs - epoch) * order.length
      onProgress({
        type: 'step',
        epoch,
        step: read,
        stepsPerEpoch,
        loss,
        imagesPerSecond,
        secondsLeft: imagesLeft / imagesPerSecond,
      })
    }
  }

  await stepping.startEpoch(order, batchSize)
  try {
    for (let start = 0; start < order.length && !(step > 0 && signal?.aborted); start += batchSize) {
      const size = Math.min(batchSize, order.length - start)
      const taken = stepping.step(start, size)
      step++
      waiting.push({ summary: taken instanceof Promise ? await taken : taken, size })
      await afterStep()
      if (!asynchronous || performance.now() - lastRead > patience) await readWaiting()
      else if (waiting.length === waitingLosses) await readWaiting(waitingLosses / 2)
      await giveWay()
    }
    await readWaiting()
  } finally {
    await stepping.endEpoch()
  }
  totals.seconds = (performance.now() - from) / 1000
  return totals
}

const notFinite = (loss: number, epoch: number, step: number, overall: number, experiment: Experiment): TrainError => {
  const { name, learningRate } = experiment.optimizer
  return new TrainError(
    `the loss became ${loss} at step ${step} of epoch ${epoch} (step ${overall} in all) with ${name} and learning rate ${learningRate}: training stopped there, try a learning rate of ${learningRate / 10}`,
  )
}

const describeDataset = (data: Dataset): Run['dataset'] => ({
  name: data.name,
  title: data.title,
  origin: data.origin,
  ...(data.notice === undefined ? {} : { notice: data.notice }),
  classNames: data.classNames,
  trainCount: data.train.count,
  testCount: data.test.count,
  files: data.files,
})
