export { catalogue, mnistFit, modelNames, resolveModel, type Fit, type ModelName } from './catalogue'
export {
  defineModel,
  type ActivationShape,
  type Layer,
  type Model,
  type ModelDefinition,
  type Parameter,
  type ShapedLayer,
} from './definition'
export { trainingMemory, type TrainingMemory } from './memory'
export { ModelError } from './model-error'
export { lossAndGradients64 } from './float64'
export { firstFeatureMaps, firstLayerWeights } from './first-layer'
export { logits, lossAndGradients, type LossAndGradients } from './forward'
export { initialWeights } from './initial-weights'
export { checkStateDict, readTfjsLayout, type StateDict64 } from './layout'
export type { StateDict, StateEntry } from './state-dict'
export {
  boolean,
  choice,
  completeOptions,
  integer,
  layerName,
  list,
  number,
  optionsHelp,
  optionsSchema,
  type Bounds,
  type CompletedOptions,
  type GivenOptions,
  type Option,
  type OptionSpec,
  type OptionsPlace,
  type OptionTable,
  type Presence,
} from './options'
export { isRecord, shownValue } from './shown'
export { disposeWeights, downloadWeights, uploadWeights, type Weights } from './weights'
