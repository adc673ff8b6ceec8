export { calibration, confidentMistakes, type Calibration, type CalibrationBin, type Mistake } from './calibration'
export { comparedPairs, runLabels, type ComparedPair } from './compared-runs'
export {
  compareRuns,
  comparisonJson,
  comparisonMarkdown,
  comparisonText,
  type Comparison,
  type ComparisonGroup,
  type ComparisonRow,
  type Spread,
} from './comparison'
export type {
  AugmentedImages,
  DrawnEpoch,
  DrawnImages,
  DrawnLoss,
  DrawnRun,
  FeatureMaps,
  FirstLayer,
  ReportInput,
  RunPredictions,
} from './drawn-run'
export { captionOf, figureChoices, type FigureChoice, type FigureId, type FigureIdOf } from './figure-choices'
export { gridPng, imageGrid, type GridPicture, type ImageGridOptions } from './image-grid'
export { mcNemar, type McNemar } from './mcnemar'
export { classificationMetrics, confusionMatrix, wilsonInterval, type ClassMetrics, type Metrics } from './metrics'
export { metricsMarkdown, metricsText, type MetricsTextOptions } from './metrics-text'
export { duration, grouped, percent } from './number-text'
export { reportDocument, type ReportDocument, type RunDocument } from './report-document'
export { ReportError } from './report-error'
export { reportMarkdown, type LinkedFigure } from './report-markdown'
export { markdownTable, textTable, type Column, type TextTableOptions } from './table'
export { terminalGrid, type TerminalGridOptions } from './terminal-grid'
export { terminalPredictions, type TerminalPredictionsOptions } from './terminal-predictions'
export { greyImages, shrunkImages } from './shrunk-images'
export { tensorboardEvent, tensorboardHeader, type TensorboardTime, type TensorboardValue } from './tensorboard'
