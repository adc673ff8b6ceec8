// Images run over the predictions that were checked on entry: each `!` is in range.
import { checkPredictions } from './calibration'
import type { DrawnImages, RunPredictions } from './drawn-run'
import { checkWhole, imageCount } from './image-grid'
import { ReportError } from './report-error'
import { greyImages, shrunkImages } from './shrunk-images'
import { terminalGrid, type TerminalGridOptions } from './terminal-grid'

/** Which test images are shown, and what the terminal can show. */
export interface TerminalPredictionsOptions extends Pick<TerminalGridOptions, 'colour' | 'terminalWidth'> {
  /** Names of the classes, their numbers by default. */
  readonly classNames?: readonly string[]
  /** How many of the first test images, 64 by default. */
  readonly count?: number
  /** How many pixels become one, in each direction; 2 by default. */
  readonly shrink?: number
}

/**
 * The first test images for a terminal, each with its true and its predicted class; a cross marks a mistake.
 *
 * @param when whose predictions: those of the initial weights, or those at the end
 * @throws ReportError if predictions and images do not match
 */
export const terminalPredictions = (
  given: DrawnImages,
  predictions: RunPredictions,
  when: 'before' | 'after',
  options: TerminalPredictionsOptions,
): string => {
  const { classNames, count: most = 64, shrink = 2, ...grid } = options
  const images = greyImages(given)
  checkPredictions(predictions)
  const { labels } = predictions
  const count = Math.min(checkWhole('count', most), labels.length)
  const size = images.height * images.width
  if (imageCount(images.pixels, images.height, images.width) < count)
    throw new ReportError(
      `expected an image for each of ${count} predictions, found ${images.pixels.length / size}: give every test image`,
    )
  const small = shrunkImages({ ...images, pixels: images.pixels.subarray(0, count * size) }, shrink)
  const nameOf = (label: number) => classNames?.[label] ?? String(label)
  const wrong = Array.from({ length: count }, (_, image) => labels[image] !== predictions[when][image])
  const captions = wrong.map((mistaken, image) => {
    const [label, predicted] = [nameOf(labels[image]!), nameOf(predictions[when][image]!)]
    const half = Math.max(1, Math.floor((small.width - 7) / 2))
    return `T:${label.slice(0, half)} P:${predicted.slice(0, half)}${mistaken ? ' \u00d7' : ''}`
  })
  const right = wrong.filter((mistaken) => !mistaken).length
  return [
    `${when} training: ${right} of ${count} right`,
    '',
    terminalGrid(small.pixels, { ...grid, height: small.height, width: small.width, labels: captions, wrong }),
  ].join('\n')
}
