export {
  readCheckpoint,
  writeCheckpoint,
  type Checkpoint,
  type CheckpointInterval,
  type EpochTotals,
} from './checkpoint'
export { environment, type Environment } from './environment'
export { evaluate, predict, type Evaluation, type Predictions } from './evaluate'
export {
  completeExperiment,
  experimentDefaults,
  experimentDifference,
  experimentId,
  optimizerDefaults,
  torchSeed,
  TrainError,
  type Experiment,
  type ExperimentInput,
  type InitialOptions,
  type OptimizerOptions,
} from './experiment'
export { weightsId, type Initial } from './initial'
export { createOptimizer, type Optimizer, type OptimizerState } from './optimizer'
export {
  parityChecks,
  runParity,
  type Parity,
  type ParityCell,
  type ParityCheck,
  type ParityOptions,
  type ParityPair,
} from './parity'
export { parseRun } from './parse-run'
export { parseReferenceTrace, type ReferenceTrace } from './reference-trace'
export { firstLosses64 } from './float64'
export { runVersion, type EpochRecord, type Run } from './run'
export { runExperiment, type Progress, type RunOptions, type RunResult, type Standing } from './run-experiment'
export { predictionsFile, readableJson, readPredictions, runFiles, type KeptPredictions } from './run-files'
export type { WorkerOptions, WorkerThread } from './workers'
