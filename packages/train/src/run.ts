// Runs and the files of their folders: read, checked and written without anything that computes.
export type { Environment } from './environment'
export type { Evaluation, Predictions } from './evaluate'
export { parseRun } from './parse-run'
export {
  isDataOf,
  predictionsFile,
  readableJson,
  readPredictions,
  readRunWeights,
  runFiles,
  type KeptPredictions,
} from './run-files'
export type { RunResult } from './run-options'
export { epochScore, runVersion, type EpochRecord, type Run } from './run-record'
