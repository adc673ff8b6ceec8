// One training at a time: it can be paused, taken step by step, slowed down, stopped and gone on with, and where it stands is kept on the way.
import { isMendable, runExperiment, runFiles, type Checkpoint, type EpochRecord, type Progress } from '@digitlab/train'
import type { Dataset } from '@digitlab/data'
import type { DataChoice, FromLab, Group, KnownRun, Resumable, Settings } from '../protocol'
import { backendOf } from './backends'
import { experimentOf } from './experiment'
import { shown } from '../shown'
import { failureOf, sentenceOf } from './failure'
import { imageWorkers } from './image-workers'
import { keepCheckpoint, keepRun } from './kept'
import type { Reader } from './reader'

/** How often the page is told where a training stands, in milliseconds. */
const telling = 100
/** How often it is kept where a training stands, in seconds: what a reload or a lost device may cost. Keeping takes milliseconds. */
const secondsBetween = 2

/** A training that goes on. */
export interface Job {
  pause(): void
  resume(): void
  /** Takes one step, and pauses again. */
  step(): void
  /** @param stepsPerSecond Infinity for as many as can be */
  pace(stepsPerSecond: number): void
  /** Stops after the current step; the run so far is kept. */
  stop(): void
  /** Something came that a paused training should look at. */
  wake(): void
}

/** What a checkpoint alone does not say of a run. */
export interface RunOrder {
  readonly key: string
  readonly settings: Settings
  readonly data: DataChoice
  readonly group?: Group
}

export interface JobContext {
  readonly order: RunOrder
  readonly data: Dataset
  readonly resume?: Checkpoint
  /** It pauses after its first step. */
  readonly stepwise?: boolean
  /** Steps a second at most, to begin with. */
  readonly stepsPerSecond: number
  readonly reader: Reader
  readonly post: (message: FromLab) => void
}

/** Begins a training. @returns what steers it, and the run once it has ended; undefined where it failed, which was told */
export const startJob = (context: JobContext): { job: Job; ended: Promise<KnownRun | undefined> } => {
  const controller = new AbortController()
  const { signal } = controller
  let { stepsPerSecond } = context
  let paused = context.stepwise === true
  /** Steps that are still to be taken while it is paused. */
  let asked = paused ? 1 : 0
  /** When the next step may be taken. */
  let next = 0
  let wakeUp = () => {}
  const job: Job = {
    pause() {
      paused = true
      wakeUp()
    },
    resume() {
      paused = false
      asked = 0
      wakeUp()
    },
    step() {
      paused = true
      asked++
      wakeUp()
    },
    pace(value) {
      stepsPerSecond = value
      next = 0
      wakeUp()
    },
    stop() {
      controller.abort()
      wakeUp()
    },
    wake: () => wakeUp(),
  }
  const { reader, post } = context
  let stepped = false
  const teller = createTeller(context, () => {
    stepped = true
    asked = Math.max(0, asked - 1)
  })
  const slow = () => stepsPerSecond < Infinity
  /** Until something is asked of it, or so many milliseconds. */
  const woken = (milliseconds?: number) =>
    new Promise<void>((resolve) => {
      wakeUp = resolve
      if (milliseconds !== undefined) setTimeout(resolve, milliseconds)
    })
  const between: Between = async ({ model, weights, normalize }) => {
    const look = (always: boolean) =>
      reader
        .readWith(model, weights, { steps: teller.steps(), normalize, always })
        .catch((error: unknown) => tellUnreadable(post, error))
    const alone = stepped && (paused || stepsPerSecond <= eachIsSeen)
    if (alone) teller.flush()
    await look(alone)
    if (stepped && slow()) {
      next = Math.max(next, performance.now() - 1000 / stepsPerSecond) + 1000 / stepsPerSecond
      for (let wait = 1; wait > 0 && !paused && !signal.aborted && slow();) {
        wait = next - performance.now()
        if (wait > 0) await woken(wait)
        await look(false)
      }
    }
    stepped = false
    if (!paused || asked > 0 || signal.aborted) return
    teller.flush()
    post({ type: 'paused' })
    while (paused && asked === 0 && !signal.aborted) {
      await woken()
      await look(false)
    }
    if (!paused) post({ type: 'resumed' })
  }
  const stepwise = () => paused || slow()
  return { job, ended: train(context, signal, teller, { between, stepwise }) }
}

/** Up to so many steps a second the net is looked at after each. */
const eachIsSeen = 10

type Between = NonNullable<Parameters<typeof runExperiment>[1]['between']>

const tellUnreadable = (post: JobContext['post'], error: unknown) =>
  post({ type: 'unreadable', sentence: failureOf(error).sentence })

const train = async (
  { order, data, resume, post }: JobContext,
  signal: AbortSignal,
  teller: Teller,
  steered: { readonly between: Between; readonly stepwise: () => boolean },
): Promise<KnownRun | undefined> => {
  const { key, settings, group } = order
  let kept: Resumable | undefined
  try {
    const experiment = resume?.experiment ?? experimentOf(settings, data.name)
    const backend = await backendOf(settings.backend)
    const save = async (checkpoint: Checkpoint) => {
      try {
        kept = await keepCheckpoint(order, checkpoint)
      } catch (error) {
        teller.notKept(error)
      }
    }
    const result = await runExperiment(experiment, {
      ...{ data, backend, signal, ...steered, imageWorkers: imageWorkers() },
      onProgress: teller.tell,
      checkpoint: { every: { seconds: secondsBetween }, save },
      workers: backend.useThreads ? settings.threads : 'auto',
      ...(resume ? { resume } : {}),
    })
    const known: KnownRun = {
      ...{ key, from: 'trained', run: result.run, files: runFiles(result, data.test.labels) },
      ...(group ? { group } : {}),
    }
    teller.flush()
    await keepRun(known).catch(teller.notKept)
    const goesOn = known.run.status === 'interrupted' ? kept : undefined
    post({ type: 'finished', known, data: order.data, ...(goesOn ? { resumable: goesOn } : {}) })
    return known
  } catch (error) {
    const fresh = !isMendable(error) // nobody knows in what state it left the worker
    post({ type: 'failed', failure: failureOf(error), fresh, ...(kept ? { resumable: kept } : {}) })
    return undefined
  }
}

interface Teller {
  readonly tell: (progress: Progress) => void
  readonly notKept: (error: unknown) => void
  /** Tells what has not been told yet. */
  flush(): void
  /** Steps taken so far. */
  steps(): number
}

/** Tells the page how training goes on, not oftener than it can draw. */
const createTeller = ({ order, resume, post }: JobContext, onStep: () => void): Teller => {
  const { key, settings, group } = order
  let losses: number[] = []
  let records: EpochRecord[] = []
  let latest: (Progress & { type: 'step' }) | undefined
  let evaluating: ReturnType<typeof setTimeout> | undefined
  let told = 0
  let steps = resume?.stepLosses.length ?? 0
  let warned = false
  const flush = () => {
    clearTimeout(evaluating)
    if (!latest) return
    const { epoch, step, stepsPerEpoch, imagesPerSecond, secondsLeft } = latest
    post({
      type: 'standing',
      epoch,
      step,
      stepsPerEpoch,
      imagesPerSecond,
      secondsLeft,
      losses: Float32Array.from(losses),
      records,
    })
    losses = []
    records = []
    told = performance.now()
  }
  return {
    flush,
    steps: () => steps,
    notKept(error) {
      if (warned) return
      warned = true
      const reason = error instanceof Error ? error.message : String(error)
      const full = error instanceof DOMException && error.name === 'QuotaExceededError'
      post({
        type: 'notice',
        sentence: `This browser cannot keep the run (${shown(reason)}): ${
          full ? 'its storage is full, so remove runs under Look, or ' : ''
        }download it before you close the page.`,
      })
    },
    tell(progress) {
      switch (progress.type) {
        case 'started': {
          const { id, backend, stepsPerEpoch } = progress
          post({
            ...{ type: 'started', key, settings, id, stepsPerEpoch },
            ...{ device: backend.device, threads: backend.threads },
            losses: resume?.stepLosses ?? new Float32Array(0),
            epochs: resume?.epochs ?? [],
            ...(group ? { group } : {}),
          })
          break
        }
        case 'step':
          losses.push(progress.loss)
          latest = progress
          steps++
          onStep()
          if (performance.now() - told > telling) flush()
          break
        case 'evaluating':
          if (performance.now() - told > telling) flush()
          // Of small data sets there are hundreds of epochs a second: only what lasts is told.
          evaluating = setTimeout(() => {
            flush()
            post({ type: 'evaluating', epoch: progress.epoch })
          }, telling)
          break
        case 'epoch':
          clearTimeout(evaluating)
          records.push(progress.record)
          if (performance.now() - told > telling) flush()
          break
        case 'notice':
          post({ type: 'warning', sentence: sentenceOf(progress.sentence) })
      }
    },
  }
}
