export { catalogue, mnistFit, modelNames, resolveModel, type Fit, type ModelName } from './catalogue'
export {
  defineModel,
  ModelError,
  type ActivationShape,
  type Layer,
  type Model,
  type ModelDefinition,
  type Parameter,
  type ShapedLayer,
} from './definition'
export { lossAndGradients64 } from './float64'
export { firstFeatureMaps, firstLayerWeights } from './first-layer'
export { logits, lossAndGradients, type LossAndGradients } from './forward'
export { initialWeights } from './initial-weights'
export { checkStateDict, readTfjsLayout, type StateDict64 } from './layout'
export type { StateDict, StateEntry } from './state-dict'
export { disposeWeights, downloadWeights, uploadWeights, type Weights } from './weights'
