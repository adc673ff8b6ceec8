// Where a walk along the graph of an ONNX file stands, and how it is ended.
import type { KnownLayer, Layer, StateDict } from '@digitlab/models'
import type { InputScale } from './input-scale'
import type { OnnxGraph, OnnxNode } from './onnx-graph'

/** How far the walk along a graph has come. */
export interface Walk {
  readonly graph: OnnxGraph
  /** The input as the first layer takes it, [channels, height, width]. */
  input: readonly number[]
  /** What the next node takes, without the batch: [channels, height, width] or [features]. */
  shape: readonly number[]
  /** The batch as the file states it, if it does. */
  readonly batch: number | undefined
  readonly layers: Layer[]
  readonly weights: StateDict
  scale: InputScale
  /** The layer whose bias may still come, as an Add behind it. */
  open: string | undefined
  /** Shapes of the values passed so far, by name, with the batch in front. */
  readonly passed: Map<string, readonly number[]>
  /** The softmax at the end has been passed. */
  ended: boolean
  readonly notes: string[]
}

/** @param taken the value of the node's inputs that the walk follows */
export type Step = (walk: Walk, node: OnnxNode, taken: string) => void

/** Stands for the size of the batch in a shape that a graph computes. */
export const batchSize = -2

export const refuse = ({ graph }: Walk, node: OnnxNode, reason: string): never =>
  graph.reading.unsupported(
    `its ${node.shown} ${reason}, which no layer of a model does; run the file with a runtime for ONNX`,
  )

/** A layer with weights of the kinds that are read. */
export type NamedLayer = Extract<KnownLayer, { type: 'conv2d' | 'dense' }>

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)

/** Refused unless the walk follows the first input. */
export const first = (walk: Walk, node: OnnxNode, taken: string): void => {
  if (node.inputs[0] !== taken) refuse(walk, node, 'does not take what the layers give as its first input')
}
