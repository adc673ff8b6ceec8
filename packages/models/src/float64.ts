// A model once more in float64, layer by layer without any fusing: what runs on every backend are compared with.
import { float64 } from '@digitlab/ops'
import type { MersenneTwister } from '@digitlab/random'
import type { Model, ShapedLayer } from './definition'
import type { Array64 } from './kit'
import type { PartResult } from './layer-type'
import type { StateDict64 } from './layout'

/** A loss of logits [batch, classes] for labels [batch], and its gradient for the logits. */
export type LossFunction64 = (
  logits: Array64,
  labels: ArrayLike<number>,
  scale: number,
) => { readonly loss: number; readonly dLogits: Array64 }

/** How a batch is taken. */
export interface LossOptions64 {
  /** Softmax cross-entropy by default. */
  readonly loss?: LossFunction64
  /** Draws for the layers that do, in the order in which `lossAndGradients` does. */
  readonly generator?: MersenneTwister
}

/**
 * Loss, right answers and the gradient of everything that is trained for one batch, computed in float64 by plain loops.
 *
 * @param weights in tfjs's layout, as `readTfjsLayout` makes them
 * @param images [batch, height, width, channels]
 * @param labels [batch]
 * @param scale 1 / batch for the mean loss
 */
export const lossAndGradients64 = (
  model: Model,
  weights: StateDict64,
  images: Array64,
  labels: ArrayLike<number>,
  scale: number,
  { loss: lossOf = float64.softmaxCrossEntropy, generator }: LossOptions64 = {},
): { loss: number; correct: number; gradients: StateDict64; buffers: StateDict64 } => {
  const { y, buffers, back } = runLayers64(model.layers, weights, images, generator)
  const { loss, dLogits } = lossOf(y, labels, scale)
  const { gradients } = back(dLogits, true)
  return {
    ...{ loss, correct: countCorrect(y, labels) },
    ...{ gradients: new Map(Object.entries(gradients)), buffers: new Map(Object.entries(buffers)) },
  }
}

/** A list of layers, one after the other, without any fusing. */
const runLayers64 = (
  layers: readonly ShapedLayer[],
  weights: StateDict64,
  input: Array64,
  generator: MersenneTwister | undefined,
): PartResult<Array64> => {
  const buffers: Record<string, Array64> = {}
  const backs: ((dy: Array64, gradients: Record<string, Array64>) => Array64)[] = []
  let x = input
  for (const { type, options, parameters, buffers: kept, flattened, parts } of layers) {
    const held = (entries: typeof parameters) =>
      Object.fromEntries(
        entries.map(({ name, short }) => {
          const array = weights.get(name)
          if (!array) throw new Error(`no weights named ${name}`)
          return [short, array]
        }),
      )
    const within = Object.entries(parts).map(
      ([name, part]) => [name, (x: Array64) => runLayers64(part, weights, x, generator)] as const,
    )
    const result = type.float64(float64, {
      ...{ x, options, weights: held(parameters), buffers: held(kept), mode: 'training', generator, flattened },
      parts: Object.fromEntries(within),
    })
    x = result.y
    for (const { name, short } of kept) {
      const changed = result.buffers?.[short]
      if (changed) buffers[name] = changed
    }
    backs.push((dy, gradients) => {
      const back = result.back(dy, true)
      for (const { name, short } of parameters) {
        const gradient = back.gradients?.[short]
        if (!gradient) throw new Error(`the layer type "${type.type}" gave no gradient of ${short}`)
        gradients[name] = gradient
      }
      if (!back.dx) throw new Error(`the layer type "${type.type}" gave no gradient of its input`)
      return back.dx
    })
  }
  const back = (dLast: Array64) => {
    const gradients: Record<string, Array64> = {}
    let dy = dLast
    for (const each of [...backs].reverse()) dy = each(dy, gradients)
    return { dx: dy, gradients }
  }
  return { y: x, buffers, back }
}

/** How many logits are largest at their label; of equal ones the first counts. */
const countCorrect = ({ shape: [, classes = 0], data }: Array64, labels: ArrayLike<number>): number =>
  Array.from(labels).filter((label, b) => {
    const row = data.subarray(b * classes, (b + 1) * classes)
    return row.indexOf(row.reduce((best, value) => Math.max(best, value), -Infinity)) === label
  }).length
