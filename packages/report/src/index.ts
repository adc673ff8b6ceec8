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
export { gridPng, imageGrid, type GreyPicture, type ImageGridOptions } from './image-grid'
export { classificationMetrics, confusionMatrix, wilsonInterval, type ClassMetrics, type Metrics } from './metrics'
export { metricsMarkdown, metricsText } from './metrics-text'
export { ReportError } from './report-error'
export { markdownTable, textTable, type Column } from './table'
export { terminalGrid, type TerminalGridOptions } from './terminal-grid'
