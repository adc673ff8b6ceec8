import { useBackend, type Backend, type BackendInfo } from '@digitlab/backends'
import type { Dataset } from '@digitlab/data'
import { initialWeights, resolveModel, type Model, type StateDict } from '@digitlab/models'
import { disposeWeights, downloadWeights, uploadWeights, type Weights } from '@digitlab/models/compute'
import { batchSource, operationPaths } from '@digitlab/ops'
import { MersenneTwister, type MersenneTwisterState } from '@digitlab/random'
import { call, isThenable, refuseNested } from './callbacks'
import { checkInterval, checkResumable, type Checkpoint, type CheckpointInterval, type EpochTotals } from './checkpoint'
import { chooseStepping } from './choose-stepping'
import { whileThere } from './device-loss'
import { divergenceOf } from './divergence'
import { environment } from './environment'
import { checkFit, evaluateSource, type Predictions } from './evaluate'
import { completeExperiment, experimentId, TrainError, type Experiment, type ExperimentInput } from './experiment'
import { beginWith, recordInitial, type Initial } from './initial'
import { checkMemory } from './memory'
import { createOptimizer, downloadOptimizer, uploadOptimizer } from './optimizer'
import { runVersion, type EpochRecord, type Run } from './run'
import { trainEpoch } from './train-epoch'
import { checkWorkers, type Team, type WorkerOptions } from './workers'

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
  /** Something that whoever trains should know; the run goes on. */
  | { readonly type: 'notice'; readonly sentence: string }

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
  /**
   * Told every step and every epoch, in their order. Where it answers with a promise the run waits for that, and its clock stands still.
   * What it throws, or rejects with, ends the run: `runExperiment` rejects with the same.
   */
  readonly onProgress?: (progress: Progress) => unknown
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
  /** Hands out where the run stands: where it is aborted, and with `every` before the first step and every so often as well. */
  readonly checkpoint?: {
    readonly every?: CheckpointInterval
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
 * tfjs has one current backend in a thread: runs that are begun while another trains wait until that has ended.
 *
 * @param input names the data set that it is given, or none
 * @throws TrainError where the experiment or the data do not fit, memory does not suffice, or a loss is not finite (the step is named);
 * a worker stopped, or the checkpoint to go on from is of another run; BackendError where the backend can't start, or where its
 * device is lost while it trains, or tfjs is set to another backend: what checkpoints there are hold the run so far
 */
export const runExperiment = async (input: ExperimentInput, options: RunOptions): Promise<RunResult> => {
  const { data, backend, onProgress = () => {}, signal, snapshotStep, resume, checkpoint } = options
  refuseNested()
  if (checkpoint?.every) checkInterval(checkpoint.every)
  const given = resume?.initial ? { weights: resume.initial } : options.initial
  const named = experimentOn(input, data)
  const experiment = resume?.initial ? named : await recordInitial(named, given)
  const [height, width] = data.imageShape
  const model = resolveModel(experiment.model, { input: [height, width, 1], classes: data.classes })
  checkFit(model, data.imageShape, data.classes)
  const id = await experimentId(experiment)
  const workers = workersFor(options.workers, resume)
  const crowded = checkWorkers(workers)
  checkMemory(model, experiment, data, backend, workers?.count === 'auto' ? 1 : (workers?.count ?? 1))
  return useBackend(backend, async (info, checkBackend) => {
    const startedAt = resume?.startedAt ?? new Date().toISOString()
    const dataset = resume?.dataset ?? describeDataset(data)
    if (resume) checkResumable(resume, { experiment, dataset: describeDataset(data), backend: info })
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
      return await whileThere(backend.watch?.(), async (checkDevice) => {
        const check = () => {
          checkDevice()
          checkBackend()
        }
        const tell = (progress: Progress): Promise<void> | undefined => {
          check()
          const from = performance.now()
          const told = call(onProgress, progress)
          if (!isThenable(told)) return undefined
          return Promise.resolve(told).then(() => {
            waited += performance.now() - from
            check()
          })
        }
        const learner = { model, optimizer, train, backend }
        const chosen = await chooseStepping({ learner, data, experiment, initial, workers })
        const { stepping } = chosen
        team = chosen.team
        const used = { ...info, threads: info.threads * stepping.workers }
        const operations = operationPaths()
        let waited = 0
        await tell({ type: 'started', id, backend: used, stepsPerEpoch })
        for (const sentence of [crowded, oneClass(data)])
          if (sentence !== undefined) await tell({ type: 'notice', sentence })
        const clock = () => performance.now() - waited
        const between = async () => {
          if (!options.between) return
          const from = performance.now()
          await call(options.between, { model, weights: optimizer.weights() })
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
          saved = { epoch, step }
          await call(checkpoint.save, {
            experiment,
            ...(checkpoint.every ? { every: checkpoint.every } : {}),
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
          check()
          savedAt = clock()
        }
        let saved: { readonly epoch: number; readonly step: number } | undefined
        let savedAt = clock()
        const every = { steps: Infinity, epochs: Infinity, seconds: Infinity, ...checkpoint?.every }
        const wantsCheckpoint = (epoch: number) => (step: number) =>
          ((epoch - 1) * stepsPerEpoch + step) % every.steps === 0 || clock() - savedAt >= 1000 * every.seconds

        if (!resume && (checkpoint?.every || signal?.aborted)) await save(1, 0, noTotals, generator.state())
        let begun = { step: resume?.step ?? 0, totals: resume?.totals ?? noTotals }
        let after = resume ? undefined : before
        let diverged = false
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
            tell,
            signal,
            check,
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
          await tell({ type: 'evaluating', epoch })
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
          if (epoch % every.epochs === 0) await save(epoch + 1, 0, noTotals, generator.state())
          await tell({ type: 'epoch', record })
          const grew = divergenceOf(experiment, record, before.evaluation.meanLoss, model.classes)
          if (grew !== undefined && !diverged) await tell({ type: 'notice', sentence: grew })
          diverged ||= grew !== undefined
          const stops = signal?.aborted === true && epoch < experiment.epochs
          if (stops && saved?.epoch !== epoch + 1) await save(epoch + 1, 0, noTotals, generator.state())
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
  })
}

/**
 * The experiment, with the data set's name where it names none.
 *
 * @throws TrainError where it names another: what a run records is what it was trained on
 */
const experimentOn = (input: ExperimentInput, data: Dataset): Experiment => {
  const experiment = completeExperiment({ ...input, dataset: input.dataset ?? data.name })
  // A folder is named by its path, its data by the last part of that; '.' and '..' say nothing.
  const name = experiment.dataset.replace(/[\\/]+$/, '').replace(/^.*[\\/]/, '')
  if (!['', '.', '..', data.name].includes(name))
    throw new TrainError(
      `the experiment names the data set ${JSON.stringify(experiment.dataset)}, the data are "${data.name}": give the data that it names, or leave the name out of it`,
    )
  return experiment
}

/** A sentence where the training images are all of one class. */
const oneClass = ({ train, classNames }: Dataset): string | undefined => {
  const [first = 0] = train.labels
  if (train.labels.some((label) => label !== first)) return undefined
  return `all ${train.count} training images are of the class ${classNames[first] ?? first}: there is nothing to tell apart, and any model will be right`
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
