// Rows and columns run over a matrix that was checked on entry: each `!` is in range.
import type { DrawnRun } from '../drawn-run'
import { defaultWidth, element, escaped, figureOf, fitted, textAt, type Figure, type FigureOptions } from '../figure'
import { legend } from '../legend'
import { classesLeftOut, classificationMetrics, shownClasses } from '../metrics'
import { grouped, percent } from '../number-text'
import { paletteOf } from '../theme'

/**
 * Which classes are confused: a row for each true class, a column for each predicted one; in each cell the number of
 * images and their share of the row. Correct cells are tinted by that share, mistakes more strongly, so that even a few are visible.
 */
export const confusionFigure = ({ metrics, dataset }: DrawnRun, options: FigureOptions = {}): Figure => {
  const { width = defaultWidth, theme = 'light' } = options
  const palette = paletteOf(theme)
  const { confusion: whole, perClass: all } = classificationMetrics(metrics.confusion)
  const shown = shownClasses(whole)
  const classes = shown.length
  const confusion = shown.map((label) => shown.map((predicted) => whole[label]![predicted]!))
  const perClass = shown.map((label) => all[label]!)
  const names = shown.map((label) => dataset.classNames[label] ?? String(label))
  const named = names.some((name) => [...name].length > 2)
  const left = named ? Math.min(96, width * 0.22) : 34
  const cell = (width - left) / classes
  const height = Math.max(24, Math.min(cell, 52))
  const [counts, rates] = [fontOf(cell, 4), Math.max(7, fontOf(cell, 4) - 2)]
  const rate = (row: number, column: number) => {
    const images = perClass[row]!.count
    return images === 0 ? null : confusion[row]![column]! / images
  }
  const worst = Math.max(1e-9, ...confusion.flatMap((row, r) => row.map((_, c) => (r === c ? 0 : (rate(r, c) ?? 0)))))
  const key = legend(
    [
      { words: 'right', colour: palette.first, mark: 'bar' },
      { words: 'taken for another class', colour: palette.wrong, mark: 'bar' },
    ],
    width,
    palette,
  )
  const top = key.height + (named ? 62 : 36)
  const heading = { 'font-size': 12, fill: palette.muted }
  const column = (label: number) => {
    const x = left + (label + 0.5) * cell
    if (!named) return textAt(x, top - 7, names[label]!, { 'text-anchor': 'middle', 'font-weight': 600 })
    const turned = { transform: `rotate(-40 ${x} ${top - 7})`, 'font-size': 11 }
    return textAt(x, top - 7, fitted(names[label]!, 76, 11), turned)
  }
  const cellAt = (row: number, col: number) => {
    const [x, y] = [left + col * cell, top + row * height]
    const count = confusion[row]![col]!
    const share = rate(row, col)
    const right = row === col
    const part = right ? share : Math.sqrt((share ?? 0) / worst)
    const strength = count === 0 || part === null ? 0 : faintest + (strongest - faintest) * part
    const middle = { 'text-anchor': 'middle' }
    const words =
      share === null
        ? `no image of ${names[row]} was tested`
        : `${grouped(count)} of ${grouped(perClass[row]!.count)} images of ${names[row]} taken for ${names[col]}: ${percent(share)}`
    const hidden = count === 0 && !right
    return element(
      'g',
      { 'data-cell': `${shown[row]},${shown[col]}` },
      [
        element('title', {}, escaped(words)),
        element('rect', {
          x: x + 1,
          y: y + 1,
          width: cell - 2,
          height: height - 2,
          rx: 2,
          fill: strength === 0 ? palette.faint : right ? palette.first : palette.wrong,
          'fill-opacity': strength === 0 ? 0.3 : Number(strength.toFixed(3)),
        }),
        hidden
          ? textAt(x + cell / 2, y + height / 2 + 4, '\u00b7', { ...middle, fill: palette.muted })
          : textAt(x + cell / 2, y + height / 2 - 1, String(count), {
              ...middle,
              'font-size': counts,
              'font-weight': right ? 600 : 400,
            }),
        hidden
          ? ''
          : textAt(x + cell / 2, y + height / 2 + rates + 1, share === null ? 'none' : shareText(share), {
              ...middle,
              'font-size': rates,
            }),
      ].join(''),
    )
  }
  const content = [
    key.content,
    textAt(left + (width - left) / 2, key.height + 12, 'predicted', { ...heading, 'text-anchor': 'middle' }),
    textAt(0, top - 7, 'true', heading),
    ...names.map((_, label) => column(label)),
    ...names.map((name, row) =>
      textAt(left - 8, top + (row + 0.5) * height + 4, named ? fitted(name, left - 10, 11) : name, {
        'text-anchor': 'end',
        'font-size': named ? 11 : 12,
        'font-weight': 600,
      }),
    ),
    ...confusion.flatMap((row, r) => row.map((_, c) => cellAt(r, c))),
  ].join('')
  const drawing = {
    id: 'confusion',
    title: 'Confusion matrix',
    alt: [wordsOf(confusion, names), classesLeftOut(shown, whole.length)].join(' ').trim(),
    content,
    width,
  }
  return figureOf({ ...drawing, height: top + classes * height }, options)
}

/** How opaque a cell is at most: ink on it has a contrast of 4.5 in either theme. */
export const strongest = 0.54
const faintest = 0.12

/** As large as lets so many digits stand in a cell. */
const fontOf = (cell: number, digits: number): number => Math.max(8, Math.min(13, (cell - 4) / (digits * 0.62)))

/** 99.1%, 0.4%; all and nothing only where it is so. */
const shareText = (share: number): string => {
  if (share === 0 || share === 1) return `${100 * share}%`
  if (share < 0.001) return '<0.1%'
  return share > 0.999 ? '>99.9%' : `${(100 * share).toFixed(1)}%`
}

const wordsOf = (confusion: readonly (readonly number[])[], names: readonly string[]): string => {
  const mistakes = confusion
    .flatMap((row, label) => row.map((count, predicted) => ({ label, predicted, count })))
    .filter(({ label, predicted, count }) => label !== predicted && count > 0)
    .sort((a, b) => b.count - a.count)
  const total = mistakes.reduce((sum, { count }) => sum + count, 0)
  if (total === 0) return 'Every image was taken for what it is.'
  const most = mistakes
    .slice(0, 3)
    .map(({ label, predicted, count }) => `${names[label]} for ${names[predicted]} ${count} times`)
  return `${grouped(total)} mistakes; the most frequent: ${most.join(', ')}.`
}
