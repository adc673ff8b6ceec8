// Images run over the predictions that were checked on entry: each `!` is in range.
import { checkPredictions, confidentMistakes, type Mistake } from '../calibration'
import type { DrawnImages, RunPredictions } from '../drawn-run'
import { defaultWidth, emptyFigure, figureOf, fitted, textWidth, type Figure, type FigureOptions } from '../figure'
import { imageCount } from '../image-grid'
import { pictureOf } from '../pixels'
import { ReportError } from '../report-error'
import { grouped, percent } from '../number-text'
import { paletteOf } from '../theme'
import { tiles } from './tiles'

/** How a figure of images looks, and what its classes are called. */
export interface DigitsOptions extends FigureOptions {
  /** Names of the classes, their numbers by default. */
  readonly classNames?: readonly string[]
}

/** How many test images the case study looks at before and after training: the first ones. */
export const fixedImages = 64

/** The widest a picture of a grid is drawn. */
const widest = 62

const nameOf = (classNames: readonly string[] | undefined, label: number) => classNames?.[label] ?? String(label)

/** Throws a {@link ReportError} unless there is an image for each prediction. */
const checkImages = ({ pixels, height, width, channels }: DrawnImages, { labels }: RunPredictions) => {
  const count = imageCount(pixels, height, width, channels)
  if (count < labels.length)
    throw new ReportError(
      `expected an image for each of ${labels.length} predictions, found ${count}: give every test image`,
    )
}

/** A grid of images, each with its caption. */
export const imageGridFigure = (
  images: DrawnImages,
  captions: readonly string[],
  options: FigureOptions & { readonly title?: string; readonly id?: string } = {},
): Figure => {
  const { width = defaultWidth, theme = 'light', title = 'Images', id = 'images' } = options
  const count = imageCount(images.pixels, images.height, images.width, images.channels)
  if (captions.length !== count)
    throw new ReportError(`expected a caption for each of ${count} images, found ${captions.length}: give one for each`)
  const columns = Math.max(1, Math.floor((width + 8) / (widest + 8)))
  const side = (width - (columns - 1) * 8) / columns
  const drawn = tiles(
    captions.map((caption, n) => ({ ...pictureOf(images, n, theme), captions: [fitted(caption, side + 6, 11)] })),
    { width, columns, ratio: images.height / images.width, fontSize: 11, palette: paletteOf(theme) },
  )
  const alt = `${grouped(count)} images: ${captions.slice(0, 100).join(', ')}${count > 100 ? ' ...' : ''}.`
  return figureOf({ id, title, alt, width, ...drawn }, options)
}

/**
 * The case study's fixed images, the first 64 of the test images, each titled by its true and its predicted class: `T:7 P:2`.
 * A mistake has a frame and a title in the colour of mistakes, and a cross.
 *
 * @param when whose predictions: those of the initial weights, or those at the end
 * @throws ReportError if predictions and images do not match
 */
export const fixedImagesFigure = (
  images: DrawnImages,
  predictions: RunPredictions,
  when: 'before' | 'after',
  options: DigitsOptions = {},
): Figure => {
  const { width = defaultWidth, theme = 'light', classNames } = options
  checkPredictions(predictions)
  checkImages(images, predictions)
  const { labels } = predictions
  const count = Math.min(fixedImages, labels.length)
  const shown = Array.from({ length: count }, (_, image) => {
    const [label, predicted] = [labels[image]!, predictions[when][image]!]
    return { image, label, predicted, wrong: label !== predicted }
  })
  const long = shown.some(({ label, predicted }) =>
    [label, predicted].some((c) => [...nameOf(classNames, c)].length > 2),
  )
  const columns = Math.max(1, Math.min(8, Math.floor((width + 8) / (52 + 8))))
  const fontSize = width / columns < 58 ? 10.5 : 11.5
  const room = width / columns - 4
  const caption = (mark: 'T' | 'P', c: number) => fitted(`${mark}:${nameOf(classNames, c)}`, room, fontSize - 1.5)
  const drawn = tiles(
    shown.map(({ image, label, predicted, wrong }) => ({
      ...pictureOf(images, image, theme),
      wrong,
      title: `test image ${image + 1}: true class ${nameOf(classNames, label)}, predicted ${nameOf(classNames, predicted)}`,
      captions: long
        ? [caption('T', label), caption('P', predicted)]
        : [`T:${nameOf(classNames, label)} P:${nameOf(classNames, predicted)}`],
    })),
    {
      width,
      columns,
      ratio: images.height / images.width,
      fontSize: long ? fontSize - 1.5 : fontSize,
      palette: paletteOf(theme),
    },
  )
  const mistakes = shown.filter(({ wrong }) => wrong)
  const title = `${when === 'before' ? 'Before' : 'After'} training: ${count - mistakes.length} of ${count} right`
  const alt = [
    `The first ${count} test images with true and predicted class ${when} training.`,
    mistakes.length === 0
      ? 'All are right.'
      : `Mistaken: ${mistakes.map(({ image, label, predicted }) => `image ${image + 1} (${nameOf(classNames, label)} taken for ${nameOf(classNames, predicted)})`).join(', ')}.`,
  ].join(' ')
  return figureOf({ id: when, title, alt, width, ...drawn }, options)
}

/** The most confident mistakes, with the probabilities of the predicted and the true class. */
export const mistakesFigure = (
  images: DrawnImages,
  predictions: RunPredictions,
  options: DigitsOptions = {},
): Figure => {
  const { width = defaultWidth, theme = 'light', classNames } = options
  checkImages(images, predictions)
  const [id, title] = ['mistakes', 'Most confident mistakes']
  const mistakes = confidentMistakes(predictions, 24)
  const all = predictions.labels.length
  if (mistakes.length === 0)
    return emptyFigure({ id, title, sentence: `No mistake was made on ${grouped(all)} test images.` }, options)
  const [gap, fontSize] = [14, 11]
  const columns = Math.max(1, Math.floor((width + gap) / (74 + gap)))
  const side = (width - (columns - 1) * gap) / columns
  const line = (mark: 'T' | 'P', c: number, probability: number) => {
    const share = shareText(probability)
    const room = side + gap - 4 - textWidth(` ${share}`, fontSize)
    return `${fitted(`${mark}:${nameOf(classNames, c)}`, room, fontSize)} ${share}`
  }
  const drawn = tiles(
    mistakes.map((mistake) => ({
      ...pictureOf(images, mistake.image, theme),
      title: wordsOf(mistake, classNames),
      captions: [line('P', mistake.predicted, mistake.confidence), line('T', mistake.label, mistake.labelProbability)],
    })),
    { width, columns, ratio: images.height / images.width, fontSize, palette: paletteOf(theme), gap },
  )
  const alt = `Of all mistakes these had the highest probability: ${mistakes.map((mistake) => wordsOf(mistake, classNames)).join('; ')}.`
  return figureOf({ id, title, alt, width, ...drawn }, options)
}

const wordsOf = (
  { image, label, predicted, confidence, labelProbability }: Mistake,
  classNames: DigitsOptions['classNames'],
) =>
  `test image ${image + 1}, ${nameOf(classNames, label)} taken for ${nameOf(classNames, predicted)} with ${percent(confidence)}, ${percent(labelProbability)} for the true class`

/** 99.8%, 100% only where it is as good as certain. */
const shareText = (probability: number): string => {
  const shown = (100 * probability).toFixed(1)
  return `${shown === '100.0' && probability < 0.99995 ? '99.9' : shown}%`
}
