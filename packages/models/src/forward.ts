import {
  activate,
  activateGrad,
  averagePool,
  averagePoolGrad,
  batchNorm,
  batchNormGrad,
  convolution,
  convolutionGrad,
  convReluPool,
  convReluPoolGrad,
  dense,
  denseGrad,
  dropout,
  maxPool,
  maxPoolGrad,
  rectify,
  rectifyGrad,
  softmaxCrossEntropy,
  tensorOperations as tf,
} from '@digitlab/ops'
import type { MersenneTwister } from '@digitlab/random'
import { tidy, type Tensor, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core'
import { allLayers, type Model, type ShapedLayer } from './definition'
import type { Kit } from './kit'
import type { ArraySpecs, Fusion, LayerResult, LayerRun, Mode, PartResult } from './layer-type'
import type { Weights } from './weights'

const kit: Kit = {
  ops: {
    activate,
    activateGrad,
    averagePool,
    averagePoolGrad,
    batchNorm,
    batchNormGrad,
    convolution,
    convolutionGrad,
    convReluPool,
    convReluPoolGrad,
    dense,
    denseGrad,
    dropout,
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

/** How each list of layers is computed is found once: a step takes less than a millisecond. */
const plans = new WeakMap<readonly ShapedLayer[], readonly Stage[]>()

const planOf = (layers: readonly ShapedLayer[]): readonly Stage[] => {
  const known = plans.get(layers)
  if (known) return known
  const stages: Stage[] = []
  for (let position = 0; position < layers.length;) {
    const [layer, ...following] = layers.slice(position) as [ShapedLayer, ...ShapedLayer[]]
    const fusion = layer.type.fusions?.find((fusion) => {
      const neighbours = following.slice(0, fusion.with.length)
      if (!fusion.with.every((type, i) => neighbours[i]?.type.type === type)) return false
      const options = neighbours.map(({ options }) => options)
      return fusion.fits?.(layer.options, options) ?? true
    })
    stages.push({ layer, fusion })
    position += 1 + (fusion?.with.length ?? 0)
  }
  plans.set(layers, stages)
  return stages
}

interface Pass {
  readonly mode: Mode
  readonly generator?: MersenneTwister | undefined
}

/** Runs a list of layers on images or rows, stage by stage, and finds the way back through them. */
const runLayers = (layers: readonly ShapedLayer[], weights: Weights, input: Tensor, pass: Pass): PartResult<Tensor> => {
  const { mode, generator } = pass
  const stages = planOf(layers)
  let x = input
  const buffers: Record<string, Tensor> = {}
  const results = stages.map(({ layer, fusion }) => {
    const held = (entries: ShapedLayer['parameters']) =>
      // uploadWeights made them from the same definition, in these ranks
      Object.fromEntries(entries.map(({ name, short }) => [short, weights.get(name) as Tensor]))
    const parts = Object.entries(layer.parts).map(
      ([name, part]) => [name, (x: Tensor) => runLayers(part, weights, x, pass)] as const,
    )
    const run: LayerRun<ShapedLayer['options'], ArraySpecs, ArraySpecs, Tensor> = {
      ...{ x, options: layer.options, weights: held(layer.parameters), buffers: held(layer.buffers), mode },
      flattened: layer.flattened,
      ...(parts.length > 0 ? { parts: Object.fromEntries(parts) } : {}),
      ...(generator && layer.type.draws ? { generator } : {}),
    }
    const result = fusion ? fusion.forward(kit, run) : layer.type.forward(kit, run)
    for (const { name, short } of layer.buffers) {
      const changed = result.buffers?.[short]
      if (changed) buffers[name] = changed
    }
    x = result.y
    return result
  })
  const back = (dLast: Tensor, needsInputGradient: boolean) => {
    const gradients: Record<string, Tensor> = {}
    // Nothing before the first layer with weights needs a gradient, unless what comes before the list does.
    const first = needsInputGradient ? 0 : stages.findIndex(({ layer }) => layer.parameters.length > 0)
    let dy: Tensor | undefined = dLast
    for (let at = results.length - 1; at >= 0 && at >= first && first >= 0; at--) {
      const { layer } = stages[at] as Stage
      const needed = needsInputGradient || at > first
      const made = (results[at] as LayerResult<ArraySpecs, ArraySpecs, Tensor>).back(dy, needed)
      for (const { name, short } of layer.parameters) {
        const gradient = made.gradients?.[short]
        if (!gradient) throw new Error(`the layer type "${layer.type.type}" gave no gradient of ${short}`)
        gradients[name] = gradient
      }
      if (needed && !made.dx) throw new Error(`the layer type "${layer.type.type}" gave no gradient of its input`)
      if (!made.dx) return { gradients }
      dy = made.dx
    }
    return needsInputGradient ? { dx: dy, gradients } : { gradients }
  }
  return { y: x, buffers, back }
}

/**
 * The model's logits in evaluation mode: nothing is dropped or drawn.
 *
 * @param images [batch, height, width, channels] float32
 * @returns [batch, classes]
 */
export const logits = (model: Model, weights: Weights, images: Tensor): Tensor2D =>
  tidy(() => runLayers(model.layers, weights, images, { mode: 'evaluation' }).y as Tensor2D)

/**
 * The output of each layer of a model in evaluation mode: nothing is dropped or drawn.
 *
 * @param images [batch, height, width, channels] float32
 * @returns one tensor for each of `model.layers`, [batch, ...output], in float32; whoever asked for them disposes of them
 */
export const activations = (model: Model, weights: Weights, images: Tensor): Tensor[] =>
  tidy(() => {
    let x = images
    return model.layers.map((layer) => {
      const { y } = runLayers([layer], weights, x, { mode: 'evaluation' })
      x = y === x ? x.clone() : y // what does nothing in use gives back what it was given
      return x
    })
  })

/** The loss of one batch and its gradients. The caller disposes of the tensors. */
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
  /** Softmax cross-entropy by default. */
  readonly loss?: LossFunction
  /** 'training' by default. */
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
 * @throws Error if a layer draws and there is no generator
 */
export const lossAndGradients = (
  model: Model,
  weights: Weights,
  images: Tensor,
  labels: Tensor1D,
  scale: number,
  { loss = softmaxCrossEntropy, mode = 'training', generator }: LossOptions = {},
): LossAndGradients => {
  if (mode === 'training' && !generator && allLayers(model.layers).some(({ type }) => type.draws))
    throw new Error(`the model "${model.name}" draws in training, and was given no generator`)
  const { summary, gradients, buffers } = tidy(() => {
    const pass = { mode, generator: mode === 'training' ? generator : undefined }
    const { y, buffers, back } = runLayers(model.layers, weights, images, pass)
    const { summary, dLogits } = loss(y as Tensor2D, labels, scale)
    return { summary, gradients: back(dLogits, false).gradients, buffers: { ...buffers } }
  })
  return { summary, gradients: new Map(Object.entries(gradients)), buffers: new Map(Object.entries(buffers)) }
}
