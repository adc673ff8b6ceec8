// Experiments: what to run, checked and named, without anything that computes.
export {
  defineAugmentation,
  type AugmentationType,
  type Coordinates,
  type Draws,
  type ImageSize,
  type Mix,
  type Paint,
  type Warp,
} from './augmentation-type'
export { augmentationTypes } from './augmentations'
export {
  augmentedCaptions,
  augmentedImages,
  augmentedSample,
  type AugmentedImages,
  type AugmentedSample,
} from './augmented-images'
export {
  completeExperiment,
  experimentDefaults,
  experimentDifference,
  experimentId,
  optimizerDefaults,
  torchSeed,
  type AugmentationOptions,
  type Experiment,
  type ExperimentInput,
  type InitialOptions,
  type ListedScheduleOptions,
  type LossChoice,
  type OptimizerOptions,
  type ScheduleOptions,
} from './complete-experiment'
export {
  experimentOptions,
  experimentParts,
  type AverageOptions,
  type EarlyStoppingChoice,
  type ExperimentExtras,
  type GivenExtras,
  type NormalizeOptions,
  type ValidationOptions,
} from './experiment-options'
export type { Extensions } from './extensions'
export { lossTypes } from './losses'
export {
  defineLoss,
  type LossInputs,
  type LossInputs64,
  type LossKit,
  type LossOutputs,
  type LossType,
} from './loss-type'
export { defineMetric, type MetricInputs, type MetricType } from './metric-type'
export {
  defineOptimizer,
  type OptimizerKit,
  type OptimizerStep,
  type OptimizerStep64,
  type OptimizerType,
} from './optimizer-type'
export { optimizerTypes } from './optimizers'
export type { Monitor, Monitored } from './monitor'
export { recipeOf, recipes, withRecipe, type Recipe } from './recipes'
export { defineSchedule, type SchedulePlace, type ScheduledRun, type ScheduleType } from './schedule-type'
export { scheduleTypes } from './schedules'
export { isMendable, TrainError, type TrainErrorCode } from './train-error'
