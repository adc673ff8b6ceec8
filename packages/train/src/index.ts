export * from './experiment'
export * from './run'
export {
  readCheckpoint,
  writeCheckpoint,
  type Checkpoint,
  type CheckpointInterval,
  type EpochTotals,
} from './checkpoint'
export { environment } from './environment'
export { evaluate, predict } from './evaluate'
export { figureSources, type FigureSources } from './figure-sources'
export { weightsId, type Initial } from './initial'
export { createOptimizer, type Optimizer, type OptimizerState, type Steps } from './optimizer'
export type { ParityCell, ParityPair } from './compare-sides'
export { runParity, type Parity, type ParityOptions } from './parity'
export { parityChecks, type ParityCheck } from './parity-tolerances'
export { parseReferenceTrace, type ReferenceTrace } from './reference-trace'
export { firstLosses64 } from './float64'
export { earlyStopping, type CallbackContext, type EarlyStoppingOptions, type RunCallback } from './run-callback'
export { runExperiment } from './run-experiment'
export type { ImageWorkerOptions, WorkerThread } from './image-workers'
export type { Progress, RunOptions, Standing } from './run-options'
export { trainEvents, type TrainEvent } from './train-events'
