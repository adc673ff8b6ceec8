export {
  caseStudyModels,
  catalogue,
  mnistFit,
  modelNames,
  resolveModel,
  type CatalogueModel,
  type Fit,
  type ModelName,
} from './catalogue'
export {
  allLayers,
  defineModel,
  unknownLayerTypes,
  type ForeignLayer,
  type Layer,
  type Model,
  type ModelDefinition,
  type ModelExtensions,
  type Parameter,
  type ShapedLayer,
} from './definition'
export { definitionSchema, type JsonSchema } from './definition-schema'
export { firstLayerWeights } from './first-layer'
export { constant, kaimingUniform, uniformWithin, type Initial } from './initial-values'
export { initialWeights } from './initial-weights'
export type { Array64, Kit, Kit64 } from './kit'
export {
  defineLayer,
  type ActivationShape,
  type ArraySpec,
  type ArraySpecs,
  type ByName,
  type Fusion,
  type KerasLayer,
  type LayerGradients,
  type LayerPlace,
  type LayerResult,
  type LayerRun,
  type LayerType,
  type Mode,
  type NestedLayer,
  type OnnxAttribute,
  type OnnxNode,
  type Part,
  type PartResult,
  type WeightAndBias,
} from './layer-type'
export { layerTypes, type KnownLayer } from './layers'
export { checkStateDict, readTfjsLayout, type StateDict64 } from './layout'
export { trainingMemory, type TrainingMemory, type TrainingSize } from './memory'
export { ModelError, type ModelPath } from './model-error'
export {
  boolean,
  choice,
  completeOptions,
  integer,
  layerList,
  layerName,
  list,
  number,
  optionsHelp,
  optionsSchema,
  sides,
  type Bounds,
  type CompletedOptions,
  type GivenOptions,
  type Option,
  type OptionSpec,
  type OptionsPlace,
  type OptionTable,
  type Presence,
} from './options'
export { isRecord, shownSentence, shownValue } from './shown'
export type { StateDict, StateEntry } from './state-dict'
export type { Sides } from './windows'
export { denseLayout, featureLayout, filterLayout, type Layout } from './tensor-layout'
