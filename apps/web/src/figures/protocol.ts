// What is asked of the figures' worker, and what it answers.
import type { DrawnEpoch, FigureId } from '@digitlab/report'
import type { Chosen, RunParts } from '../protocol'

/** A training that goes on, as its curves are drawn. */
export interface LiveRun {
  readonly losses: Float32Array
  readonly epochs: readonly DrawnEpoch[]
  readonly trainCount: number
  readonly batchSize: number
}

/** A figure to draw. */
export type Wanted =
  /** One of the figures of a run, by its id in the report. */
  | { readonly kind: 'run'; readonly key: string; readonly id: string }
  | { readonly kind: 'live'; readonly id: 'loss' | 'accuracy'; readonly live: LiveRun }
  /** Images of the data set, from the given place on; of one class where that is given. */
  | {
      readonly kind: 'digits'
      readonly images: string
      readonly split: 'train' | 'test'
      readonly from: number
      readonly count: number
      readonly label?: number
    }
  /** Training images as an experiment's first epoch would see them. */
  | {
      readonly kind: 'augmented'
      readonly images: string
      readonly augment: readonly Chosen[]
      readonly seed: number
      readonly batchSize: number
    }
  /** The test images in a cell of the confusion matrix. */
  | { readonly kind: 'cell'; readonly key: string; readonly label: number; readonly predicted: number }
  | { readonly kind: 'comparison'; readonly keys: readonly string[]; readonly id: string }

/** The images of a data set. */
export interface Images {
  readonly type: 'images'
  /** The data set's name and hashes. */
  readonly id: string
  readonly height: number
  readonly width: number
  /** 3 where they have colours. */
  readonly channels?: 3
  readonly classNames: readonly string[]
  /** The first ones to train on. */
  readonly train: { readonly images: Uint8Array; readonly labels: Uint8Array }
  readonly test: { readonly images: Uint8Array; readonly labels: Uint8Array }
}

export type ToFigures =
  | Images
  /** From the lab, by a port of its own. */
  | { readonly type: 'port'; readonly port: MessagePort }
  | { readonly type: 'run'; readonly parts: RunParts }
  | { readonly type: 'draw'; readonly id: number; readonly wanted: Wanted; readonly width: number }
  /** Which figures of a run can be drawn. */
  | { readonly type: 'list'; readonly id: number; readonly key: string }
  /** The report of one run, or of several side by side, as a page of its own. */
  | { readonly type: 'page'; readonly id: number; readonly keys: readonly string[] }

export interface DrawnFigure {
  readonly title: string
  readonly svg: string
}

export type FromFigures =
  | { readonly type: 'drawn'; readonly id: number; readonly figure: DrawnFigure }
  | { readonly type: 'listed'; readonly id: number; readonly figures: readonly FigureId[] }
  | { readonly type: 'written'; readonly id: number; readonly html: string }
  | { readonly type: 'failed'; readonly id: number; readonly sentence: string }
  | { readonly type: 'images-changed'; readonly id: string }
