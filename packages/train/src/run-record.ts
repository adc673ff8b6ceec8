import type { ModelDefinition } from '@digitlab/models'
import type { BackendInfo } from '@digitlab/backends'
import type { OperationName, OperationPath } from '@digitlab/ops'
import type { Environment } from './environment'
import type { Evaluation } from './evaluate'
import type { Experiment } from './complete-experiment'

/** The version of run.json's form that this package writes. */
export const runVersion = 1

/** What happened in one epoch. */
export interface EpochRecord {
  /** from 1 */
  readonly epoch: number
  /** Mean over the images trained on, each weighing the same. */
  readonly trainLoss: number
  /** Of the training images, as each was seen just before the step that learned from it. */
  readonly trainAccuracy: number
  /** On the images that were set aside for validation; absent if there are none. */
  readonly validationLoss?: number
  readonly validationAccuracy?: number
  /** Absent where images were set aside: the test images are then looked at once, at the end. */
  readonly testLoss?: number
  readonly testAccuracy?: number
  /** Metrics that were passed along, by their names, of the same images. */
  readonly metrics?: Readonly<Record<string, number>>
  /** Shuffling, batches, gradients and steps; evaluation apart. */
  readonly trainSeconds: number
  readonly evaluationSeconds: number
}

/** The record of a run. Plain JSON, written as run.json. */
export interface Run {
  readonly format: 'digitlab-run'
  readonly version: typeof runVersion
  /** The experiment's id. */
  readonly id: string
  readonly experiment: Experiment
  /** 'interrupted' where it was stopped before its last step: the metrics are those of the weights as they were then. */
  readonly status: 'completed' | 'interrupted'
  /** When the run began, ISO 8601. */
  readonly startedAt: string
  /** Where the run ended before its last epoch by itself: a sentence that says why. */
  readonly stopped?: string
  /** The epoch whose weights were kept, where the best were to be. */
  readonly keptEpoch?: number
  readonly model: { readonly name: string; readonly parameters: number; readonly definition: ModelDefinition }
  readonly dataset: {
    readonly name: string
    readonly title: string
    readonly origin: string
    /** Set where the data are not what was hoped for. */
    readonly notice?: string
    readonly classNames: readonly string[]
    /** Images to train on; those that were set aside are not among them. */
    readonly trainCount: number
    /** Images that were set aside for validation, where there are any. */
    readonly validationCount?: number
    readonly testCount: number
    readonly files: readonly { readonly name: string; readonly bytes: number; readonly sha256: string }[]
  }
  readonly backend: BackendInfo & {
    /** Which operations ran as the backend's own kernels. */
    readonly operations: Readonly<Record<OperationName, OperationPath>>
  }
  readonly environment: Environment
  readonly history: {
    /** The mean loss of every batch, in the order of the steps. */
    readonly stepLosses: readonly number[]
    readonly epochs: readonly EpochRecord[]
    /** Of every step, where a schedule changes them. */
    readonly learningRates?: readonly number[]
  }
  /** On the test images, with the weights at the end. */
  readonly metrics: Evaluation & {
    /** Metrics that were passed along, by their names. */
    readonly custom?: Readonly<Record<string, number>>
  }
  readonly timing: {
    readonly trainSeconds: number
    readonly evaluationSeconds: number
    /** Mean over the whole epochs; over what there was where none was whole. */
    readonly secondsPerEpoch: number
    readonly imagesPerSecond: number
  }
}

/** How an epoch's weights scored, and on which images: those set aside for validation, otherwise the test images. */
export const epochScore = (
  record: EpochRecord,
): { readonly on: 'validation' | 'test'; readonly loss: number; readonly accuracy: number } =>
  record.validationAccuracy === undefined
    ? { on: 'test', loss: record.testLoss ?? NaN, accuracy: record.testAccuracy ?? NaN }
    : { on: 'validation', loss: record.validationLoss ?? NaN, accuracy: record.validationAccuracy }
