// A model once more in float64, layer by layer without any fusing: what runs on every backend are compared with.
import { float64 } from '@digitlab/ops'
import type { Model } from './definition'
import type { StateDict64 } from './layout'

/**
 * Loss, right answers and the gradient of every weight for one batch, computed in float64 by plain loops.
 *
 * @param weights in tfjs's layout, as `readTfjsLayout` makes them
 * @param images [batch, height, width, channels]
 * @param labels [batch]
 * @param scale 1 / batch for the mean loss
 */
export const lossAndGradients64 = (
  model: Model,
  weights: StateDict64,
  images: float64.Array64,
  labels: ArrayLike<number>,
  scale: number,
): { loss: number; correct: number; gradients: StateDict64 } => {
  const gradients: StateDict64 = new Map()
  const backs: ((dy: float64.Array64) => float64.Array64)[] = []
  let x = images
  for (const { layer } of model.layers) {
    const from = x
    switch (layer.type) {
      case 'flatten': {
        const batch = from.shape[0] ?? 0
        x = { shape: [batch, from.data.length / batch], data: from.data }
        backs.push((dy) => ({ shape: from.shape, data: dy.data }))
        break
      }
      case 'relu': {
        const y = float64.relu(from)
        x = y
        backs.push((dy) => float64.reluGrad(dy, y))
        break
      }
      case 'maxPool2d':
        x = float64.maxPool(from, layer.size)
        backs.push((dy) => float64.maxPoolGrad(dy, from, layer.size))
        break
      case 'dense': {
        const [weight, bias] = parametersOf(weights, layer.name)
        x = float64.dense(from, weight, bias)
        backs.push((dy) => {
          const { dx, dWeight, dBias } = float64.denseGrad(dy, from, weight)
          gradients.set(`${layer.name}.weight`, dWeight).set(`${layer.name}.bias`, dBias)
          return dx
        })
        break
      }
      case 'conv2d': {
        const { stride = 1, padding = 0 } = layer
        const [filter, bias] = parametersOf(weights, layer.name)
        x = float64.convolution(from, filter, bias, stride, padding)
        backs.push((dy) => {
          const { dx, dFilter, dBias } = float64.convolutionGrad(dy, from, filter, stride, padding)
          gradients.set(`${layer.name}.weight`, dFilter).set(`${layer.name}.bias`, dBias)
          return dx
        })
        break
      }
    }
  }
  const { loss, correct, dLogits } = float64.softmaxCrossEntropy(x, labels, scale)
  let dy = dLogits
  for (const back of backs.reverse()) dy = back(dy)
  return { loss, correct, gradients }
}

const parametersOf = (weights: StateDict64, name: string): [float64.Array64, float64.Array64] => {
  const [weight, bias] = [weights.get(`${name}.weight`), weights.get(`${name}.bias`)]
  if (!weight || !bias) throw new Error(`no weights named ${name}`)
  return [weight, bias]
}
