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
} from '@digitlab/ops'
import { reshape, tidy, type Tensor, type Tensor1D, type Tensor2D, type Tensor4D } from '@tensorflow/tfjs-core'
import type { Layer, Model } from './definition'
import type { Weights } from './weights'

/** What one operation made, and how a gradient goes back through it. Its tensors belong to the tidy around it. */
interface Step {
  readonly y: Tensor
  /** @returns the gradient of x (undefined where it was not asked for), and those of the weights by name */
  readonly back: (dy: Tensor, needsInputGradient: boolean) => { dx: Tensor | undefined; gradients: [string, Tensor][] }
}

/**
 * Runs the layers on images [batch, height, width, channels]. Neighbours that one operation computes are taken together:
 * dense + relu, and conv2d of stride 1 + relu + maxPool2d of 2. A flatten is free: memory already is in that order.
 */
const runLayers = (model: Model, weights: Weights, images: Tensor): Step[] => {
  const steps: Step[] = []
  const layers = model.layers.map(({ layer }) => layer)
  let x = images
  for (let position = 0; position < layers.length;) {
    const [layer, next, afterNext] = layers.slice(position) as [Layer, Layer?, Layer?]
    const { step, taken } = runLayer(x, weights, layer, next, afterNext)
    steps.push(step)
    x = step.y
    position += taken
  }
  return steps
}

const runLayer = (
  x: Tensor,
  weights: Weights,
  layer: Layer,
  next: Layer | undefined,
  afterNext: Layer | undefined,
): { step: Step; taken: number } => {
  switch (layer.type) {
    case 'dense': {
      const activation = next?.type === 'relu' ? 'relu' : 'identity'
      const [weight, bias] = parametersOf<Tensor2D>(weights, layer.name)
      const y = dense(x, weight, bias, activation)
      const back: Step['back'] = (dy, needsInputGradient) => {
        const { dx, dWeight, dBias } = denseGrad(dy as Tensor2D, x, weight, y, activation, needsInputGradient)
        return { dx, gradients: named(layer.name, dWeight, dBias) }
      }
      return { step: { y, back }, taken: activation === 'relu' ? 2 : 1 }
    }
    case 'conv2d': {
      const { stride = 1, padding = 0 } = layer
      const [filter, bias] = parametersOf<Tensor4D>(weights, layer.name)
      const image = x as Tensor4D
      if (stride === 1 && next?.type === 'relu' && afterNext?.type === 'maxPool2d' && afterNext.size === 2) {
        const forward = convReluPool(image, filter, bias, padding)
        const back: Step['back'] = (dy, needsInputGradient) => {
          const to = convReluPoolGrad(dy as Tensor4D, image, filter, forward, padding, needsInputGradient)
          return { dx: to.dx, gradients: named(layer.name, to.dFilter, to.dBias) }
        }
        return { step: { y: forward.y, back }, taken: 3 }
      }
      const back: Step['back'] = (dy, needsInputGradient) => {
        const to = convolutionGrad(dy as Tensor4D, image, filter, { stride, padding }, needsInputGradient)
        return { dx: to.dx, gradients: named(layer.name, to.dFilter, to.dBias) }
      }
      return { step: { y: convolution(image, filter, bias, { stride, padding }), back }, taken: 1 }
    }
    case 'relu': {
      const y = rectify(x)
      return { step: { y, back: (dy) => ({ dx: rectifyGrad(dy, y), gradients: [] }) }, taken: 1 }
    }
    case 'maxPool2d': {
      const image = x as Tensor4D
      const y = maxPool(image, layer.size)
      const back: Step['back'] = (dy) => ({ dx: maxPoolGrad(dy as Tensor4D, image, y, layer.size), gradients: [] })
      return { step: { y, back }, taken: 1 }
    }
    case 'flatten': {
      const y = reshape(x, [x.shape[0] ?? 0, -1])
      return { step: { y, back: (dy) => ({ dx: reshape(dy, x.shape), gradients: [] }) }, taken: 1 }
    }
  }
}

const parametersOf = <W extends Tensor>(weights: Weights, name: string): [weight: W, bias: Tensor1D] =>
  // uploadWeights made them from the same definition, in these ranks
  [weights.get(`${name}.weight`) as W, weights.get(`${name}.bias`) as Tensor1D]

const named = (name: string, weight: Tensor, bias: Tensor): [string, Tensor][] => [
  [`${name}.weight`, weight],
  [`${name}.bias`, bias],
]

/**
 * The model's logits.
 *
 * @param images [batch, height, width, channels] float32
 * @returns [batch, classes]
 */
export const logits = (model: Model, weights: Weights, images: Tensor): Tensor2D =>
  tidy(() => runLayers(model, weights, images).at(-1)?.y as Tensor2D)

/** What one batch says of the weights. Whoever asked for it disposes of the tensors. */
export interface LossAndGradients {
  /** Shape [2]; the loss, and how many of the batch were classified rightly. */
  readonly summary: Tensor1D
  /** By the names of the weights and in their shapes. */
  readonly gradients: ReadonlyMap<string, Tensor>
}

/**
 * The cross-entropy of a batch and its gradient with respect to every weight.
 *
 * @param images [batch, height, width, channels] float32
 * @param labels [batch] int32
 * @param scale 1 / batch for the mean loss; 1 / (whole batch) for a worker's share of one
 * @returns tensors that the caller disposes of, or that a tidy around the call does
 */
export const lossAndGradients = (
  model: Model,
  weights: Weights,
  images: Tensor,
  labels: Tensor1D,
  scale: number,
): LossAndGradients => {
  const { summary, ...found } = tidy(() => {
    const gradients: Record<string, Tensor> = {}
    const steps = runLayers(model, weights, images)
    const { summary, dLogits } = softmaxCrossEntropy(steps.at(-1)?.y as Tensor2D, labels, scale)
    let dy: Tensor = dLogits
    // Nothing before the first layer with weights needs a gradient.
    const first = steps.length - 1 - firstTrainable(model)
    for (const [fromEnd, step] of [...steps].reverse().entries()) {
      const { dx, gradients: ofStep } = step.back(dy, fromEnd < first)
      for (const [name, gradient] of ofStep) gradients[name] = gradient
      if (dx === undefined || fromEnd >= first) break
      dy = dx
    }
    return { ...gradients, summary }
  })
  return { summary, gradients: new Map(Object.entries(found)) }
}

/** The step in which the first weights are used. Before it no layers are fused, so steps and layers count alike. */
const firstTrainable = (model: Model): number => model.layers.findIndex(({ parameters }) => parameters.length > 0)
