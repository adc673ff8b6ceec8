export {
  compareRuns,
  comparisonMarkdown,
  comparisonText,
  type Comparison,
  type ComparisonGroup,
  type ComparisonRow,
  type Spread,
} from './comparison'
export {
  gridPng,
  imageGrid,
  terminalGrid,
  type GreyPicture,
  type ImageGridOptions,
  type TerminalGridOptions,
} from './image-grid'
export {
  classificationMetrics,
  confusionMatrix,
  ReportError,
  wilsonInterval,
  type ClassMetrics,
  type Metrics,
} from './metrics'
export { metricsMarkdown, metricsText } from './metrics-text'
