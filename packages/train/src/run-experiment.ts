import type { Backend, BackendInfo } from '@digitlab/backends'
import type { Dataset } from '@digitlab/data'
import { initialWeights, resolveModel, type Model, type StateDict } from '@digitlab/models'
import { disposeWeights, downloadWeights, uploadWeights, type Weights } from '@digitlab/models/compute'
import { batchSource, operationPaths } from '@digitlab/ops'
import { MersenneTwister, type MersenneTwisterState } from '@digitlab/random'
import { checkInterval, checkResumable, type Checkpoint, type CheckpointInterval, type EpochTotals } from './checkpoint'
import { chooseStepping } from './choose-stepping'
import { whileThere } from './device-loss'
import { environment } from './environment'
import { checkFit, evaluateSource, type Predictions } from './evaluate'
import { completeExperiment, experimentId, TrainError, type Experiment } from './experiment'
import { beginWith, recordInitial, type Initial } from './initial'
import { createOptimizer, downloadOptimizer, uploadOptimizer } from './optimizer'
import { runVersion, type EpochRecord, type Run } from './run'
import { trainEpoch } from './train-epoch'
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

/** A run between two steps. */
export interface Standing {
  readonly model: Model
  /** On the backend, as they are now: the next step changes them. */
  readonly weights: Weights
}

/** What an experiment runs on, where it begins, and who is told of it. */
export interface RunOptions {
  readonly data: Dataset
  readonly backend: Backend
  /** Shares every batch between threads; without it the calling thread trains alone. */
  readonly workers?: WorkerOptions
  /** Told every step and every epoch. */
  readonly onProgress?: (progress: Progress) => void
  /** Aborting stops after the current step; the run so far is returned, as 'interrupted'. */
  readonly signal?: AbortSignal
  /**
   * Called where the loop gives way to the event loop, a hundred times a second while steps are fast, in evaluations too. The run
   * waits until it is done, and its clock stands still: to pause, or to try the weights as they are now.
   */
  readonly between?: (standing: Standing) => Promise<void> | void
  /** Also return the weights as they are after this many steps, counted from 1 over all epochs. */
  readonly snapshotStep?: number
  /** Begins with these weights instead of those that the seed draws. The experiment records which they are. */
  readonly initial?: Initial
  /** Hands out where the run stands: before the first step, every so often, and where it is aborted. */
  readonly checkpoint?: {
    readonly every: CheckpointInterval
    /** The run waits until this is done. */
    readonly save: (checkpoint: Checkpoint) => Promise<void>
  }
  /** Goes on from there, to the bit as if it had not stopped; the number of workers is that of the checkpoint. */
  readonly resume?: Checkpoint
}

/** A run, with what is too large for run.json. */
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
 * Runs an experiment: the same one gives the same run on every backend, to rounding, and that of PyTorch's loop
 * (`manual_seed`, model, `DataLoader(shuffle=True)`, mean cross-entropy) from the same seed. One generator makes the
 * initial weights and then the order of each epoch; nothing else draws from it. With several workers the gradient of a batch
 * is the sum of their shares': each number of workers gives bits of its own, every time the same.
 *
 * @throws TrainError where the experiment or the data do not fit, or a loss is not finite (the step is named);
 * a worker stopped, or the checkpoint to go on from is of another run; BackendError where the backend can't start, or where its
 * device is lost while it trains: what checkpoints there are hold the run so far
 */
export const runExperiment = async (input: Experiment, options: RunOptions): Promise<RunResult> => {
  const { data, backend, onProgress = () => {}, signal, snapshotStep, resume, checkpoint } = options
  if (checkpoint) checkInterval(checkpoint.every)
  const given = resume?.initial ? { weights: resume.initial } : options.initial
  const experiment = resume?.initial ? completeExperiment(input) : await recordInitial(completeExperiment(input), given)
  const [height, width] = data.imageShape
  const model = resolveModel(experiment.model, { input: [height, width, 1], classes: data.classes })
  checkFit(model, data.imageShape, data.classes)
  const startedAt = resume?.startedAt ?? new Date().toISOString()
  const id = await experimentId(experiment)
  const info = await backend.start()
  const dataset = resume?.dataset ?? describeDataset(data)
  if (resume) checkResumable(resume, { experiment, dataset: describeDataset(data), backend: info })
  const workers = workersFor(options.workers, resume)
  let generator = new MersenneTwister(experiment.seed)
  const initial = beginWith(model, initialWeights(model, generator), given)
  if (resume) generator = new MersenneTwister(resume.generator)
  const optimizer = resume
    ? uploadOptimizer(model, experiment.optimizer, resume.optimizer)
    : createOptimizer(experiment.optimizer, uploadWeights(model, initial))
  const train = batchSource(data.train.images, data.train.labels, data.imageShape)
  const test = batchSource(data.test.images, data.test.labels, data.imageShape)
  const stepsPerEpoch = Math.ceil(data.train.count / experiment.batchSize)
  let team: Team | undefined
  try {
    return await whileThere(backend.watch?.(), async (check) => {
      const tell = (progress: Progress) => {
        check()
        onProgress(progress)
      }
      const learner = { model, optimizer, train, backend }
      const chosen = await chooseStepping({ learner, data, experiment, initial, workers })
      const { stepping } = chosen
      team = chosen.team
      const used = { ...info, threads: info.threads * stepping.workers }
      tell({ type: 'started', id, backend: used, stepsPerEpoch })
      const operations = operationPaths()
      let waited = 0
      const clock = () => performance.now() - waited
      const between = async () => {
        if (!options.between) return
        const from = performance.now()
        await options.between({ model, weights: optimizer.weights() })
        waited += performance.now() - from
      }
      const atStart = uploadWeights(model, initial)
      const before = await evaluateSource(model, atStart, test, data.test.labels, between).finally(() =>
        disposeWeights(atStart),
      )
      const stepLosses: number[] = [...(resume?.stepLosses ?? [])]
      const epochs: EpochRecord[] = [...(resume?.epochs ?? [])]
      let { trainSeconds, evaluationSeconds, images: trained } = resume?.timing ?? noTiming
      let snapshot: StateDict | undefined
      let steps = stepLosses.length
      const afterStep = async () => {
        check()
        if (++steps === snapshotStep) snapshot = await downloadWeights(model, optimizer.weights())
      }
      const save = async (epoch: number, step: number, totals: EpochTotals, drawnFrom: MersenneTwisterState) => {
        if (!checkpoint) return
        const held = await downloadOptimizer(model, optimizer)
        check()
        await checkpoint.save({
          experiment,
          every: checkpoint.every,
          startedAt,
          dataset,
          backend: info,
          workers: stepping.workers,
          generator: drawnFrom,
          epoch,
          step,
          totals,
          epochs: [...epochs],
          timing: { trainSeconds, evaluationSeconds, images: trained },
          stepLosses: Float32Array.from(stepLosses),
          optimizer: held,
          ...(given ? { initial } : {}),
        })
      }
      const wantsCheckpoint = (epoch: number) => (step: number) =>
        checkpoint !== undefined &&
        'steps' in checkpoint.every &&
        ((epoch - 1) * stepsPerEpoch + step) % checkpoint.every.steps === 0

      if (!resume) await save(1, 0, noTotals, generator.state())
      let begun = { step: resume?.step ?? 0, totals: resume?.totals ?? noTotals }
      let after = resume ? undefined : before
      for (let epoch = resume?.epoch ?? 1; epoch <= experiment.epochs && !signal?.aborted; epoch++) {
        const drawnFrom = generator.state()
        const { totals, step } = await trainEpoch({
          epoch,
          generator,
          experiment,
          stepping,
          images: train.count,
          begun,
          stepLosses,
          asynchronous: backend.asynchronous,
          onProgress: tell,
          signal,
          afterStep,
          between,
          clock,
          wantsCheckpoint: wantsCheckpoint(epoch),
          checkpoint: (step, totals) => save(epoch, step, totals, drawnFrom),
        })
        const whole = totals.images === data.train.count
        if (!whole) await save(epoch, step, totals, drawnFrom) // aborted: nothing of it is lost
        begun = { step: 0, totals: noTotals }
        trainSeconds += totals.seconds
        trained += totals.images
        tell({ type: 'evaluating', epoch })
        const from = clock()
        after = await evaluateSource(model, optimizer.weights(), test, data.test.labels, between)
        const seconds = (clock() - from) / 1000
        evaluationSeconds += seconds
        if (!whole) break // interrupted: no record of half an epoch
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
        if (checkpoint && (signal?.aborted || ('epochs' in checkpoint.every && epoch % checkpoint.every.epochs === 0)))
          await save(epoch + 1, 0, noTotals, generator.state())
        tell({ type: 'epoch', record })
      }
      after ??= await evaluateSource(model, optimizer.weights(), test, data.test.labels)
      const weights = await downloadWeights(model, optimizer.weights())
      check()
      const run: Run = {
        format: 'digitlab-run',
        version: runVersion,
        id,
        experiment,
        status: epochs.length === experiment.epochs ? 'completed' : 'interrupted',
        startedAt,
        model: { name: model.name, parameters: model.parameterCount, definition: model.definition },
        dataset,
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
    })
  } finally {
    await team?.close()
    optimizer.dispose()
    train.dispose()
    test.dispose()
  }
}

const noTotals: EpochTotals = { images: 0, loss: 0, correct: 0, seconds: 0 }
const noTiming: Checkpoint['timing'] = { trainSeconds: 0, evaluationSeconds: 0, images: 0 }

/** The number of workers decides the bits: a checkpoint's is kept, whatever 'auto' would choose now. */
const workersFor = (workers: WorkerOptions | undefined, resume: Checkpoint | undefined): WorkerOptions | undefined => {
  if (!resume) return workers
  const wanted = workers?.count ?? 1
  if ((wanted !== 'auto' && wanted !== resume.workers) || (!workers && resume.workers > 1))
    throw new TrainError(
      `the checkpoint was made by ${resume.workers} workers, not ${wanted}: each number gives bits of its own, so go on with ${resume.workers}`,
    )
  return workers && { ...workers, count: resume.workers }
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
