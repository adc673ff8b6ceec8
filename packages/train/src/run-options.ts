// What a run is given, tells and answers.
import type { Backend, BackendInfo } from '@digitlab/backends'
import type { Dataset, StopSignal } from '@digitlab/data'
import { shownValue, type Model, type StateDict } from '@digitlab/models'
import type { Weights } from '@digitlab/models/compute'
import type { RunCallback } from './run-callback'
import type { Checkpoint, CheckpointInterval } from './checkpoint'
import type { Predictions } from './evaluate'
import type { NormalizeOptions } from './experiment-options'
import type { Extensions } from './extensions'
import type { ImageWorkerOptions } from './image-workers'
import type { Initial } from './initial'
import type { EpochRecord, Run } from './run-record'
import { TrainError } from './train-error'

/** What a run reports as it goes. */
export type Progress =
  | { readonly type: 'started'; readonly id: string; readonly backend: BackendInfo; readonly stepsPerEpoch: number }
  | {
      readonly type: 'step'
      readonly epoch: number
      /** within the epoch, from 1 */
      readonly step: number
      readonly stepsPerEpoch: number
      readonly loss: number
      /** Which the step used. */
      readonly learningRate: number
      /** Of this epoch so far. */
      readonly imagesPerSecond: number
      /** To the end of the training, evaluations apart. */
      readonly secondsLeft: number
    }
  | { readonly type: 'evaluating'; readonly epoch: number }
  | { readonly type: 'epoch'; readonly record: EpochRecord }
  /** Something that whoever trains should know; the run continues. */
  | { readonly type: 'notice'; readonly sentence: string }

/** A run between two steps. */
export interface Standing {
  readonly model: Model
  /** On the backend, as they are now: the next step changes them. */
  readonly weights: Weights
  /** What images are to be normalized by before the model sees them; absent where they are not. */
  readonly normalize?: NormalizeOptions
}

/** What an experiment runs on, where it begins, and who is told of it. */
export interface RunOptions {
  readonly data: Dataset
  readonly backend: Backend
  /** What the experiment may name beside what this package has. */
  readonly extensions?: Extensions
  /**
   * Threads that share the elements of every result, the calling one among them: 1 by default. 'auto' starts as many as there are
   * processors, up to eight, and has each step taken by as many of them as is fastest. No bit of the run depends on it.
   */
  readonly workers?: number | 'auto'
  /** Prepare the images of an experiment that changes them; without them the thread that trains does, and the images are the same. */
  readonly imageWorkers?: ImageWorkerOptions
  /**
   * Told every step and every epoch, in their order. Where it answers with a promise the run waits for that, and its clock stands still.
   * What it throws, or rejects with, ends the run: `runExperiment` rejects with the same.
   */
  readonly onProgress?: (progress: Progress) => unknown
  /** Called at the epochs' ends and where the run begins and ends, with the weights at hand; they may stop it. */
  readonly callbacks?: readonly RunCallback[]
  /** Aborting stops after the current step; the run so far is returned, as 'interrupted'. */
  readonly signal?: StopSignal
  /**
   * Called where the loop yields to the event loop, a hundred times a second while steps are fast, in evaluations too. The run
   * waits until it is done, and its clock stands still: to pause, or to try the weights as they are now.
   */
  readonly between?: (standing: Standing) => Promise<void> | void
  /**
   * Asked after every step whether it is to be seen alone: then its loss is read and `between` is called before the next one, whatever
   * the time. No bit of the run depends on it.
   */
  readonly stepwise?: () => boolean
  /** Ends the run after this many steps, counted from 1 over all epochs, unless it is over before: it is returned as 'interrupted'. */
  readonly steps?: number
  /** Also return the weights as they are after these steps, counted from 1 over all epochs. */
  readonly snapshotSteps?: readonly number[]
  /** Begins with these weights instead of those that the seed draws. The experiment records which they are. */
  readonly initial?: Initial
  /** Hands out where the run stands: where it is aborted, and with `every` before the first step and every so often as well. */
  readonly checkpoint?: {
    readonly every?: CheckpointInterval
    /** The run waits until this is done. */
    readonly save: (checkpoint: Checkpoint) => Promise<void>
  }
  /** Goes on from there, to the bit as if it had not stopped, whatever number of workers either part has. */
  readonly resume?: Checkpoint
}

/** A run, with what is too large for run.json. */
export interface RunResult {
  readonly run: Run
  /** At the end, in PyTorch's names and layout: the average, or those of the best epoch, where the experiment says so. */
  readonly weights: StateDict
  /** Of the test images, with the initial weights and with those at the end. */
  readonly predictions: { readonly before: Predictions; readonly after: Predictions }
  /** After each of `snapshotSteps` that the run came to. */
  readonly snapshots: ReadonlyMap<number, StateDict>
}

/** Every option, so that a misspelt one is refused. */
const known: Record<keyof RunOptions, true> = {
  ...{
    data: true,
    backend: true,
    extensions: true,
    workers: true,
    imageWorkers: true,
    onProgress: true,
    callbacks: true,
    signal: true,
  },
  ...{ between: true, stepwise: true, steps: true, snapshotSteps: true, initial: true, checkpoint: true, resume: true },
}

/** Refuses options that there are none of. @throws TrainError naming one, and those that there are */
export const checkRunOptions = (options: RunOptions): void => {
  const names = Object.keys(known)
  const odd = Object.keys(options).find((name) => !names.includes(name))
  if (odd !== undefined) throw new TrainError(`a run has no option ${shownValue(odd)}, it has ${names.join(', ')}`)
}
