import type { AugmentedImages } from '../drawn-run'
import type { Figure, FigureOptions } from '../figure'
import { grouped } from '../number-text'
import { imageGridFigure } from './digits'

/**
 * Training images as the first epoch saw them, each with its class, or with the two that are mixed.
 *
 * @throws ReportError if captions and images do not match
 */
export const augmentedFigure = (augmented: AugmentedImages, options: FigureOptions = {}): Figure => {
  const count = augmented.captions.length
  const title = `${grouped(count)} training ${count === 1 ? 'image' : 'images'} as the first epoch saw them`
  return imageGridFigure(augmented, augmented.captions, { ...options, title, id: 'augmented' })
}
