// What the thread that leads and its workers say to each other.
import type { ModelDefinition } from '@digitlab/models'
import type { SharedState } from './exchange'
import type { Experiment } from './complete-experiment'
import type { OptimizerState } from './optimizer'

/** What a worker is told. */
export type ToWorker =
  | {
      readonly type: 'load'
      readonly index: number
      readonly model: ModelDefinition
      /** In shared memory. */
      readonly images: Uint8Array
      readonly labels: Uint8Array
      readonly imageShape: readonly [number, number]
      readonly state: SharedState
    }
  | { readonly type: 'begin'; readonly state: OptimizerState; readonly experiment: Experiment }
  | {
      readonly type: 'epoch'
      readonly order: Int32Array
      readonly batchSize: number
      readonly workers: number
      /** The position in the order of the first batch. */
      readonly from: number
    }

/** What it answers, once for each. */
export type FromWorker = { readonly type: 'done' } | { readonly type: 'failed'; readonly message: string }
