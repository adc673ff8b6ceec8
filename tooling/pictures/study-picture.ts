// The first test images before and after training, beside the curves of the three models.
import { comparisonFigures, fixedImagesFigure, type Figure } from '@digitlab/report/figures'
import { palettes } from '../../packages/report/src/theme'
import type { Look } from './look'
import { sideBySide } from './side-by-side'
import { inputsOf, type Study } from './study'

/** @throws Error where a model is missing */
export const studyPicture = (study: Study, { theme, narrow }: Look): string => {
  const inputs = inputsOf(study)
  const cnn = inputs.find(({ curves: { run } }) => run.model.name === 'cnn')
  const curves = comparisonFigures(inputs.map(({ curves }) => curves)).find(({ id }) => id === 'accuracies')
  if (!cnn || !curves) throw new Error('expected a run of the cnn in the study')
  const digits = (when: 'before' | 'after', width: number): Figure =>
    fixedImagesFigure(cnn.images, cnn.shown, when, { theme, width })
  const { paper } = palettes[theme]
  if (!narrow) {
    const [before, after] = [digits('before', 256), digits('after', 256)]
    const chart = curves.draw({ theme, width: 372 })
    const [x, y] = [before.width + 12, Math.max(0, (before.height - chart.height) / 2)]
    return sideBySide(
      [
        { figure: before, x: 0, y: 0 },
        { figure: after, x, y: 0 },
        { figure: chart, x: 2 * x, y },
      ],
      paper,
      altOf([before, after, chart]),
    )
  }
  const [before, after, chart] = [digits('before', 172), digits('after', 172), curves.draw({ theme, width: 356 })]
  return sideBySide(
    [
      { figure: before, x: 0, y: 0 },
      { figure: after, x: before.width, y: 0 },
      { figure: chart, x: 0, y: before.height },
    ],
    paper,
    altOf([before, after, chart]),
  )
}

/** The titles say it; the curves have numbers besides. */
const altOf = ([before, after, chart]: readonly [Figure, Figure, Figure]): string =>
  `The cnn's first test images. ${before.title}. ${after.title}. Test accuracy per epoch. ${chart.alt}`
