import { useBackend, type BackendInfo } from '@digitlab/backends'
import type { Model, StateDict } from '@digitlab/models'
import { disposeWeights, downloadWeights, uploadWeights, type Weights } from '@digitlab/models/compute'
import { operationPaths } from '@digitlab/ops'
import { call, isThenable, refuseNested } from './callbacks'
import { lossOf, type Experiment, type ExperimentInput } from './complete-experiment'
import { whileThere } from './device-loss'
import { divergenceOf } from './divergence'
import { environment } from './environment'
import { evaluateSource, type Evaluation, type ImageLoss, type Predictions } from './evaluate'
import type { Extensions } from './extensions'
import { downloadOptimizer } from './optimizer'
import type { CallbackContext, RunCallback } from './run-callback'
import { checkRunOptions, type Progress, type RunOptions, type RunResult } from './run-options'
import { runVersion, type EpochRecord } from './run-record'
import { noTotals, standing, type RunState } from './run-state'
import { bestEpoch, reasonToStop } from './selection'
import { createStepping, type Learner, type Stepping } from './stepping'
import { useWorkers } from './threads'
import { trainEpoch, type EpochContext } from './train-epoch'
import { TrainError } from './train-error'
import { trainingLoss } from './training-loss'
import { type Plan, stepsIn, planOf } from './run-plan'
import { prepare, type Prepared } from './run-prepare'

/**
 * Runs an experiment: the same one gives the same run on every backend, to rounding, and that of PyTorch's loop
 * (`manual_seed`, model, `DataLoader(shuffle=True)`, mean cross-entropy) from the same seed. One generator makes the
 * initial weights and then the order of each epoch; nothing else draws from it. Whatever number of threads computes, the bits are the
 * same.
 *
 * tfjs has one current backend in a thread: runs that are begun while another trains wait until that has ended.
 *
 * @param input names the data set that it is given, or none
 * @throws TrainError if the experiment or the data do not fit, memory does not suffice, or a loss is not finite (the step is named);
 * or the checkpoint to go on from is of another run; BackendError if the backend can't start, or where a thread or its
 * device is lost while it trains, or tfjs is set to another backend: what checkpoints there are hold the run so far
 */
export const runExperiment = async (input: ExperimentInput, options: RunOptions): Promise<RunResult> => {
  checkRunOptions(options)
  refuseNested()
  const plan = await planOf(input, options)
  return useBackend(options.backend, async (info, checkBackend) => {
    const threads = useWorkers(options.backend, plan.workers) // they start while weights and images are put onto the backend
    threads.catch(() => {}) // told where they are waited for
    let prepared: Prepared | undefined
    try {
      const ready = (prepared = await prepare(plan, options, info))
      return await whileThere(options.backend.watch?.(), async (checkDevice) => {
        const check = () => {
          checkDevice()
          checkBackend()
        }
        const run = await begin(plan, options, ready, threads, check)
        await trainEpochs(run)
        return conclude(run)
      })
    } finally {
      await threads.catch(() => {})
      await options.backend.useThreads?.(1)
      await prepared?.stream?.close()
      prepared?.dispose()
    }
  })
}

/** A run that is being trained. */
interface Running {
  readonly plan: Plan
  readonly options: RunOptions
  readonly prepared: Prepared
  readonly state: RunState
  readonly stepping: Stepping
  readonly used: BackendInfo
  readonly context: EpochContext
  readonly callbacks: (name: 'onTrainBegin' | 'onTrainEnd' | 'onEpochEnd', record?: EpochRecord) => Promise<void>
  /** With weights, on images that were set aside or, if there are none or `at` is the end, on the test images. */
  readonly evaluate: (weights?: Weights, at?: 'end') => Promise<Evaluated>
  /**
   * With the weights that the run began with. They are looked at once, where that is first asked for: no run waits for it before its first
   * step.
   */
  readonly before: () => Promise<Evaluated>
  /** With the weights as they are; undefined if they were not looked at since they changed. */
  after: Evaluated | undefined
  readonly save: () => Promise<void>
  /** Where the last checkpoint was made. */
  readonly savedAt: () => string
  readonly snapshots: ReadonlyMap<number, StateDict>
}

interface Evaluated {
  readonly evaluation: Evaluation
  readonly predictions: Predictions
  readonly metrics: Readonly<Record<string, number>> | undefined
}

/** Chooses who takes the steps, and makes the first checkpoint. */
const begin = async (
  plan: Plan,
  options: RunOptions,
  prepared: Prepared,
  starting: ReturnType<typeof useWorkers>,
  check: () => void,
): Promise<Running> => {
  const { data, experiment, id, extensions, model, notices } = plan
  const { backend, onProgress = () => {}, snapshotSteps = [], resume, checkpoint } = options
  const { info, state, initial, train, test, validation } = prepared
  const stepsPerEpoch = stepsIn(data, experiment)
  let waited = 0
  const clock = () => performance.now() - waited
  /** Calls what the caller gave, and lets the clock stand still while that is waited for. */
  const outside = (callback: () => unknown): Promise<void> | undefined => {
    check()
    const from = performance.now()
    const answer = call(callback)
    if (!isThenable(answer)) return undefined
    return Promise.resolve(answer).then(() => {
      waited += performance.now() - from
      check()
    })
  }
  const tell = (progress: Progress) => outside(() => onProgress(progress))
  const stopping = new AbortController()
  const stopped = () => stopping.signal.aborted || options.signal?.aborted === true

  const learner: Learner = {
    ...{ model, optimizer: state.optimizer, train, backend, loss: trainingLoss(experiment, extensions) },
    accumulate: experiment.accumulate ?? 1,
    get generator() {
      return state.generator
    },
  }
  const stepping = createStepping(learner)
  const { threads, notice } = await starting
  const used = { ...info, threads: info.threads * threads }
  await tell({ type: 'started', id, backend: used, stepsPerEpoch })
  for (const sentence of [...notices, ...prepared.notices, notice])
    if (sentence !== undefined) await tell({ type: 'notice', sentence })

  const between = async () => {
    const { between } = options
    const { normalize } = experiment
    if (between)
      await outside(() => between({ model, weights: state.optimizer.evaluated(), ...(normalize ? { normalize } : {}) }))
  }
  const stepwise = () => options.stepwise?.() === true
  const loss = imageLossOf(experiment, extensions)
  const look = async (weights = state.optimizer.evaluated(), at?: 'end'): Promise<Evaluated> => {
    const aside = at === 'end' ? undefined : validation
    const { labels } = aside && plan.validation ? plan.validation : data.test
    const found = await evaluateSource(model, weights, aside ?? test, labels, between, loss)
    return { ...found, metrics: metricsOf(found.predictions, labels, model, extensions) }
  }
  let looked: Promise<Evaluated> | undefined
  const before = () => (looked ??= lookAt(model, initial, look))

  const snapshots = new Map<number, StateDict>()
  const afterStep = async () => {
    check()
    const steps = (state.epoch - 1) * stepsPerEpoch + state.step
    if (steps === options.steps) stopping.abort()
    if (snapshotSteps.includes(steps)) snapshots.set(steps, await downloadWeights(model, state.optimizer.weights()))
  }
  /** Time that a caller takes counts: who slows a training down loses no more of it. */
  let saved = { at: '', time: performance.now() }
  const place = () => `${state.epoch}.${state.step}`
  const save = async () => {
    if (!checkpoint) return
    const optimizer = await downloadOptimizer(model, experiment, state.optimizer)
    const { every } = checkpoint
    const { startedAt, dataset } = prepared
    await outside(() =>
      checkpoint.save({
        ...{ experiment, startedAt, dataset, backend: info, ...standing(state), optimizer },
        ...(every ? { every } : {}),
        ...(plan.given ? { initial } : {}),
      }),
    )
    saved = { at: place(), time: performance.now() }
  }
  const every = intervalOf(checkpoint)
  const wantsCheckpoint = (step: number) =>
    ((state.epoch - 1) * stepsPerEpoch + step) % every.steps === 0 ||
    performance.now() - saved.time >= 1000 * every.seconds
  const seen: CallbackContext = {
    ...{ experiment, model, epochs: state.epochs, stop: () => stopping.abort() },
    get weights() {
      return state.optimizer.weights()
    },
    download: () => downloadWeights(model, state.optimizer.weights()),
  }
  const callbacks: Running['callbacks'] = async (name, record) => {
    for (const callback of options.callbacks ?? [])
      await outside(() => (record ? callback.onEpochEnd?.(seen, record) : callOne(callback, name, seen)))
  }
  const run: Running = {
    ...{ plan, options, prepared, state, stepping, used, before, after: undefined },
    ...{ evaluate: look, callbacks, save, savedAt: () => saved.at, snapshots },
    context: {
      ...{
        experiment,
        extensions,
        stepping,
        stream: prepared.stream,
        images: train.count,
        asynchronous: backend.asynchronous,
      },
      ...{ tell, stopped, check, afterStep, between, stepwise, clock, wantsCheckpoint, save },
    },
  }
  await callbacks('onTrainBegin')
  if (!resume && (checkpoint?.every || stopped())) await save()
  return run
}

const callOne = (callback: RunCallback, name: 'onTrainBegin' | 'onTrainEnd' | 'onEpochEnd', seen: CallbackContext) => {
  if (name === 'onEpochEnd') return undefined
  return callback[name]?.(seen)
}

/** Looks at weights that are not on the backend. */
const lookAt = async (
  model: Model,
  state: StateDict,
  look: (weights: Weights) => Promise<Evaluated>,
): Promise<Evaluated> => {
  const weights = uploadWeights(model, state)
  return look(weights).finally(() => disposeWeights(weights))
}

/** Trains epoch by epoch, to the last one or until the run is stopped. */
const trainEpochs = async (run: Running): Promise<void> => {
  const { plan, options, state, context, before, save } = run
  const { experiment, extensions, model, validation } = plan
  const { tell, clock, stopped } = context
  const every = intervalOf(options.checkpoint)
  let diverged = false
  const over = () => state.epoch > experiment.epochs || reasonToStop(experiment, state.epochs) !== undefined
  while (!over() && !stopped()) {
    const { epoch } = state
    if (state.step === 0) state.drawnFrom = state.generator.state()
    await trainEpoch(state, context)
    const { totals } = state
    const whole = totals.images === context.images
    if (!whole) await save() // stopped: nothing of it is lost
    await tell({ type: 'evaluating', epoch })
    const from = clock()
    run.after = await run.evaluate()
    const seconds = (clock() - from) / 1000
    const { trainSeconds, evaluationSeconds, images } = state.timing
    state.timing = {
      trainSeconds: trainSeconds + totals.seconds,
      evaluationSeconds: evaluationSeconds + seconds,
      images: images + totals.images,
    }
    if (!whole) return // no record of half an epoch
    const { evaluation, metrics } = run.after
    const record: EpochRecord = {
      epoch,
      trainLoss: totals.loss / totals.images,
      trainAccuracy: totals.correct / totals.images,
      ...(validation
        ? { validationLoss: evaluation.meanLoss, validationAccuracy: evaluation.accuracy }
        : { testLoss: evaluation.meanLoss, testAccuracy: evaluation.accuracy }),
      ...(metrics ? { metrics } : {}),
      trainSeconds: totals.seconds,
      evaluationSeconds: seconds,
    }
    state.epochs.push(record)
    if (experiment.keep === 'best' && bestEpoch(experiment, state.epochs) === epoch)
      state.best = { epoch, weights: await downloadWeights(model, state.optimizer.evaluated()) }
    Object.assign(state, { epoch: epoch + 1, step: 0, totals: noTotals, drawnFrom: state.generator.state() })
    if (epoch % every.epochs === 0) await save()
    await tell({ type: 'epoch', record })
    const atStart = (await before()).evaluation.meanLoss
    const grew = divergenceOf(experiment, record, atStart, model.classes, extensions)
    if (grew !== undefined && !diverged) await tell({ type: 'notice', sentence: grew })
    diverged ||= grew !== undefined
    await run.callbacks('onEpochEnd', record)
    if (stopped() && !over() && run.savedAt() !== `${state.epoch}.${state.step}`) await save()
  }
}

/** Looks at the weights as they are, and writes down what happened. */
const conclude = async (run: Running): Promise<RunResult> => {
  const { plan, prepared, state, context } = run
  const { data, experiment, id, model } = plan
  await run.callbacks('onTrainEnd')
  const reason = reasonToStop(experiment, state.epochs)
  const whole = state.epochs.length === experiment.epochs || reason !== undefined
  const best = whole ? state.best : undefined
  const weights = best?.weights ?? (await downloadWeights(model, state.optimizer.evaluated()))
  const { before, after } = await lookAtTheEnd(run, best?.weights)
  context.check()
  const { trainSeconds, evaluationSeconds, images } = state.timing
  return {
    run: {
      format: 'digitlab-run',
      version: runVersion,
      id,
      experiment,
      status: whole ? 'completed' : 'interrupted',
      startedAt: prepared.startedAt,
      ...(reason !== undefined && state.epochs.length < experiment.epochs ? { stopped: reason } : {}),
      ...(best ? { keptEpoch: best.epoch } : {}),
      model: { name: model.name, parameters: model.parameterCount, definition: model.definition },
      dataset: prepared.dataset,
      backend: { ...run.used, operations: operationPaths() },
      environment: environment(),
      history: { stepLosses: state.stepLosses, epochs: state.epochs, ...ratesOf(experiment, state) },
      metrics: { ...after.evaluation, ...(after.metrics ? { custom: after.metrics } : {}) },
      timing: {
        trainSeconds,
        evaluationSeconds,
        secondsPerEpoch: images === 0 ? 0 : (trainSeconds * data.train.count) / images,
        imagesPerSecond: images === 0 ? 0 : images / trainSeconds,
      },
    },
    weights,
    predictions: { before: before.predictions, after: after.predictions },
    snapshots: run.snapshots,
  }
}

/**
 * What the weights that the run began with, and those that it ends with, say of the test images. Where images were set aside, this is the
 * one time that the test images are looked at.
 *
 * @param kept those of the best epoch, where they are kept
 */
const lookAtTheEnd = async (
  { plan, prepared, evaluate, before, after }: Running,
  kept: StateDict | undefined,
): Promise<{ readonly before: Evaluated; readonly after: Evaluated }> => {
  const atTheEnd = (state: StateDict) => lookAt(plan.model, state, (weights) => evaluate(weights, 'end'))
  const now = kept ? await atTheEnd(kept) : plan.validation ? undefined : after
  return {
    before: plan.validation ? await atTheEnd(prepared.initial) : await before(),
    after: now ?? (await evaluate(undefined, 'end')),
  }
}

/** The learning rates of the steps that were taken, where a schedule changes them. */
const ratesOf = ({ schedule }: Experiment, { stepLosses, optimizer }: RunState) =>
  schedule === undefined ? {} : { learningRates: stepLosses.map((_, i) => optimizer.learningRate(i + 1)) }

/** All three, infinity where none is asked for. */
const intervalOf = (checkpoint: RunOptions['checkpoint']) => ({
  ...{ steps: Infinity, epochs: Infinity, seconds: Infinity },
  ...checkpoint?.every,
})

const imageLossOf = (experiment: Experiment, extensions: Extensions): ImageLoss => {
  const { type, options } = lossOf(experiment, extensions)
  return (logits, label) => type.ofImage(logits, label, options)
}

/**
 * The metrics that were passed along; undefined if there are none.
 *
 * @throws TrainError if one is not a number
 */
const metricsOf = (
  { classes: predicted, probabilities }: Predictions,
  labels: Uint8Array,
  { classes }: Model,
  { metrics = [] }: Extensions,
): Readonly<Record<string, number>> | undefined => {
  if (metrics.length === 0) return undefined
  const values = metrics.map((metric) => {
    const value = metric.of({ labels, predicted, probabilities, classes })
    if (!Number.isFinite(value))
      throw new TrainError(
        `the metric ${metric.name} of ${labels.length} test images is ${value}: it must be a finite number`,
      )
    return [metric.name, value] as const
  })
  return Object.fromEntries(values)
}
