export { firstFeatureMaps } from './feature-maps'
export { lossAndGradients64, type LossFunction64, type LossOptions64 } from './float64'
export {
  activations,
  logits,
  lossAndGradients,
  type LossAndGradients,
  type LossFunction,
  type LossOptions,
} from './forward'
export { disposeWeights, downloadWeights, uploadWeights, type Weights } from './weights'
