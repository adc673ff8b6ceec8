// What the thread that trains and those that prepare its images say to each other.
import type { ImageSource } from './augment-images'
import type { Experiment } from './complete-experiment'

/** What a thread is told. */
export type ToImageWorker =
  | { readonly type: 'load'; readonly experiment: Experiment; readonly source: ImageSource }
  | {
      readonly type: 'block'
      readonly epoch: number
      /** The position in the epoch's order of the first image. */
      readonly start: number
      readonly indices: Int32Array
      /** Room for the images; it comes back with them. */
      readonly room: ArrayBuffer
    }

/** What it answers, once for each. */
export type FromImageWorker =
  | { readonly type: 'loaded' }
  | { readonly type: 'block'; readonly epoch: number; readonly start: number; readonly room: ArrayBuffer }
  | { readonly type: 'failed'; readonly message: string }
