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
export type { Figure, FigureOptions } from './figure'
export { accuracyFigure } from './figures/accuracy'
export { augmentedFigure } from './figures/augmented'
export { classAccuracyFigure } from './figures/class-accuracy'
export { learningRateFigure } from './figures/learning-rate'
export { comparisonFigure } from './figures/comparison'
export { confusionFigure } from './figures/confusion'
export { fixedImages, fixedImagesFigure, imageGridFigure, mistakesFigure, type DigitsOptions } from './figures/digits'
export { featureMapsFigure, firstLayerFigure, type FirstLayerOptions } from './figures/first-layer'
export { lossFigure } from './figures/loss'
export type { ChartLine, LineChart } from './line-charts'
export { mcNemarFigure } from './figures/mcnemar'
export { reliabilityFigure } from './figures/reliability'
export { comparisonReportHtml, runReportHtml } from './report-html'
export { comparisonFigures, runFigures, type Draw, type Drawable } from './run-figures'
export type { PageValue } from './sweep-charts'
export { sweepReportHtml, type BestSetting, type SweepReportInput, type SweptRun } from './sweep-html'
export type { Theme } from './theme'
