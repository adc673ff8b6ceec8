import { accuracyBefore } from './before-training'
import type { DrawnImages, ReportInput } from './drawn-run'
import type { Figure, FigureOptions } from './figure'
import { figureChoices, type FigureId, type FigureIdOf } from './figure-choices'
import { accuracyFigure } from './figures/accuracy'
import { augmentedFigure } from './figures/augmented'
import { classAccuracyFigure } from './figures/class-accuracy'
import { comparisonFigure } from './figures/comparison'
import { confusionFigure } from './figures/confusion'
import { accuraciesFigure, lossesFigure } from './figures/curves'
import { fixedImagesFigure, mistakesFigure } from './figures/digits'
import { featureMapsFigure, firstLayerFigure } from './figures/first-layer'
import { learningRateFigure } from './figures/learning-rate'
import { lossFigure } from './figures/loss'
import { mcNemarFigure } from './figures/mcnemar'
import { reliabilityFigure } from './figures/reliability'
import { accuraciesChart, accuracyChart, lossChart, lossesChart, type LineChart } from './line-charts'

/** Draws the figure. */
export type Draw = (options?: FigureOptions) => Figure

/** A figure that can be drawn, at any width and in any theme. */
export interface Drawable {
  readonly id: FigureId
  readonly draw: Draw
  /** Its curves as numbers, if it has any: a page's script draws them anew. */
  readonly lines?: () => LineChart
}

const list = (
  entries: Readonly<Partial<Record<FigureId, Draw | undefined>>>,
  curves: Readonly<Partial<Record<FigureId, () => LineChart>>>,
): Drawable[] =>
  figureChoices.flatMap(({ id }) => {
    const [draw, lines] = [entries[id], curves[id]]
    return draw ? [{ id, draw, ...(lines ? { lines } : {}) }] : []
  })

/** The figures of a run, in the order of a report; those without data are left out. */
export const runFigures = (input: ReportInput): Drawable[] => {
  const { run, predictions, images, augmented, firstLayer, featureMaps } = input
  const { classNames } = run.dataset
  const before = accuracyBefore({ run, ...(predictions ? { predictions } : {}) })
  const seen = predictions && images ? { predictions, images } : undefined
  const drawn: Readonly<Record<FigureIdOf<'run'>, Draw | undefined>> = {
    before:
      seen && ((options) => fixedImagesFigure(seen.images, seen.predictions, 'before', { ...options, classNames })),
    after: seen && ((options) => fixedImagesFigure(seen.images, seen.predictions, 'after', { ...options, classNames })),
    augmented: augmented && ((options) => augmentedFigure(augmented, options)),
    loss: (options) => lossFigure(run, options),
    accuracy: (options) => accuracyFigure(run, { ...options, before }),
    'learning-rate': run.history.learningRates && ((options) => learningRateFigure(run, options)),
    confusion: (options) => confusionFigure(run, options),
    'class-accuracy': (options) => classAccuracyFigure(run, options),
    mistakes: seen && ((options) => mistakesFigure(seen.images, seen.predictions, { ...options, classNames })),
    reliability: predictions && ((options) => reliabilityFigure(predictions, options)),
    'first-layer':
      firstLayer &&
      images &&
      ((options) => firstLayerFigure(firstLayer, { ...options, classNames, imageShape: shapeOf(images) })),
    'feature-maps':
      featureMaps && ((options) => featureMapsFigure(featureMaps, { ...options, ...(images ? { images } : {}) })),
  }
  // Without an epoch, or a loss that is a number, there is a sentence in the place of the curves.
  return list(drawn, {
    ...(run.history.stepLosses.some(Number.isFinite) ? { loss: () => lossChart(input) } : {}),
    ...(run.history.epochs.length > 0 ? { accuracy: () => accuracyChart(input) } : {}),
  })
}

const shapeOf = ({ height, width, channels }: DrawnImages): readonly [number, number, 3?] =>
  channels ? [height, width, channels] : [height, width]

/** The figures of several runs side by side. */
export const comparisonFigures = (inputs: readonly ReportInput[]): Drawable[] => {
  const drawn: Readonly<Record<FigureIdOf<'runs'>, Draw>> = {
    comparison: (options) => comparisonFigure(inputs, options),
    accuracies: (options) => accuraciesFigure(inputs, options),
    losses: (options) => lossesFigure(inputs, options),
    mcnemar: (options) => mcNemarFigure(inputs, options),
  }
  return list(drawn, {
    ...(inputs.some(({ run }) => run.history.epochs.length > 0) ? { accuracies: () => accuraciesChart(inputs) } : {}),
    ...(inputs.some(({ run }) => run.history.stepLosses.some(Number.isFinite))
      ? { losses: () => lossesChart(inputs) }
      : {}),
  })
}
