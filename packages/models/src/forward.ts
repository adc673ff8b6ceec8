import {
  convolution,
  convolutionGrad,
  convReluPool,
  convReluPoolGrad,
  dense,
  denseGrad,
  maxPool,
  maxPoolGrad,
  rectify,
  rectifyGrad,
  softmaxCrossEntropy,
  tensorOperations as tf,
} from '@digitlab/ops'
import type { MersenneTwister } from '@digitlab/random'
import { tidy, type Tensor, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core'
import type { Model, ShapedLayer } from './definition'
import type { Kit } from './kit'
import type { ArraySpecs, Fusion, LayerResult, LayerRun, Mode } from './layer-type'
import type { Weights } from './weights'

const kit: Kit = {
  ops: {
    convolution,
    convolutionGrad,
    convReluPool,
    convReluPoolGrad,
    dense,
    denseGrad,
    maxPool,
    maxPoolGrad,
    rectify,
    rectifyGrad,
  },
  tf,
}

/** Layers that are computed at once. */
interface Stage {
  /** The one that keeps the arrays; those after it have none. */
  readonly layer: ShapedLayer
  readonly fusion: Fusion<ShapedLayer['options'], ArraySpecs, ArraySpecs> | undefined
}

/** How each model is computed is found once: a step takes less than a millisecond. */
const plans = new WeakMap<Model, readonly Stage[]>()

const planOf = (model: Model): readonly Stage[] => {
  const known = plans.get(model)
  if (known) return known
  const stages: Stage[] = []
  for (let position = 0; position < model.layers.length;) {
    const [layer, ...following] = model.layers.slice(position) as [ShapedLayer, ...ShapedLayer[]]
    const fusion = layer.type.fusions?.find((fusion) => {
      const neighbours = following.slice(0, fusion.with.length)
      if (!fusion.with.every((type, i) => neighbours[i]?.type.type === type)) return false
      const options = neighbours.map(({ options }) => options)
      return fusion.fits?.(layer.options, options) ?? true
    })
    stages.push({ layer, fusion })
    position += 1 + (fusion?.with.length ?? 0)
  }
  plans.set(model, stages)
  return stages
}

interface Pass {
  readonly mode: Mode
  readonly generator?: MersenneTwister | undefined
}

type Result = LayerResult<ArraySpecs, ArraySpecs, Tensor>

/** Runs the layers on images [batch, height, width, channels], stage by stage. */
const runStages = (model: Model, weights: Weights, images: Tensor, { mode, generator }: Pass): Result[] => {
  let x = images
  return planOf(model).map(({ layer, fusion }) => {
    const held = (entries: ShapedLayer['parameters']) =>
      // uploadWeights made them from the same definition, in these ranks
      Object.fromEntries(entries.map(({ name, short }) => [short, weights.get(name) as Tensor]))
    const run: LayerRun<ShapedLayer['options'], ArraySpecs, ArraySpecs, Tensor> = {
      ...{ x, options: layer.options, weights: held(layer.parameters), buffers: held(layer.buffers), mode },
      ...(generator && layer.type.draws ? { generator } : {}),
    }
    const result = fusion ? fusion.forward(kit, run) : layer.type.forward(kit, run)
    x = result.y
    return result
  })
}

/**
 * The model's logits, as they are in use: nothing is dropped or drawn.
 *
 * @param images [batch, height, width, channels] float32
 * @returns [batch, classes]
 */
export const logits = (model: Model, weights: Weights, images: Tensor): Tensor2D =>
  tidy(() => runStages(model, weights, images, { mode: 'evaluation' }).at(-1)?.y as Tensor2D)

/** What one batch says of the weights. Whoever asked for it disposes of the tensors. */
export interface LossAndGradients {
  /** Shape [2]; the loss, and how many of the batch were classified rightly. */
  readonly summary: Tensor1D
  /** Of what is trained, by the names of the weights and in their shapes. */
  readonly gradients: ReadonlyMap<string, Tensor>
  /** Those that the batch changed, by their names: the tensors to use from now on. */
  readonly buffers: ReadonlyMap<string, Tensor>
}

/**
 * A loss of logits [batch, classes] for labels [batch], and its gradient for the logits.
 *
 * @param scale what the sum over the batch is multiplied by
 */
export type LossFunction = (
  logits: Tensor2D,
  labels: Tensor1D,
  scale: number,
) => { readonly summary: Tensor1D; readonly dLogits: Tensor2D }

/** How a batch is taken. */
export interface LossOptions {
  /** Softmax cross-entropy unless given. */
  readonly loss?: LossFunction
  /** 'training' unless given. */
  readonly mode?: Mode
  /** The run's generator: a model needs it in training where one of its layers draws. */
  readonly generator?: MersenneTwister
}

/**
 * The loss of a batch and its gradient with respect to everything that is trained, by plain backpropagation.
 *
 * @param images [batch, height, width, channels] float32
 * @param labels [batch] int32
 * @param scale 1 / batch for the mean loss; 1 / (whole batch) for a worker's share of one
 * @returns tensors that the caller disposes of, or that a tidy around the call does
 * @throws Error where a layer draws and there is no generator
 */
export const lossAndGradients = (
  model: Model,
  weights: Weights,
  images: Tensor,
  labels: Tensor1D,
  scale: number,
  { loss = softmaxCrossEntropy, mode = 'training', generator }: LossOptions = {},
): LossAndGradients => {
  if (mode === 'training' && !generator && model.layers.some(({ type }) => type.draws))
    throw new Error(`the model "${model.name}" draws in training, and was given no generator`)
  const { summary, gradients, buffers } = tidy(() => {
    const stages = planOf(model)
    const results = runStages(model, weights, images, { mode, generator: mode === 'training' ? generator : undefined })
    const { summary, dLogits } = loss(results.at(-1)?.y as Tensor2D, labels, scale)
    const gradients: Record<string, Tensor> = {}
    const buffers: Record<string, Tensor> = {}
    for (const [at, { layer }] of stages.entries())
      for (const { name, short } of layer.buffers) {
        const changed = results[at]?.buffers?.[short]
        if (changed) buffers[name] = changed
      }
    // Nothing before the first layer with weights needs a gradient.
    const first = stages.findIndex(({ layer }) => layer.parameters.length > 0)
    let dy: Tensor = dLogits
    for (let at = results.length - 1; at >= first; at--) {
      const { layer } = stages[at] as Stage
      const result = results[at] as Result
      const back = result.back(dy, at > first)
      for (const { name, short } of layer.parameters) {
        const gradient = back.gradients?.[short]
        if (!gradient) throw new Error(`the layer type "${layer.type.type}" gave no gradient of ${short}`)
        gradients[name] = gradient
      }
      if (at === first) break
      if (!back.dx) throw new Error(`the layer type "${layer.type.type}" gave no gradient of its input`)
      dy = back.dx
    }
    return { summary, gradients, buffers }
  })
  return { summary, gradients: new Map(Object.entries(gradients)), buffers: new Map(Object.entries(buffers)) }
}
